//! What standalone and gateway pods share: plugins, workers and dispatcher, put together and taken apart.

use crate::configuration::Configuration;
use crate::flags::{self, Flags};
use crate::http_requests::http_config;
use anyhow::{Context, Result};
use guildhall_discord::{
    CatchUp, DeferralConfig, Deferrals, Dispatcher, DispatcherConfig, GatewayInformation, Rest, RestError,
};
use guildhall_engine::{ArtifactCache, DirectoryWatch, Loading, PluginRegistry, Runtime, RuntimeConfig};
use guildhall_gateway::{CommitSink, CommittedPositions, GuildHost, WorkerConfig, Workers, catch_up, settle};
use guildhall_model::{Gap, GuildId, OutboxEntry, Permission, SessionPosition};
use guildhall_replication::{Bucket, Litestream, Location, Replicated, Replicator, ReplicatorConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Between two attempts to begin while Discord is away.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A pod without its sessions.
pub(crate) struct Host {
    pub(crate) rest: Arc<Rest>,
    pub(crate) gateway: GatewayInformation,
    pub(crate) registry: Arc<PluginRegistry<GuildHost>>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Defers interactions that wait too long.
    pub(crate) deferrals: Deferrals,
    /// Brings guilds to the bucket, where one is configured.
    pub(crate) replicator: Option<Arc<Replicator>>,
    /// Ends with this value, or earlier.
    following: DropGuard,
    /// Ends with this value.
    _watch: DirectoryWatch,
}

impl Host {
    /// Asks Discord who the bot is, loads the plugins and starts the threads. These guilds are taken up. What they commit
    /// is replicated where there is a place for it.
    pub(crate) async fn start(
        configuration: &Configuration,
        permission: Permission,
        known: &[GuildId],
        replicas: Option<&Location>,
        flags: Flags,
    ) -> Result<Self> {
        let flags = Arc::new(flags);
        let (registry, watch) = load_plugins(configuration)?;
        let discord = &configuration.discord;
        let rest = Arc::new(Rest::new(&discord.token, discord.rest.as_deref())?);
        let own_user = ask("who the bot is", async || rest.own_user().await).await?;
        let gateway = ask("its gateway", async || rest.gateway_information().await).await?;
        let (reports, reported) = mpsc::unbounded_channel();
        let dispatcher = Arc::new(Dispatcher::start(
            rest.clone(),
            reports,
            DispatcherConfig {
                global_per_second: discord.requests_per_second,
                concurrency: discord.concurrent_requests,
                permission: permission.clone(),
                flags: flags.clone(),
                http: http_config(&configuration.http_requests, registry.clone())?,
            },
        ));
        let defer_after = configuration.discord.defer_interactions();
        let deferrals = Deferrals::new(rest.clone(), DeferralConfig::new(defer_after, permission.clone()));
        let committed = Arc::new(match replicas {
            Some(_) => CommittedPositions::with_replication(),
            None => CommittedPositions::default(),
        });
        let told = || {
            Box::new(InTheBucket {
                dispatcher: dispatcher.clone(),
            })
        };
        let replicator = replicas
            .map(|location| replicator(configuration, location, told()))
            .transpose()?
            .map(Arc::new);
        let (pages, missed) = mpsc::unbounded_channel();
        let workers = Workers::start(
            WorkerConfig {
                guilds: configuration.data.join("guilds"),
                threads: configuration.threads(),
                open_files: configuration.workers.open_files,
                waiting: configuration.workers.waiting.get(),
                batch: configuration.workers.batch.get(),
                failures: configuration.workers.failures.get(),
                store: configuration.store_limits(),
                calls: configuration.call_limits(),
                warm_bytes: (configuration.workers.warm_mib as usize) << 20,
                settings: Arc::new(configuration.operator_settings()),
                own_user,
                permission,
                deferrals: Some(deferrals.clone()),
                replicated: replicas.is_some(),
            },
            registry.clone(),
            Arc::new(Commits {
                replicator: replicator.clone(),
                history: CatchUp::new(dispatcher.clone(), pages),
                dispatcher: dispatcher.clone(),
            }),
            committed,
            known,
        )?;
        let until = CancellationToken::new();
        tokio::spawn(flags::follow(flags, workers.clone(), until.clone()));
        tokio::spawn(catch_up(workers.clone(), missed));
        tokio::spawn(settle(workers.clone(), reported));
        Ok(Self {
            rest,
            gateway,
            registry,
            workers,
            dispatcher,
            deferrals,
            replicator,
            following: until.drop_guard(),
            _watch: watch,
        })
    }

    /// Intake has stopped: what came is committed, what was committed leaves within the bound, files are closed.
    pub(crate) async fn drain(self, bound: Duration) {
        drop(self.following);
        self.workers.flush().await;
        let left = self.dispatcher.drain(bound).await;
        if left > 0 {
            tracing::warn!(left, "actions stay in the outbox; they leave at the next start");
        }
        self.workers.stop().await;
        tracing::info!("stopped");
    }
}

/// Asks Discord until it answers. What it refuses is an error.
async fn ask<T>(what: &str, request: impl AsyncFn() -> Result<T, RestError>) -> Result<T> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match request().await {
            Ok(answer) => return Ok(answer),
            Err(error @ (RestError::Transient(_) | RestError::RateLimited { .. })) => {
                tracing::warn!(%error, "Discord does not tell {what} yet; it is asked again");
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(error) => return Err(error).with_context(|| format!("Discord did not tell {what}")),
        }
    }
}

