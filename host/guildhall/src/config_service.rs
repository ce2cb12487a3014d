//! The config service's role: its API behind the cluster's secret, its background work, and what a probe asks.

use crate::configuration::Configuration;
use crate::observability;
use anyhow::{Context, Result, bail};
use axum::middleware::from_fn_with_state;
use guildhall_config::{Background, BackgroundConfig, Changes, Database, Service, ServiceConfig};
use guildhall_fleet::{Listener, Patience, require_secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Heartbeats are short, and watches never end by themselves.
const PATIENCE: Patience = Patience {
    body: Duration::from_secs(5),
    closing: Duration::from_secs(2),
};

/// A replica that has lost its database for so long leaves requests to the others.
const SILENCE: Duration = Duration::from_secs(10);

/// `guildhall config`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file; docs/configuration.md lists its keys.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let configuration = Configuration::load(arguments.config.as_deref(), &serde_json::json!({}))?;
    let settings = &configuration.config_service;
    if settings.database.is_empty() {
        bail!("there is no database: set DATABASE_URL to postgres://user@host:port/name");
    }
    let secret = configuration.cluster.secret()?;
    let stop = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(stop.clone()));
    let metrics = observability::collect_metrics()?;
    let database = Database::open(&settings.database, settings.shards.get()).await?;
    let changes = Changes::start(database.clone(), stop.clone()).await?;
    let service = Service::new(
        database,
        ServiceConfig {
            lease: Duration::from_millis(settings.lease_ms.get().into()),
            requests_per_second: configuration
                .discord
                .requests_per_second
                .map_or(u32::MAX, std::num::NonZeroU32::get),
            hysteresis: settings.hysteresis,
        },
    );
    let background = BackgroundConfig {
        moves_at_once: settings.moves_at_once.get(),
    };
    let followed = changes.clone();
    let _background = Background::start(service.clone(), changes.clone(), background, stop.clone());
    let router = service
        .router(changes)
        .layer(from_fn_with_state(secret, require_secret));
    let listener = Listener::bind(settings.listen).with_context(|| {
        format!(
            "config_service.listen = \"{}\": the address cannot be used",
            settings.listen
        )
    })?;
    tracing::info!(address = %listener.address(), "the config service serves");
    let readiness = Arc::new(move || {
        let silence = followed.silence();
        (silence > SILENCE).then(|| format!("PostgreSQL has not answered for {} s", silence.as_secs()))
    });
    observability::serve(configuration.listen, metrics, readiness, CancellationToken::new()).await?;
    listener.serve(router, PATIENCE, stop).await.context("the API ended")
}
