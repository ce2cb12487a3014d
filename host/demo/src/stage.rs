//! What happens on stage, in order.

use crate::Arguments;
use crate::report::Report;
use anyhow::{Context, Result};
use guildhall_harness::{GuildFiles, Pod, PodOptions};
use guildhall_sim::{JournalEntry, LoadConfig, Recording, SimConfig, Simulation};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const SETTLING: Duration = Duration::from_secs(60);
const PLUGINS: [&str; 3] = ["honeypot.wasm", "spam_guard.wasm", "tally.wasm"];

pub(crate) async fn play(arguments: Arguments) -> Result<Report> {
    let recording = Recording::read(&arguments.recording)?;
    let simulation = Simulation::start(SimConfig {
        guilds: arguments.guilds,
        ..SimConfig::default()
    })
    .await?;
    println!(
        "simulation of Discord on {}: {} guilds",
        simulation.address(),
        arguments.guilds
    );
    let options = PodOptions {
        binary: arguments.binary.clone(),
        plugins: PLUGINS.map(|file| arguments.plugins.join(file)).into(),
        configuration: String::new(),
        show_log: false,
        disk_bytes: None,
    };
    let mut pod = Pod::start(options, &simulation).await?;
    println!(
        "pod on http://{} (/healthz, /readyz, /metrics): plugins honeypot, spam-guard, tally",
        pod.address()
    );
    println!(
        "playing {} recorded events in {:.0} s",
        recording.events(),
        recording.duration().as_secs_f64() / arguments.speed
    );

    let expectations = {
        let incidents = async {
            let half = recording.duration().div_f64(arguments.speed * 2.0);
            tokio::time::sleep(half).await;
            swap(&pod, &arguments.plugins.join("tally.wasm")).await?;
            tokio::time::sleep(half / 2).await;
            cut(&simulation).await
        };
        let started = Instant::now();
        let (played, incidents) = tokio::select! {
            both = async { tokio::join!(simulation.play(&recording, arguments.speed), incidents) } => both,
            never = progress(&simulation, &pod, started) => never?,
        };
        incidents?;
        played?
    };
    println!("the recording is over; waiting until every action has reached the simulation");
    let messages = |simulation: &Simulation| simulation.stats().events.get("MESSAGE_CREATE").copied().unwrap_or(0);
    let deadline = Instant::now() + SETTLING;
    loop {
        // In this order: what waited before the messages were counted has become a message, or waits no more.
        let waiting = pod.metric("guildhall_actions_waiting").await?;
        let sent = messages(&simulation) as f64;
        let applied = pod.metric("guildhall_plugin_calls_total{plugin=\"tally\"}").await?;
        if waiting == 0.0 && applied >= sent || Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if arguments.serve {
        serve(&simulation, &pod).await?;
    }
    println!("stopping the pod (SIGTERM)");
    let status = pod.stop().await?;
    let files = GuildFiles::open(&pod.guilds())?;
    let journal = simulation.journal();
    for unmet in expectations
        .iter()
        .filter(|expectation| expectation.times(&journal) != 1)
    {
        println!("  came {} times instead of once: {unmet:?}", unmet.times(&journal));
    }
    Ok(Report {
        guilds: files.count(),
        events: simulation.stats().events.values().sum(),
        messages: messages(&simulation),
        actions: actions(&journal),
        rows: files.plugin_rows()?,
        tally: files.tally()?,
        unsent: files.waiting_actions()?,
        unmet: expectations
            .iter()
            .filter(|expectation| expectation.times(&journal) == 0)
            .count(),
        repeated: expectations
            .iter()
            .filter(|expectation| expectation.times(&journal) > 1)
            .count(),
        expected: expectations.len(),
        resumes: simulation.stats().resumes,
        latency: simulation.latencies(),
        exited_well: status.success(),
    })
}

/// What the plugins did at Discord; telling it their commands is the host's own.
fn actions(journal: &[JournalEntry]) -> usize {
    journal
        .iter()
        .filter(|entry| entry.applied && entry.route != "commands")
        .count()
}

/// Puts another build of the plugin into the directory: the same component with a note in it, so that its digest differs.
async fn swap(pod: &Pod, wasm: &Path) -> Result<()> {
    let mut component = std::fs::read(wasm).with_context(|| format!("{}", wasm.display()))?;
    // A custom section: id 0, its size, the length of its name, the name (WebAssembly, Binary Format, Custom Section).
    component.extend([0, 5, 4]);
    component.extend(b"demo");
    let (new, running) = (pod.plugins().join("tally.wasm.new"), pod.plugins().join("tally.wasm"));
    std::fs::write(&new, component)?;
    std::fs::rename(new, running)?;
    let loads = "guildhall_plugin_loads_total{plugin=\"tally\"}";
    pod.wait_metric(loads, 2.0, Duration::from_secs(20))
        .await
        .context("the plugin was not swapped")?;
    println!("\n  plugin tally was swapped for another build while events ran");
    Ok(())
}

async fn cut(simulation: &Simulation) -> Result<()> {
    let before = simulation.stats().resumes;
    simulation.drop_connections();
    let resumed = simulation
        .wait_until(Duration::from_secs(20), |simulation| {
            simulation.stats().resumes > before
        })
        .await;
    anyhow::ensure!(resumed, "the pod did not resume its session");
    println!("\n  the gateway connection was cut; the pod resumed its session");
    Ok(())
}

async fn progress<T>(simulation: &Simulation, pod: &Pod, started: Instant) -> Result<T> {
    loop {
        let stats = simulation.stats();
        let messages = stats.events.get("MESSAGE_CREATE").copied().unwrap_or(0);
        let applied = pod
            .metric("guildhall_plugin_calls_total{plugin=\"tally\"}")
            .await
            .unwrap_or(0.0);
        let actions = actions(&simulation.journal());
        print!(
            "\r  {:5.1} s   messages {messages:6}   applied {applied:6}   actions {actions:5}   resumes {} ",
            started.elapsed().as_secs_f64(),
            stats.resumes
        );
        std::io::stdout().flush()?;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// A steady load, until Ctrl-C.
async fn serve(simulation: &Simulation, pod: &Pod) -> Result<()> {
    println!(
        "serving until Ctrl-C; journal: http://{}/sim/journal",
        simulation.address()
    );
    let load = LoadConfig {
        events_per_second: Some(50),
        events: u64::MAX,
        raid_every: 500,
        ..LoadConfig::default()
    };
    tokio::select! {
        _ = simulation.run_load(load) => Ok(()),
        never = progress(simulation, pod, Instant::now()) => never,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
