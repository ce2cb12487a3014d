//! Replication and its price: how far the bucket is behind, how fast guilds come back from it, what Litestream and the gate
//! cost. Everything shares the machine: pods, Litestream, the bucket's server and the simulation.

use crate::figure::Figure;
use crate::fleet::{figure, lost_and_duplicated, options, simulation, wait};
use anyhow::{Context, Result, ensure};
use guildhall_fleet::pod_client;
use guildhall_harness::{Fleet, FleetOptions, Replicas, S3Server, SECRET_KEY};
use guildhall_model::GuildId;
use guildhall_replication::{Point, Restorer, Standing};
use guildhall_sim::{LoadConfig, Simulation};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: usize = 1000;
const FILE_BYTES: usize = 200_000;
const LARGE_BYTES: usize = 5_000_000;
/// Between two looks at the lag.
const LOOK: Duration = Duration::from_millis(50);
/// The same while guilds are restored.
const RESTORE_LOOK: Duration = Duration::from_millis(500);
const RESTORES: usize = 20;
/// Saturated runs with and without replication, of which the median counts.
const ROUNDS: usize = 5;

/// What can be measured alone.
pub(crate) const PARTS: &[&str] = &["lag", "restore", "failover", "throughput", "gate"];

/// Measures and prints: one part, or all.
pub(crate) fn run(binary: &Path, plugins: &Path, part: Option<&str>, print: impl Fn(&Figure)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    runtime.block_on(async {
        if wanted("lag") {
            lag(binary, plugins, &print).await?;
        }
        if wanted("restore") {
            restore(binary, plugins, &print).await?;
        }
        if wanted("failover") {
            failover(binary, plugins, &print).await?;
        }
        if wanted("throughput") {
            throughput(binary, plugins, &print).await?;
        }
        if wanted("gate") {
            gate(binary, plugins, &print).await?;
        }
        Ok(())
    })
}

async fn replicated(
    binary: &Path,
    plugins: &Path,
    simulation: &Simulation,
    bytes: usize,
    settings: &str,
) -> Result<Fleet> {
    let seeded = simulation.guild_ids().into_iter().map(|guild| (guild, bytes));
    let options = FleetOptions {
        gateways: 1,
        replicas: Some(Replicas {
            server: S3Server::start().await?,
            key: SECRET_KEY.into(),
            settings: settings.into(),
        }),
        ..options(binary, plugins, seeded.filter(|_| bytes > 0).collect())
    };
    let fleet = Fleet::start(options, simulation).await?;
    let guilds = simulation.guild_ids().len();
    wait("all guilds are in the bucket", async || {
        standings(&fleet)
            .await
            .is_ok_and(|all| all.len() == guilds && all.iter().all(|standing| standing.ready && standing.lag_ms == 0))
    })
    .await?;
    Ok(fleet)
}

async fn standings(fleet: &Fleet) -> Result<Vec<Standing>> {
    let http = pod_client().build()?;
    let mut all = Vec::new();
    for pod in fleet.client()?.overview().await?.pods {
        let answer = http
            .get(format!("{}/internal/v1/replication", pod.url))
            .bearer_auth(fleet.secret())
            .send()
            .await?;
        all.extend(answer.error_for_status()?.json::<Vec<Standing>>().await?);
    }
    Ok(all)
}

/// How long commits took to the bucket while this load runs, in seconds, ascending; each is told too long by up to a look.
async fn lags(fleet: &Fleet, simulation: &Simulation, load: LoadConfig) -> Result<Vec<f64>> {
    let mut lags = Vec::new();
    let mut before: HashMap<GuildId, u64> = HashMap::new();
    let load = simulation.run_load(load);
    tokio::pin!(load);
    loop {
        tokio::select! {
            _ = &mut load => break,
            () = tokio::time::sleep(LOOK) => {}
        }
        for standing in standings(fleet).await? {
            let known = before.insert(standing.guild, standing.lag_ms).unwrap_or(0);
            // It has arrived since the last look.
            if known > standing.lag_ms {
                lags.push((known as f64 / 1000.0) + LOOK.as_secs_f64());
            }
        }
    }
    lags.sort_by(f64::total_cmp);
    ensure!(lags.len() > 20, "only {} arrivals were seen", lags.len());
    Ok(lags)
}

