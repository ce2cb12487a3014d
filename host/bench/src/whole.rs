//! The whole way: a simulation in one process, a pod in another; from the dispatch of a message to the request about it.

use crate::figure::Figure;
use anyhow::{Context, Result, bail};
use guildhall_harness::{Pod, PodOptions};
use guildhall_sim::{LoadConfig, LoadReport, SimConfig, Simulation};
use std::path::Path;
use std::time::Duration;

const GUILDS: usize = 1000;
const STEADY_RATE: u32 = 2000;
const STEADY_EVENTS: u64 = 40_000;
const SATURATED_EVENTS: u64 = 400_000;
/// Every so many messages one is answered by an action.
const PROBE_EVERY: u64 = 20;

/// Measures and prints.
pub(crate) fn run(binary: &Path, probe: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(measure(binary, probe, print))
}

async fn measure(binary: &Path, probe: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let simulation = Simulation::start(SimConfig {
        guilds: GUILDS,
        members: 100,
        global_limit: None,
        route_limits: false,
        compression: false,
        messages_kept: 64,
        ..SimConfig::default()
    })
    .await?;
    let options = PodOptions {
        binary: binary.to_owned(),
        plugins: vec![probe.to_owned()],
        // The simulation has no limit here: the bot's 45 requests a second would be all that is measured.
        configuration: "[discord]\nrequests_per_second = 100000\n".into(),
        show_log: false,
        disk_bytes: None,
    };
    let pod = Pod::start(options, &simulation).await?;
    // Every guild's file is open and its plugin prepared before anything is measured.
    let all = LoadConfig {
        events: 20_000,
        events_per_second: Some(STEADY_RATE),
        uniform: true,
        probe_every: 10,
        ..LoadConfig::default()
    };
    load(&simulation, &pod, all).await?;
    simulation.reset_latencies();

    let steady = LoadConfig {
        events: STEADY_EVENTS,
        events_per_second: Some(STEADY_RATE),
        uniform: true,
        probe_every: PROBE_EVERY,
        seed: 2,
        ..LoadConfig::default()
    };
    let (before, applied_before) = (pod.figures()?, applied(&pod).await?);
    let report = load(&simulation, &pod, steady).await?;
    let after = pod.figures()?;
    settle(&simulation).await?;
    let latency = simulation.latencies();
    let lost = (report.messages as f64 - (applied(&pod).await? - applied_before)) + latency.waiting as f64;
    for (name, value, unit) in [
        ("whole.p50_ms", latency.p50_ms, "ms"),
        ("whole.p99_ms", latency.p99_ms, "ms"),
        ("whole.p999_ms", latency.p999_ms, "ms"),
        (
            "whole.cpu_us",
            (after.cpu_seconds - before.cpu_seconds) * 1e6 / report.events as f64,
            "µs CPU/event",
        ),
    ] {
        print(&Figure {
            name: name.into(),
            value,
            unit,
            baseline: None,
        });
    }

    simulation.reset_latencies();
    let saturated = LoadConfig {
        events: SATURATED_EVENTS,
        events_per_second: None,
        uniform: true,
        probe_every: PROBE_EVERY * 50,
        seed: 3,
        ..LoadConfig::default()
    };
    let applied_before = applied(&pod).await?;
    let started = std::time::Instant::now();
    let report = load(&simulation, &pod, saturated).await?;
    let seconds = started.elapsed().as_secs_f64();
    let full = pod.figures()?;
    settle(&simulation).await?;
    let lost = lost
        + (report.messages as f64 - (applied(&pod).await? - applied_before))
        + simulation.latencies().waiting as f64;
    for (name, value, unit) in [
        ("whole.saturated_eps", report.events as f64 / seconds, "events/s"),
        (
            "whole.saturated_cpu_us",
            (full.cpu_seconds - after.cpu_seconds) * 1e6 / report.events as f64,
            "µs CPU/event",
        ),
        ("whole.rss_mib", full.resident_mib, "MiB"),
        ("whole.lost", lost, "events"),
    ] {
        print(&Figure {
            name: name.into(),
            value,
            unit,
            baseline: None,
        });
    }
    Ok(())
}

/// Runs a load and waits until the pod has applied all of it.
pub(crate) async fn load(simulation: &Simulation, pod: &Pod, load: LoadConfig) -> Result<LoadReport> {
    let before = applied(pod).await?;
    let report = simulation.run_load(load).await;
    let calls = "guildhall_plugin_calls_total{plugin=\"probe\"}";
    pod.wait_metric(calls, before + report.messages as f64, Duration::from_secs(60))
        .await
        .context("the pod fell behind")?;
    Ok(report)
}

async fn applied(pod: &Pod) -> Result<f64> {
    pod.metric("guildhall_plugin_calls_total{plugin=\"probe\"}").await
}

pub(crate) async fn settle(simulation: &Simulation) -> Result<()> {
    let acted = simulation
        .wait_until(Duration::from_secs(30), |simulation| {
            simulation.latencies().waiting == 0
        })
        .await;
    if !acted {
        bail!("{} probes were never answered", simulation.latencies().waiting);
    }
    Ok(())
}
