//! A pod's replication, put together: Litestream's process where it is no sidecar, the replicator, and the collection of
//! epochs that nobody needs any more.

use crate::configuration::Configuration;
use anyhow::{Context, Result};
use guildhall_pod::Durability;
use guildhall_replication::{Litestream, Location, Replicator, configuration as litestream_configuration, supervise};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Between two looks for old epochs.
const COLLECT: Duration = Duration::from_secs(3600);
/// A pod that ends waits so long for the bucket.
const FINISH: Duration = Duration::from_secs(20);

/// `guildhall litestream-configuration`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file; docs/configuration.md lists its keys.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Write it there instead of printing it.
    #[arg(long)]
    to: Option<PathBuf>,
}

/// Litestream's configuration for a sidecar.
pub(crate) fn write_configuration(arguments: &Arguments) -> Result<()> {
    let configuration = Configuration::load(arguments.config.as_deref(), &serde_json::json!({}))?;
    let text = of(&configuration);
    match &arguments.to {
        Some(file) => std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display())),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

fn of(configuration: &Configuration) -> String {
    let replication = &configuration.replication;
    let socket = replication.socket(&configuration.data);
    litestream_configuration(&socket, replication.retention_hours.get())
}

/// What a pod needs for its guilds' files; none where nothing is replicated.
pub(crate) fn durability(
    configuration: &Configuration,
    replicator: Option<Arc<Replicator>>,
) -> Result<Option<Arc<Durability>>> {
    let Some((replicator, restorer)) = replicator.zip(configuration.replication.restorer()?) else {
        return Ok(None);
    };
    Durability::new(&configuration.data, replicator, restorer).map(|durability| Some(Arc::new(durability)))
}

/// Replication that runs.
pub(crate) struct Replicating {
    replicator: Arc<Replicator>,
    background: CancellationToken,
    litestream: Option<(JoinHandle<()>, CancellationToken)>,
}

/// Starts it.
pub(crate) fn replicate(
    configuration: &Configuration,
    location: &Location,
    durability: &Arc<Durability>,
) -> Result<Replicating> {
    let replication = &configuration.replication;
    let litestream = if replication.sidecar {
        None
    } else {
        let file = configuration.data.join("litestream.yml");
        std::fs::write(&file, of(configuration)).with_context(|| format!("{} cannot be written", file.display()))?;
        let stop = CancellationToken::new();
        let litestream = Litestream::new(&replication.socket(&configuration.data))?;
        let (program, location, until) = (replication.program.clone(), location.clone(), stop.clone());
        let running = tokio::spawn(async move { supervise(&program, &file, &location, &litestream, until).await });
        Some((running, stop))
    };
    let background = CancellationToken::new();
    tokio::spawn(durability.replicator.clone().run(background.clone()));
    tokio::spawn(collect(durability.clone(), replication.retention(), background.clone()));
    Ok(Replicating {
        replicator: durability.replicator.clone(),
        background,
        litestream,
    })
}

impl Replicating {
    /// Brings what is left to the bucket, within a bound, and ends.
    pub(crate) async fn end(self) {
        let left = self.replicator.finish(FINISH).await;
        if left > 0 {
            tracing::warn!(
                left,
                "guilds are not whole in the bucket; the volume has what is missing"
            );
        }
        self.background.cancel();
        if let Some((running, stop)) = self.litestream {
            stop.cancel();
            // It ends by the token.
            let _ = running.await;
        }
    }
}

/// Removes epochs that were replaced longer ago than they are kept for.
async fn collect(durability: Arc<Durability>, keep: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            // Not all pods at once.
            () = tokio::time::sleep(COLLECT.mul_f64(rand::random_range(0.5..1.5))) => {}
        }
        for standing in durability.replicator.standing() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            match durability.restorer.bucket().collect(standing.guild, now, keep).await {
                Ok(removed) => metrics::counter!("guildhall_collected_epochs_total").increment(removed as u64),
                Err(error) => tracing::warn!(guild = %standing.guild, %error, "old epochs stay in the bucket"),
            }
        }
    }
}