fn p99(values: &[f64]) -> f64 {
    values.get(values.len() * 99 / 100).copied().unwrap_or_default()
}

fn only_messages(events_per_second: u32, events: u64) -> LoadConfig {
    LoadConfig {
        events_per_second: Some(events_per_second),
        events,
        uniform: true,
        reactions: 0,
        edits: 0,
        deletions: 0,
        joins: 0,
        raid_every: 0,
        ..LoadConfig::default()
    }
}

/// A thousand files, a hundred of them written every second; and one busy guild alone.
async fn lag(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<()> {
    let many = simulation(FILES).await?;
    let fleet = replicated(binary, plugins, &many, FILE_BYTES, "").await?;
    let lags = lags(&fleet, &many, only_messages(100, 3000)).await?;
    print(&figure("durability.lag_p50_s", lags[lags.len() / 2], "s"));
    print(&figure("durability.lag_p99_s", p99(&lags), "s"));
    let litestream = fleet.litestream("gateway-0").await?;
    print(&figure("durability.sidecar_rss_mib", litestream.resident_mib, "MiB"));
    drop(fleet);

    let one = simulation(1).await?;
    let fleet = replicated(binary, plugins, &one, 0, "").await?;
    let lags = self::lags(&fleet, &one, only_messages(100, 3000)).await?;
    print(&figure("durability.lag_single_p99_s", p99(&lags), "s"));
    Ok(())
}

/// One guild of 5 MB out of the bucket.
async fn restore(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<()> {
    let simulation = simulation(1).await?;
    let fleet = replicated(binary, plugins, &simulation, LARGE_BYTES, "").await?;
    simulation.run_load(only_messages(100, 500)).await;
    let restorer = Restorer::new(&fleet.litestream_program()?, fleet.bucket_client()?, 1);
    let guild = GuildId(simulation.guild_ids()[0]);
    let directory = tempfile::tempdir()?;
    let mut took = Vec::new();
    for round in 0..RESTORES {
        let started = Instant::now();
        restorer
            .restore(guild, Point::Latest, &directory.path().join(round.to_string()))
            .await?;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    print(&figure("durability.restore_p50_ms", took[RESTORES / 2], "ms"));
    print(&figure("durability.restore_ms", took[RESTORES - 1], "ms"));
    Ok(())
}

/// A pod with a thousand guilds is lost with its disk; two others bring them back while events come.
async fn failover(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<()> {
    let simulation = simulation(FILES).await?;
    let mut fleet = replicated(binary, plugins, &simulation, FILE_BYTES, "").await?;
    for pod in ["gateway-1", "gateway-2"] {
        fleet.start_gateway(pod)?;
        fleet.wait_ready(pod).await?;
    }
    // The first guild is the busiest.
    let busy = LoadConfig {
        probe_every: 1,
        uniform: false,
        ..only_messages(100, 6000)
    };
    let busiest = simulation.guild_ids()[0];
    let lost = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        fleet.lose("gateway-0")?;
        let killed = Instant::now();
        let seen = simulation.journal().len();
        let mut first = None;
        wait("all guilds are back", async || {
            // What looks on must not cost what is measured.
            tokio::time::sleep(RESTORE_LOOK).await;
            let journal = simulation.journal();
            let answered = journal
                .iter()
                .skip(seen)
                .any(|entry| entry.applied && entry.guild == Some(busiest));
            if answered && first.is_none() {
                first = Some(killed.elapsed());
            }
            let mut owned = 0.0;
            for pod in ["gateway-1", "gateway-2"] {
                owned += fleet.metric(pod, "guildhall_guilds_owned").await.unwrap_or_default();
            }
            owned >= FILES as f64
        })
        .await?;
        anyhow::Ok((first, killed.elapsed()))
    };
    let (_, outcome) = tokio::join!(simulation.run_load(busy), lost);
    let (first, all) = outcome?;
    let first = first.context("the busiest guild was not answered before all were back")?;
    print(&figure("durability.first_event_s", first.as_secs_f64(), "s"));
    print(&figure("durability.restore_1000_s", all.as_secs_f64(), "s"));
    let (lost, duplicated) = lost_and_duplicated(&simulation, &fleet).await?;
    print(&figure("durability.lost", lost as f64, "events"));
    print(&figure("durability.duplicated", duplicated as f64, "events"));
    Ok(())
}

/// Events per second that a pod applies when they come as fast as they can.
async fn saturated(simulation: &Simulation, fleet: &Fleet) -> Result<f64> {
    let load = LoadConfig {
        events_per_second: None,
        ..only_messages(1, 200_000)
    };
    let before = fleet.metric("gateway-0", "guildhall_events_total").await?;
    let started = Instant::now();
    let report = simulation.run_load(load).await;
    let mut took = started.elapsed();
    wait("all are applied", async || {
        took = started.elapsed();
        let applied = fleet.metric("gateway-0", "guildhall_events_total").await;
        applied.is_ok_and(|applied| applied - before >= report.messages as f64)
    })
    .await?;
    Ok(report.messages as f64 / took.as_secs_f64())
}

/// The same load with and without replication, in turns: Litestream and the bucket's server share the pod's cores.
async fn throughput(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<()> {
    let mut rates = [Vec::new(), Vec::new()];
    let mut caught_up = Vec::new();
    for _ in 0..ROUNDS {
        let plain = simulation(50).await?;
        let alone = FleetOptions {
            gateways: 1,
            ..options(binary, plugins, Vec::new())
        };
        let fleet = Fleet::start(alone, &plain).await?;
        wait("there is a session", async || plain.stats().identifies > 0).await?;
        rates[0].push(saturated(&plain, &fleet).await?);
        drop(fleet);
        let measured = simulation(50).await?;
        let fleet = replicated(binary, plugins, &measured, 0, "").await?;
        rates[1].push(saturated(&measured, &fleet).await?);
        let ended = Instant::now();
        wait("all is in the bucket", async || {
            standings(&fleet)
                .await
                .is_ok_and(|all| all.iter().all(|standing| standing.lag_ms == 0))
        })
        .await?;
        caught_up.push(ended.elapsed().as_secs_f64());
    }
    for figures in rates.iter_mut().chain([&mut caught_up]) {
        figures.sort_by(f64::total_cmp);
    }
    let [without, with] = rates.map(|rates| rates[ROUNDS / 2]);
    print(&Figure {
        baseline: Some(without),
        ..figure("durability.replicated_events_per_s", with, "events/s")
    });
    print(&figure("durability.throughput_ratio", with / without, ""));
    print(&figure("durability.caught_up_s", caught_up[ROUNDS - 1], "s"));
    Ok(())
}

/// From an event to its action, with the gate and without.
async fn gate(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<()> {
    let mut latencies = Vec::new();
    for gate in [false, true] {
        let simulation = simulation(50).await?;
        let fleet = replicated(binary, plugins, &simulation, 0, &format!("gate = {gate}\n")).await?;
        let probes = LoadConfig {
            probe_every: 1,
            ..only_messages(50, 1000)
        };
        simulation.reset_latencies();
        simulation.run_load(probes).await;
        wait("every probe is answered", async || simulation.latencies().waiting == 0).await?;
        latencies.push(simulation.latencies());
        drop(fleet);
    }
    let gated = |name, figure_of: fn(&guildhall_sim::LatencySummary) -> f64| Figure {
        baseline: Some(figure_of(&latencies[0])),
        ..figure(name, figure_of(&latencies[1]), "ms")
    };
    print(&gated("durability.gate_p50_ms", |latencies| latencies.p50_ms));
    print(&gated("durability.gate_p99_ms", |latencies| latencies.p99_ms));
    Ok(())
}
