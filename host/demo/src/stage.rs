//! What happens on stage, in order.

use crate::Arguments;
use crate::report::{Report, Scenes};
use anyhow::{Context, Result};
use guildhall_harness::{GuildFiles, Pod, PodOptions, SUITE};
use guildhall_sim::{Expectation, JournalEntry, LoadConfig, Recording, SimConfig, Simulation};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const SETTLING: Duration = Duration::from_secs(90);
/// What the bot should not do it would have done by then, after all that it should do.
const QUIET: Duration = Duration::from_secs(2);
/// Each with how many times as fast as it was recorded.
const RECORDINGS: [(&str, f64); 2] = [("community", 1.0), ("day-in-the-life", 20.0)];
/// Counts what plugins are called for, beside the suite.
const COUNTING: &str = "tally";
/// Of each guild: a ticket's button is as old as the day.
const MESSAGES_KEPT: usize = 5_000;

pub(crate) async fn play(arguments: Arguments) -> Result<Report> {
    let recordings = RECORDINGS.map(|(name, speed)| {
        let recording = Recording::read(&arguments.recordings.join(name).with_extension("jsonl"))?;
        anyhow::Ok((name, recording, speed))
    });
    let recordings = recordings.into_iter().collect::<Result<Vec<_>>>()?;
    let simulation = Simulation::start(SimConfig {
        guilds: arguments.guilds,
        messages_kept: MESSAGES_KEPT,
        ..SimConfig::default()
    })
    .await?;
    println!(
        "simulation of Discord on {}: {} guilds",
        simulation.address(),
        arguments.guilds
    );
    let wasm = |name: &str| arguments.plugins.join(name).with_extension("wasm");
    let options = PodOptions {
        binary: arguments.binary.clone(),
        plugins: SUITE.into_iter().chain([COUNTING]).map(wasm).collect(),
        configuration: String::new(),
        show_log: false,
        disk_bytes: None,
    };
    let mut pod = Pod::start(options, &simulation).await?;
    println!(
        "pod on http://{} (/healthz, /readyz, /metrics): the moderation suite, {} plugins, and tally",
        pod.address(),
        SUITE.len()
    );

    let (tally, mut expectations) = (wasm("tally"), Vec::new());
    for (name, recording, speed) in &recordings {
        println!(
            "playing {name}: {} events in {:.0} s",
            recording.events(),
            recording.duration().as_secs_f64() / speed
        );
        let incidents = incidents(&simulation, &pod, &tally, recording.duration().div_f64(*speed));
        let started = Instant::now();
        let (played, incidents) = tokio::select! {
            both = async { tokio::join!(simulation.play(recording, *speed), incidents) } => both,
            never = progress(&simulation, &pod, started) => never?,
        };
        incidents?;
        expectations.extend(played?);
        println!();
    }
    println!("the recordings are over; waiting until every action has reached the simulation");
    settle(&simulation, &pod, &expectations).await?;
    if arguments.serve {
        serve(&simulation, &pod).await?;
    }
    println!("stopping the pod (SIGTERM)");
    let status = pod.stop().await?;
    let files = GuildFiles::open(&pod.guilds())?;
    let journal = simulation.journal();
    if let Some(directory) = &arguments.keep {
        std::fs::create_dir_all(directory)?;
        write_journal(&directory.join("journal.jsonl"), &journal)?;
        std::fs::write(directory.join("log"), pod.log())?;
    }
    Ok(Report {
        guilds: files.count(),
        events: simulation.stats().events.values().sum(),
        messages: messages(&simulation),
        actions: actions(&journal),
        rows: files.plugin_rows()?,
        tally: files.tally()?,
        unsent: files.waiting_actions()?,
        scenes: Scenes::of(&expectations, &journal),
        resumes: simulation.stats().resumes,
        latency: simulation.latencies(),
        exited_well: status.success(),
    })
}

fn messages(simulation: &Simulation) -> u64 {
    simulation.stats().events.get("MESSAGE_CREATE").copied().unwrap_or(0)
}

/// What the plugins did at Discord; telling it their commands is the host's own.
fn actions(journal: &[JournalEntry]) -> usize {
    journal
        .iter()
        .filter(|entry| entry.applied && !entry.path.starts_with("applications/"))
        .count()
}

/// Waits until everything is done that should be, and what should not be has had its time.
async fn settle(simulation: &Simulation, pod: &Pod, expectations: &[Expectation]) -> Result<()> {
    let deadline = Instant::now() + SETTLING;
    let (mut requests, mut quiet_since) = (0, Instant::now());
    while Instant::now() < deadline {
        // In this order: what waited before the messages were counted has become a message, or waits no more.
        let waiting = pod.metric("guildhall_actions_waiting").await?;
        let sent = messages(simulation) as f64;
        let applied = pod.metric("guildhall_plugin_calls_total{plugin=\"tally\"}").await?;
        let journal = simulation.journal();
        let is_met = |expected: &Expectation| expected.count(&journal) >= expected.times;
        if waiting > 0.0 || applied < sent || journal.len() != requests || !expectations.iter().all(is_met) {
            (requests, quiet_since) = (journal.len(), Instant::now());
        }
        if quiet_since.elapsed() >= QUIET {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Half-way a plugin is swapped, and half of the rest later the connection is cut.
async fn incidents(simulation: &Simulation, pod: &Pod, wasm: &Path, duration: Duration) -> Result<()> {
    tokio::time::sleep(duration / 2).await;
    swap(pod, wasm).await?;
    tokio::time::sleep(duration / 4).await;
    cut(simulation).await
}

/// Puts another build of the plugin into the directory: the same component with another note in it, so that its digest differs.
async fn swap(pod: &Pod, wasm: &Path) -> Result<()> {
    let loads = "guildhall_plugin_loads_total{plugin=\"tally\"}";
    let loaded = pod.metric(loads).await?;
    let mut component = std::fs::read(wasm).with_context(|| format!("{}", wasm.display()))?;
    // Custom sections: id 0, their size, the length of their name, the name (WebAssembly, Binary Format, Custom Section).
    for _ in 0..loaded as u64 {
        component.extend([0, 5, 4]);
        component.extend(b"demo");
    }
    let (new, running) = (pod.plugins().join("tally.wasm.new"), pod.plugins().join("tally.wasm"));
    std::fs::write(&new, component)?;
    std::fs::rename(new, running)?;
    pod.wait_metric(loads, loaded + 1.0, Duration::from_secs(20))
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

fn write_journal(path: &Path, journal: &[JournalEntry]) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for entry in journal {
        serde_json::to_writer(&mut file, entry)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
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
