//! Fleets for the tests of this crate, and what must hold after each.

use guildhall_fleet::{AssignmentView, Change, Changed, ConfigClient, follow, pod_client};
use guildhall_harness::{Asked, Fleet, FleetOptions, Replicas, S3Server, SECRET_KEY, built_plugin};
use guildhall_model::GuildId;
use guildhall_replication::Standing;
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// The first guild's file in a proxied fleet.
pub(crate) const SEEDED_BYTES: usize = 3_000_000;

/// Plugins of every fleet.
const PLUGINS: [&str; 3] = ["honeypot", "probe", "tally"];

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

    /// The same, with more plugins.
    pub(crate) async fn with_plugins(guilds: usize, gateways: usize, plugins: &[&str]) -> Self {
        Self::start_with(guilds, gateways, &[&PLUGINS, plugins].concat(), false, None, None).await
    }

    /// The same, with the pods' connections in the test's hands.
    pub(crate) async fn proxied(guilds: usize, gateways: usize) -> Self {
        Self::start(guilds, gateways, true, None).await
    }

    /// The same, with every event's trace exported to this collector.
    pub(crate) async fn traced(guilds: usize, gateways: usize, collector: String) -> Self {
        Self::start(guilds, gateways, false, Some(collector)).await
    }

    /// The same, with guilds in a bucket, and no pod that reaches another's volume. `settings` are more lines of
    /// `[replication]`.
    pub(crate) async fn replicated(guilds: usize, gateways: usize, settings: &str) -> Self {
        Self::replicated_with_key(guilds, gateways, settings, SECRET_KEY).await
    }

    /// The same, with pods that have this key.
    pub(crate) async fn replicated_with_key(guilds: usize, gateways: usize, settings: &str, key: &str) -> Self {
        let replicas = Replicas {
            server: S3Server::start().await.unwrap(),
            key: key.into(),
            settings: settings.into(),
        };
        let world = Self::start_with(guilds, gateways, &PLUGINS, false, None, Some(replicas)).await;
        world.spread(guilds, gateways).await;
        world
    }

    /// The first pod to be there may have been given all guilds, and the loss of another would lose nothing.
    async fn spread(&self, count: usize, gateways: usize) {
        let client = self.fleet.client().unwrap();
        wait("every guild is assigned", async || {
            let guilds = self.fleet.assignments().await.unwrap();
            guilds.len() == count && guilds.iter().all(|guild| guild.pod.is_some())
        })
        .await;
        let everywhere = async || {
            let guilds = self.fleet.assignments().await.unwrap();
            let owns = |pod: usize| guilds.iter().any(|guild| guild.pod == Some(format!("gateway-{pod}")));
            (0..gateways).all(owns) && guilds.iter().all(|guild| guild.target.is_none())
        };
        if !everywhere().await {
            client.rebalance(false).await.unwrap();
            wait("every pod owns guilds", everywhere).await;
        }
    }

    async fn start(guilds: usize, gateways: usize, proxied: bool, traces: Option<String>) -> Self {
        Self::start_with(guilds, gateways, &PLUGINS, proxied, traces, None).await
    }

    async fn start_with(
        guilds: usize,
        gateways: usize,
        plugins: &[&str],
        proxied: bool,
        traces: Option<String>,
        replicas: Option<Replicas>,
    ) -> Self {
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
            plugins: plugins.iter().map(|name| built_plugin(name)).collect(),
            config_replicas: 2,
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
            replicas,
        };
        let fleet = Fleet::start(options, &simulation).await.unwrap();
        // A pod is ready before it is given a shard; what happens before there is a session is nobody's.
        wait("there is a session", async || simulation.stats().identifies > 0).await;
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

    /// Runs a command against the fleet.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Output {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_guildhall"))
            .args(arguments)
            .env("GUILDHALL_CLUSTER__CONFIG", format!("{:?}", self.fleet.replicas()))
            .env("GUILDHALL_CLUSTER_SECRET", self.fleet.secret())
            .envs(self.fleet.replication_variables().unwrap())
            .output()
            .await
            .unwrap()
    }

    pub(crate) async fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}\n{}", self.fleet.logs());
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) async fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        assert!(!output.status.success(), "{arguments:?} must be refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub(crate) async fn volume_of(&self, guild: u64) -> PathBuf {
        let known = self.fleet.client().unwrap().guild(GuildId(guild)).await.unwrap();
        self.fleet.volume(&known.pod.unwrap())
    }

    pub(crate) async fn epoch(&self, guild: u64) -> i64 {
        self.fleet.client().unwrap().guild(GuildId(guild)).await.unwrap().epoch
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

/// Rows of a table; none where the table, or the file, is not there.
pub(crate) fn count(file: &Path, table: &str) -> u64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(file, flags);
    connection
        .and_then(|connection| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)))
        .unwrap_or_default()
}

/// The seeds of a random test: as many as FLEET_SEEDS says, from FLEET_SEED on.
pub(crate) fn seeds() -> std::ops::Range<u64> {
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let first = number("FLEET_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        now.as_secs()
    });
    first..first + number("FLEET_SEEDS").unwrap_or(1)
}

/// Looks on while guilds change their owners.
pub(crate) struct OwnerWatch {
    changes: mpsc::UnboundedReceiver<Change>,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl OwnerWatch {
    pub(crate) fn start(fleet: &Fleet) -> Self {
        let (told, changes) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let (client, until) = (fleet.client().unwrap(), stop.clone());
        let watching = tokio::spawn(async move {
            follow(&AssignmentView::default(), &client, Some(told), until).await;
        });
        Self {
            changes,
            stop,
            watching,
        }
    }

    /// How often a guild had two owners in one epoch.
    pub(crate) async fn double_owners(mut self) -> usize {
        self.stop.cancel();
        self.watching.await.unwrap();
        let mut owners = HashMap::new();
        let mut double = 0;
        while let Ok(change) = self.changes.try_recv() {
            if let Changed::Guild(now) = change.now {
                let known = owners.entry((now.guild, now.epoch)).or_insert_with(|| now.pod.clone());
                double += usize::from(*known != now.pod);
            }
        }
        assert!(!owners.is_empty(), "the watch told something");
        double
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

/// Waits until the pod's guilds are others'.
pub(crate) async fn wait_given_up(client: &ConfigClient, pod: &str) {
    wait("its guilds are others'", async || {
        let guilds = client.assignments(None, 1000).await.unwrap().guilds;
        guilds
            .iter()
            .all(|guild| guild.pod.as_deref().is_some_and(|owner| owner != pod))
    })
    .await;
}

/// The largest lag over all guilds that a pod tells, in seconds.
pub(crate) async fn lag(world: &World, pod: &str) -> f64 {
    world
        .fleet
        .metric(pod, "guildhall_replication_lag_seconds")
        .await
        .unwrap()
}

/// Waits until every guild of so many pods is in the bucket: by what the pods know now, as gauges are a second behind.
pub(crate) async fn wait_all_replicated(world: &World, pods: usize) {
    let client = world.fleet.client().unwrap();
    let known = client.overview().await.unwrap().pods;
    for pod in 0..pods {
        let name = format!("gateway-{pod}");
        let url = known.iter().find(|known| known.name == name).unwrap().url.clone();
        wait("everything is in the bucket", async || {
            let asked = pod_client()
                .build()
                .unwrap()
                .get(format!("{url}/internal/v1/replication"))
                .bearer_auth(world.fleet.secret());
            let standings: Vec<Standing> = asked.send().await.unwrap().json().await.unwrap();
            standings.iter().all(|standing| standing.lag_ms == 0)
        })
        .await;
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
