//! Fleets for the tests of this crate, and what must hold after each.

use guildhall_harness::{Asked, Fleet, FleetOptions, built_plugin};
use guildhall_model::GuildId;
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// The first guild's file in a proxied fleet.
pub(crate) const SEEDED_BYTES: usize = 3_000_000;

/// A simulation and a fleet that is connected to it.
pub(crate) struct World {
    pub(crate) simulation: Simulation,
    pub(crate) fleet: Fleet,
}

impl World {
    /// Discord keeps 75 events per guild for a RESUME: with too few guilds a failover cannot be without loss.
    pub(crate) async fn new(guilds: usize, gateways: usize) -> Self {
        Self::start(guilds, gateways, false, None).await
    }

    /// The same, with the pods' connections in the test's hands.
    pub(crate) async fn proxied(guilds: usize, gateways: usize) -> Self {
        Self::start(guilds, gateways, true, None).await
    }

    /// The same, with every event's trace exported to this collector.
    pub(crate) async fn traced(guilds: usize, gateways: usize, collector: String) -> Self {
        Self::start(guilds, gateways, false, Some(collector)).await
    }

    async fn start(guilds: usize, gateways: usize, proxied: bool, traces: Option<String>) -> Self {
        let config = SimConfig {
            guilds,
            identify_period_ms: 0,
            global_limit: None,
            route_limits: false,
            ..SimConfig::default()
        };
        let simulation = Simulation::start(config).await.unwrap();
        let options = FleetOptions {
            binary: env!("CARGO_BIN_EXE_guildhall").into(),
            plugins: ["honeypot", "probe", "tally"].map(built_plugin).into(),
            replicas: 2,
            gateways,
            http_pods: 2,
            nginx: false,
            proxied,
            traces,
            lease_ms: 2000,
            shards: 1,
            requests_per_second: 100_000,
            // A file that takes a moment to be sent.
            seeded: proxied
                .then(|| (simulation.guild_ids()[0], SEEDED_BYTES))
                .into_iter()
                .collect(),
        };
        let fleet = Fleet::start(options, &simulation).await.unwrap();
        Self { simulation, fleet }
    }

    /// The pod that holds the one session.
    pub(crate) async fn session_pod(&self) -> String {
        let shards = self.fleet.client().unwrap().overview().await.unwrap().shards;
        shards[0].pod.clone().unwrap()
    }

    /// Somebody asks for a guild of theirs again and again until it is told to stop.
    pub(crate) async fn keep_asking(&self, stop: &CancellationToken) -> impl Future<Output = Asked> + use<> {
        let guild = self.simulation.guild_ids()[0];
        let client = self.fleet.client().unwrap();
        wait("the guild is assigned", async || {
            client.guild(GuildId(guild)).await.is_ok()
        })
        .await;
        let owner = self.simulation.owner(guild).unwrap();
        let visitor = self.fleet.visitor(owner).await.unwrap();
        let stop = stop.clone();
        async move { visitor.keep_asking(&format!("/api/guilds/{guild}"), stop).await }
    }

    /// Nothing is lost, nothing was applied or done twice.
    pub(crate) async fn assert_all_once(&self) {
        let messages = self.simulation.stats().events["MESSAGE_CREATE"];
        let tally = self.fleet.wait_tally(messages).await;
        let tally = tally.unwrap_or_else(|error| panic!("{error:#}\n{}", self.fleet.logs()));
        assert_eq!(
            (tally.messages, tally.repeated),
            (messages, 0),
            "messages of the simulation, applied and repeated\n{}",
            self.fleet.logs()
        );
        let acted = self
            .simulation
            .wait_until(BOUND, |simulation| simulation.latencies().waiting == 0)
            .await;
        assert!(acted, "{:?}\n{}", self.simulation.latencies(), self.fleet.logs());
        let done = self.simulation.journal().into_iter().filter(|entry| entry.applied);
        let answers = done.filter(|entry| entry.route == "delete-message").count();
        assert_eq!(
            answers as u64,
            self.simulation.latencies().count,
            "each probe is answered once"
        );
    }
}

/// Traffic over all guilds, with a probe that is answered for every tenth message.
pub(crate) fn traffic(events: u64) -> LoadConfig {
    LoadConfig {
        events_per_second: Some(300),
        events,
        probe_every: 10,
        uniform: true,
        ..LoadConfig::default()
    }
}

/// Waits until so many messages have happened.
pub(crate) async fn wait_messages(simulation: &Simulation, messages: u64) {
    let reached = simulation.wait_until(BOUND, |simulation| {
        let count = simulation.stats().events.get("MESSAGE_CREATE").copied();
        count.is_some_and(|count| count >= messages)
    });
    assert!(reached.await, "the load runs");
}

pub(crate) async fn wait(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
