//! Starting real pods for the tests of this crate.

pub(crate) use guildhall_harness::built_plugin as plugin;
use guildhall_harness::{Pod, PodOptions};
use guildhall_sim::{JournalEntry, SimConfig, Simulation};
use std::time::Duration;

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A simulation without limits of its own, unless a test is about them.
pub(crate) async fn simulation(guilds: usize) -> Simulation {
    let config = SimConfig {
        guilds,
        identify_period_ms: 0,
        global_limit: None,
        route_limits: false,
        ..SimConfig::default()
    };
    Simulation::start(config).await.expect("a simulation")
}

pub(crate) fn options(plugins: &[&str], configuration: &str) -> PodOptions {
    PodOptions {
        binary: env!("CARGO_BIN_EXE_guildhall").into(),
        plugins: plugins.iter().map(|name| plugin(name)).collect(),
        configuration: configuration.into(),
        show_log: false,
        disk_bytes: None,
    }
}

pub(crate) async fn pod(simulation: &Simulation, plugins: &[&str]) -> Pod {
    pod_with(simulation, plugins, "").await
}

pub(crate) async fn pod_with(simulation: &Simulation, plugins: &[&str], configuration: &str) -> Pod {
    Pod::start(options(plugins, configuration), simulation)
        .await
        .expect("a pod")
}

/// A regular says something; answers the message's id.
pub(crate) fn say(simulation: &Simulation, guild: u64, content: &str) -> u64 {
    let channel = simulation.channel_id(guild, "general").expect("a channel");
    simulation.send_message(guild, channel, simulation.people(guild)[4], content)
}

/// The one thread about a user below a log.
pub(crate) fn thread_of(simulation: &Simulation, log: u64, user: u64) -> u64 {
    let threads = simulation.threads(log).into_iter();
    let about: Vec<_> = threads
        .filter(|(_, name)| name.ends_with(&format!("({user})")))
        .collect();
    assert_eq!(about.len(), 1, "one thread about user {user}: {about:?}");
    about[0].0
}

/// Calls of this plugin that succeeded.
pub(crate) fn calls(plugin: &str) -> String {
    format!("guildhall_plugin_calls_total{{plugin=\"{plugin}\"}}")
}

pub(crate) async fn wait_journal(
    simulation: &Simulation,
    what: &str,
    matches: impl Fn(&JournalEntry) -> bool,
) -> JournalEntry {
    let there = simulation
        .wait_until(BOUND, |simulation| simulation.journal().iter().any(&matches))
        .await;
    let journal = simulation.journal();
    assert!(there, "{what} never came; the journal: {journal:#?}");
    journal.into_iter().find(&matches).expect("it is there")
}

pub(crate) async fn wait_log(pod: &Pod, parts: &[&str]) -> String {
    let deadline = std::time::Instant::now() + BOUND;
    loop {
        let log = pod.log();
        if let Some(line) = log.lines().find(|line| parts.iter().all(|part| line.contains(part))) {
            return line.to_owned();
        }
        assert!(
            std::time::Instant::now() < deadline,
            "no line with {parts:?} in the log:\n{log}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
