//! Pods that run the whole suite. Most tests share one, each with a guild of its own; those that kill it have their own.

use crate::server::Server;
use guildhall_harness::{Pod, PodOptions, SUITE, built_plugin};
use guildhall_sim::{SimConfig, Simulation};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Guilds of the shared pod. In the last one a vote ends by itself as soon as there is one.
const GUILDS: usize = 40;

/// A simulation, and a pod with all plugins that is connected to it.
pub(crate) struct Suite {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) pod: Pod,
    used: AtomicUsize,
}

impl Suite {
    async fn start(guilds: usize) -> Self {
        let config = SimConfig {
            guilds,
            members: 10,
            identify_period_ms: 0,
            global_limit: None,
            route_limits: false,
            ..SimConfig::default()
        };
        let simulation = Simulation::start(config).await.unwrap();
        let hasty = simulation.guild_ids()[guilds - 1];
        let options = PodOptions {
            binary: env!("CARGO_BIN_EXE_guildhall").into(),
            plugins: SUITE.map(built_plugin).into(),
            configuration: format!(
                "[discord]\nrequests_per_second = 10000\n[guild_settings.\"{hasty}\".escalation]\nhours_per_vote = 36\n"
            ),
            show_log: false,
            disk_bytes: None,
        };
        // One after the other: the first one compiles for all.
        let _turn = STARTING.lock().await;
        let pod = Pod::start_warm(options, &simulation).await.unwrap();
        // Until it has taken up every guild, it is slower than Discord waits for answers.
        let taken_up = pod.wait_metric("guildhall_events_total", guilds as f64, BOUND);
        taken_up.await.unwrap();
        Self {
            simulation: Arc::new(simulation),
            pod,
            used: AtomicUsize::new(0),
        }
    }

    /// A guild that no test has used, as its owner has set it up.
    pub(crate) async fn server(&self) -> Server {
        let server = self.new_server();
        server.set_up(&[]).await;
        server
    }

    /// A guild that no test has used, in which nothing is set.
    pub(crate) fn new_server(&self) -> Server {
        self.server_of(self.used.fetch_add(1, Ordering::Relaxed))
    }

    /// The guild in which votes end at once, as its owner has set it up. One test may use it.
    pub(crate) async fn hasty_server(&self) -> Server {
        let server = self.server_of(GUILDS - 1);
        server.set_up(&[]).await;
        server
    }

    fn server_of(&self, number: usize) -> Server {
        let guilds = self.simulation.guild_ids();
        let guild = *guilds.get(number).expect("GUILDS is too small for these tests");
        Server::new(self.simulation.clone(), &self.pod, guild)
    }

    /// The process is killed.
    pub(crate) fn kill(&mut self) {
        self.pod.kill().unwrap();
    }

    /// The process starts again, on its files.
    pub(crate) async fn restart(&mut self) {
        self.pod.restart().await.unwrap();
    }
}

/// A suite that runs for as long as some test holds it.
struct Shared {
    /// Declared before what it runs on.
    suite: Suite,
    runtime: Runtime,
}

/// Statics are not dropped: the last test to end takes the pod with it.
static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

impl Shared {
    fn get() -> Arc<Self> {
        let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let runtime = Runtime::new().unwrap();
            let suite = runtime.block_on(Suite::start(GUILDS));
            let shared = Arc::new(Self { suite, runtime });
            *known = Arc::downgrade(&shared);
            shared
        })
    }
}

/// Runs a test on the pod that tests share. What it does to Discord must concern its own guilds alone.
pub(crate) fn on_the_shared_pod(test: impl AsyncFnOnce(&Suite)) {
    let shared = Shared::get();
    shared.runtime.block_on(test(&shared.suite));
}

/// Runs a test on a pod of its own.
pub(crate) fn on_a_pod_of_its_own(test: impl AsyncFnOnce(&mut Suite)) {
    // Where others share one, they go on sharing it.
    let _shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut suite = Suite::start(2).await;
        test(&mut suite).await;
    });
}
