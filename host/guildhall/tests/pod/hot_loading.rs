//! Plugins come, change and go while events run.

use crate::support::*;
use guildhall_harness::{GuildFiles, Pod};
use guildhall_sim::LoadConfig;
use std::path::Path;

const LOADS: &str = "guildhall_plugin_loads_total{plugin=\"tally\"}";
const REFUSALS: &str = "guildhall_plugin_load_failures_total";

/// The same component in other bytes: with a custom section of this name.
fn rebuilt(name: &str) -> Vec<u8> {
    let mut wasm = std::fs::read(plugin("tally")).unwrap();
    let length = u8::try_from(name.len()).unwrap();
    wasm.extend([0, length + 1, length]);
    wasm.extend(name.as_bytes());
    wasm
}

fn put(pod: &Pod, name: &str, content: &[u8]) {
    let (new, file) = (pod.plugins().join(format!("{name}.new")), pod.plugins().join(name));
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, file).unwrap();
}

fn messages(directory: &Path) -> (u64, u64) {
    let tally = GuildFiles::open(directory).unwrap().tally().unwrap();
    (tally.messages, tally.repeated)
}

#[tokio::test(flavor = "multi_thread")]
async fn swapping_a_plugin_under_load_loses_and_repeats_nothing() {
    let simulation = simulation(5).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let load = LoadConfig {
        events_per_second: Some(500),
        events: 1500,
        ..LoadConfig::default()
    };
    let swaps = async {
        for round in 2..=4 {
            put(&pod, "tally.wasm", &rebuilt(&format!("round {round}")));
            pod.wait_metric(LOADS, f64::from(round), BOUND).await.unwrap();
        }
    };
    let (report, ()) = tokio::join!(simulation.run_load(load), swaps);
    pod.wait_metric(&calls("tally"), report.messages as f64, BOUND)
        .await
        .unwrap();
    assert!(pod.stop().await.unwrap().success());
    assert_eq!(messages(&pod.guilds()), (report.messages, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_and_says_why() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["tally"]).await;
    let guild = simulation.guild_ids()[0];
    // An empty component: sound, but of another world.
    put(&pod, "other.wasm", b"\0asm\x0d\0\x01\0");
    wait_log(
        &pod,
        &[
            "a plugin was not loaded",
            "other.wasm",
            "not a plugin of guildhall:plugin",
        ],
    )
    .await;
    put(&pod, "tally.wasm", b"this is no component");
    wait_log(
        &pod,
        &["a plugin was not loaded", "tally.wasm", "not a WebAssembly component"],
    )
    .await;
    assert_eq!(pod.metric(REFUSALS).await.unwrap(), 2.0);
    say(&simulation, guild, "hello");
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_file_of_the_same_plugin_is_refused() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["tally"]).await;
    put(&pod, "copy.wasm", &rebuilt("copy"));
    wait_log(&pod, &["a plugin was not loaded", "already runs from", "tally.wasm"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_whose_file_goes_is_unloaded_and_one_whose_file_comes_is_loaded() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["tally", "probe"]).await;
    let guild = simulation.guild_ids()[0];
    std::fs::remove_file(pod.plugins().join("tally.wasm")).unwrap();
    wait_log(&pod, &["plugin unloaded", "tally"]).await;
    say(&simulation, guild, "one");
    pod.wait_metric(&calls("probe"), 1.0, BOUND).await.unwrap();
    assert_eq!(pod.metric(&calls("tally")).await.unwrap(), 0.0);
    put(&pod, "tally.wasm", &rebuilt("back"));
    pod.wait_metric(LOADS, 2.0, BOUND).await.unwrap();
    say(&simulation, guild, "two");
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_needs_more_of_discord_gets_it() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &[]).await;
    let guild = simulation.guild_ids()[0];
    // Without a plugin the session asked for guilds alone, and gets no messages.
    put(&pod, "honeypot.wasm", &std::fs::read(plugin("honeypot")).unwrap());
    let again = simulation
        .wait_until(BOUND, |simulation| simulation.stats().identifies == 2)
        .await;
    assert!(again, "{:?}", simulation.stats());
    wait_log(&pod, &["Discord knows the plugins' commands", "commands=1"]).await;
    let told = wait_journal(&simulation, "the command", |entry| entry.route == "create-command").await;
    assert_eq!(told.body["name"], "honeypot-setup");
    let ready = simulation.wait_until(BOUND, |simulation| simulation.stats().sockets == 1);
    assert!(ready.await);
    let honeypot = simulation.channel_id(guild, "honeypot").unwrap();
    simulation.send_message(guild, honeypot, simulation.newcomer(guild), "hello");
    wait_journal(&simulation, "the ban", |entry| entry.route == "ban").await;
}
