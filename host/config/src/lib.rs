//! The config service: pods with leases, and who owns which guild and shard, in PostgreSQL. Replicas keep nothing of
//! their own, so any number may serve. It knows neither Discord nor plugins.

mod api;
mod background;
mod database;
mod error;
mod flags;
mod guilds;
mod identify;
mod placement;
mod pods;
mod rows;
mod shards;
mod watch;

pub use background::{Background, BackgroundConfig};
pub use database::Database;
pub use error::{ConfigError, OpenError};
pub use watch::Changes;

use std::sync::Arc;
use std::time::Duration;

/// What a replica decides with.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// How long a lease holds.
    pub lease: Duration,
    /// Requests per second to Discord of all pods together.
    pub requests_per_second: u32,
    /// How far from the fleet's average a pod's load may be before a rebalance moves anything, as a share of it.
    pub hysteresis: f64,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            requests_per_second: 45,
            hysteresis: 0.1,
        }
    }
}

/// One replica's requests: every method is one transaction.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) database: Database,
    pub(crate) config: Arc<ServiceConfig>,
}

impl Service {
    /// A service over this database.
    pub fn new(database: Database, config: ServiceConfig) -> Self {
        Self {
            database,
            config: Arc::new(config),
        }
    }

    /// The HTTP API, to be put behind the cluster's secret.
    pub fn router(&self, changes: Arc<Changes>) -> axum::Router {
        api::router(self.clone(), changes)
    }
}