fn load_plugins(configuration: &Configuration) -> Result<(Arc<PluginRegistry<GuildHost>>, DirectoryWatch)> {
    let limits = configuration.call_limits();
    let runtime = RuntimeConfig {
        memory_bytes: limits.memory_bytes,
        ..RuntimeConfig::default()
    };
    let runtime = Runtime::new(&runtime)
        .map_err(anyhow::Error::from)
        .context("WebAssembly cannot be run here")?;
    let directory = configuration.data.join("compiled-plugins");
    let artifacts = ArtifactCache::open(&directory).with_context(|| {
        format!(
            "data = {:?}: compiled plugins cannot be kept there",
            configuration.data.display()
        )
    })?;
    let registry = Arc::new(PluginRegistry::default());
    let loading = Loading {
        runtime,
        artifacts,
        limits,
    };
    let (plugins, data, rules) = (
        &configuration.plugins,
        &configuration.data,
        configuration.updates.rules(),
    );
    let watch = DirectoryWatch::start(plugins, data, rules, loading, registry.clone())
        .with_context(|| format!("plugins = {:?}: the directory cannot be watched", plugins.display()))?;
    if registry.current().plugins.is_empty() {
        tracing::warn!(directory = %configuration.plugins.display(), "no plugin runs yet; put .wasm files into the directory");
    }
    Ok((registry, watch))
}

fn replicator(configuration: &Configuration, location: &Location, told: Box<InTheBucket>) -> Result<Replicator> {
    let replication = &configuration.replication;
    let config = ReplicatorConfig {
        guilds: configuration.data.join("guilds"),
        pod: configuration.cluster.pod.clone(),
        hot_files: replication.hot_files.get(),
        every: Duration::from_millis(replication.sync_ms.get().into()),
        gate: replication.gate,
    };
    let litestream = Litestream::new(&replication.socket(&configuration.data))?;
    Ok(Replicator::new(config, litestream, Bucket::new(location)?, told))
}

/// Where commits go: actions to the dispatcher, at once or through the replicator's gate.
struct Commits {
    replicator: Option<Arc<Replicator>>,
    history: CatchUp,
    dispatcher: Arc<Dispatcher>,
}

impl CommitSink for Commits {
    fn committed(
        &self,
        guild: GuildId,
        positions: &mut dyn Iterator<Item = &SessionPosition>,
        actions: Vec<OutboxEntry>,
    ) {
        let actions = match &self.replicator {
            Some(replicator) => replicator.committed(guild, positions, actions),
            None => actions,
        };
        if !actions.is_empty() {
            self.dispatcher.submit(guild, actions);
        }
    }

    fn catch_up(&self, guild: GuildId, gaps: Vec<Gap>) {
        self.history.start(guild, gaps);
    }
}

/// What the replicator tells.
struct InTheBucket {
    dispatcher: Arc<Dispatcher>,
}

impl Replicated for InTheBucket {
    fn replicated(&self, guild: GuildId, actions: Vec<OutboxEntry>) {
        self.dispatcher.submit(guild, actions);
    }
}
