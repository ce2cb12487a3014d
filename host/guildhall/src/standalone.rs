//! The standalone role: sessions, workers and dispatcher in one process, with nothing around it but Discord.

use crate::configuration::Configuration;
use crate::needs;
use crate::observability;
use crate::sessions::Sessions;
use crate::simulation;
use anyhow::{Context, Result, bail};
use guildhall_discord::{Dispatcher, DispatcherConfig, Rest};
use guildhall_engine::{ArtifactCache, DirectoryWatch, PluginRegistry, Runtime, RuntimeConfig};
use guildhall_gateway::{ActionSink, GuildHost, Router, WorkerConfig, Workers};
use guildhall_model::{GuildId, OutboxEntry};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// `guildhall standalone`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file; docs/configuration.md lists its keys.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where guilds' files are kept.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The directory whose .wasm files run.
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Start a simulation of Discord in this process and connect to that.
    #[arg(long)]
    sim: bool,
    /// Guilds of that simulation.
    #[arg(long, default_value_t = 10, requires = "sim")]
    sim_guilds: usize,
}

impl Arguments {
    fn flags(&self) -> serde_json::Value {
        let mut flags = serde_json::Map::new();
        let mut set = |key: &str, value: Option<serde_json::Value>| value.map(|value| flags.insert(key.into(), value));
        set("data", self.data.as_ref().map(|data| json!(data)));
        set("plugins", self.plugins.as_ref().map(|plugins| json!(plugins)));
        set("listen", self.listen.map(|listen| json!(listen)));
        flags.into()
    }
}

/// Runs until SIGTERM or Ctrl-C, then drains.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut configuration = Configuration::load(arguments.config.as_deref(), &arguments.flags())?;
    // Kept until the pod has stopped: its gateway and REST end with it.
    let _simulation = if arguments.sim {
        Some(simulation::start_within(arguments.sim_guilds, &mut configuration).await?)
    } else {
        None
    };
    if configuration.discord.token.is_empty() {
        bail!("there is no bot token: set DISCORD_TOKEN, or use --sim to try Guildhall without Discord");
    }
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_signal(stop.clone()));
    serve(configuration, stop).await
}

async fn serve(configuration: Configuration, stop: CancellationToken) -> Result<()> {
    let metrics = observability::collect_metrics()?;
    let (registry, _watch) = load_plugins(&configuration)?;

    let discord = &configuration.discord;
    let rest = Arc::new(Rest::new(&discord.token, discord.rest.as_deref())?);
    let own_user = rest.own_user().await.context("Discord did not tell who the bot is")?;
    let gateway = rest
        .gateway_information()
        .await
        .context("Discord did not tell its gateway")?;

    let (settle, mut settled) = mpsc::unbounded_channel();
    let dispatcher = Arc::new(Dispatcher::start(
        rest.clone(),
        settle,
        DispatcherConfig {
            global_per_second: discord.requests_per_second,
            concurrency: discord.concurrent_requests,
        },
    ));
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
            settings: Arc::new(configuration.operator_settings()),
            own_user,
        },
        registry.clone(),
        Arc::new(ToDispatcher(dispatcher.clone())),
    )
    .with_context(|| {
        format!(
            "data = {:?}: guilds' files cannot be kept there",
            configuration.data.display()
        )
    })?;
    let settling = workers.clone();
    tokio::spawn(async move {
        while let Some(settled) = settled.recv().await {
            settling.settled(settled).await;
        }
    });

    let router = Arc::new(Router::new(workers.clone()));
    let (wanted, intents) = watch::channel(needs::intents(&registry));
    tokio::spawn(needs::follow(registry.clone(), rest.clone(), wanted));
    let sessions = Sessions::new(&configuration, gateway, intents, router, workers.committed().clone());
    let sessions = Arc::new(sessions);
    let ready = sessions.clone();
    let readiness = Arc::new(move || ready.not_ready());
    let address = observability::serve(configuration.listen, metrics, readiness, CancellationToken::new()).await?;
    tracing::info!(%address, "health, readiness and metrics are served");

    let ended = sessions.run(stop).await;
    drain(&configuration, &workers, &dispatcher).await;
    sessions.save();
    ended
}

/// Intake has stopped: what came is committed, what was committed leaves within the bound, files are closed.
async fn drain(configuration: &Configuration, workers: &Workers, dispatcher: &Dispatcher) {
    workers.flush().await;
    let left = dispatcher.drain(Duration::from_secs(configuration.drain_seconds)).await;
    if left > 0 {
        tracing::warn!(left, "actions stay in the outbox; they leave at the next start");
    }
    workers.stop().await;
    tracing::info!("stopped");
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
    let watch = DirectoryWatch::start(&configuration.plugins, runtime, artifacts, limits, registry.clone())
        .with_context(|| {
            format!(
                "plugins = {:?}: the directory cannot be watched",
                configuration.plugins.display()
            )
        })?;
    if registry.current().plugins.is_empty() {
        tracing::warn!(directory = %configuration.plugins.display(), "no plugin runs yet; put .wasm files into the directory");
    }
    Ok((registry, watch))
}

struct ToDispatcher(Arc<Dispatcher>);

impl ActionSink for ToDispatcher {
    fn submit(&self, guild: GuildId, actions: Vec<OutboxEntry>) {
        self.0.submit(guild, actions);
    }
}

async fn cancel_on_signal(stop: CancellationToken) {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be listened for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: intake ends, batches are finished, the outbox is flushed");
    stop.cancel();
}
