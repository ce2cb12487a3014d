//! The standalone role: sessions, workers and dispatcher in one process, with nothing around it but Discord.

use crate::configuration::Configuration;
use crate::flags::{Flags, LocalFlags};
use crate::host::Host;
use crate::needs;
use crate::observability;
use crate::sessions::Sessions;
use crate::simulation;
use crate::volume;
use anyhow::{Context, Result, bail};
use guildhall_gateway::{Router, guilds_in};
use guildhall_model::Permission;
use guildhall_pod::standalone_recording;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
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
    configuration.check_pod()?;
    // Kept until the pod has stopped: its gateway and REST end with it.
    let _simulation = if arguments.sim {
        Some(simulation::start_within(arguments.sim_guilds, &mut configuration).await?)
    } else {
        None
    };
    configuration.check_token()?;
    if configuration.replication.url.is_some() {
        bail!("replication.url is set, and `standalone` replicates nothing: use `guildhall gateway`, or leave it out");
    }
    let stop = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(stop.clone()));
    serve(configuration, stop).await
}

/// Runs a pod of this configuration until it is told to stop, then drains.
pub(crate) async fn serve(configuration: Configuration, stop: CancellationToken) -> Result<()> {
    let metrics = observability::collect_metrics()?;
    let _traces = observability::export_traces(&configuration.tracing, "standalone")?;
    let _volume = volume::lock(&configuration.data)?;
    let known = guilds_in(&configuration.data.join("guilds")).with_context(|| {
        format!(
            "data = {:?}: guilds' files cannot be kept there",
            configuration.data.display()
        )
    })?;
    let flags = Flags::Local(LocalFlags::open(&configuration.data)?);
    let host = Host::start(&configuration, Permission::default(), &known, None, flags).await?;
    let workers = &host.workers;
    let router = Arc::new(Router::new(workers.clone(), workers.clone()));
    let (wanted, intents) = watch::channel(needs::intents(&host.registry));
    tokio::spawn(needs::follow(host.registry.clone(), host.rest.clone(), wanted));
    let gateway = host.gateway.clone();
    let sessions = Sessions::new(&configuration, gateway, intents, router, workers.committed().clone());
    let sessions = Arc::new(sessions);
    let ready = sessions.clone();
    let readiness = Arc::new(move || ready.not_ready());
    let recording = match configuration.record.secret()? {
        Some(secret) => standalone_recording(workers.clone(), secret),
        None => axum::Router::new(),
    };
    let listen = configuration.listen;
    let address = observability::serve_with(recording, listen, metrics, readiness, CancellationToken::new()).await?;
    tracing::info!(%address, "health, readiness and metrics are served");

    let ended = sessions.run(stop).await;
    host.drain(Duration::from_secs(configuration.drain_seconds)).await;
    sessions.save();
    ended
}
