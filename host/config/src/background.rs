//! What happens without a request: leases end, guilds without an owner find one, moves begin. Exactly one replica does
//! it at a time, the one with the advisory lock; the lock ends with its connection.

use crate::Service;
use crate::error::ConfigError;
use crate::watch::Changes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;

/// Names the lock.
const LEADER_LOCK: i64 = 0x6775_696c_6402;
/// Between two attempts to get the lock.
const CAMPAIGN: Duration = Duration::from_secs(1);
/// Between two looks at heartbeats.
const LOOK: Duration = Duration::from_millis(250);
/// A pod that is silent for longer is somebody's decision, and no longer told as silent.
const FORGET: Duration = Duration::from_secs(3600);
/// Changes that a watcher may be behind.
const KEEP_CHANGES: i64 = 200_000;

/// How background work is done.
#[derive(Clone, Debug)]
pub struct BackgroundConfig {
    /// Guilds on the move at once.
    pub moves_at_once: usize,
}

impl Default for BackgroundConfig {
    fn default() -> Self {
        Self { moves_at_once: 16 }
    }
}

/// The background work of one replica.
#[derive(Debug)]
pub struct Background {
    service: Service,
    config: BackgroundConfig,
    changes: Arc<Changes>,
    leading: AtomicBool,
}

/// What this process has seen of the pods.
type Seen = HashMap<String, Sight>;

/// The last heartbeat that was seen of a pod, and since when: by this process's own clock.
struct Sight {
    beat: i64,
    since: Instant,
    /// Its lease was ended for its silence.
    is_expired: bool,
}

impl Background {
    /// Starts it.
    pub fn start(
        service: Service,
        changes: Arc<Changes>,
        config: BackgroundConfig,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let background = Arc::new(Self {
            service,
            config,
            changes,
            leading: AtomicBool::new(false),
        });
        let running = background.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = running.campaign() => {}
            }
        });
        background
    }

    /// Whether this replica does the work now.
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }

    async fn campaign(&self) {
        loop {
            let mut seen = Seen::new();
            if let Err(error) = self.lead(&mut seen).await {
                tracing::warn!(%error, "background work stops here; another replica may go on");
            }
            for pod in seen.keys() {
                tell_age(pod, None);
            }
            self.leading.store(false, Ordering::Relaxed);
            metrics::gauge!("guildhall_config_leading").set(0.0);
            tokio::time::sleep(CAMPAIGN).await;
        }
    }

    /// Works as long as the connection that holds the lock lives.
    async fn lead(&self, seen: &mut Seen) -> Result<(), ConfigError> {
        let (client, connection) = self.service.database.address.connect(NoTls).await?;
        let connection = tokio::spawn(connection);
        let row = client
            .query_one("SELECT pg_try_advisory_lock($1)", &[&LEADER_LOCK])
            .await?;
        if !row.get::<_, bool>(0) {
            return Ok(());
        }
        tracing::info!("this replica does the background work now");
        self.leading.store(true, Ordering::Relaxed);
        metrics::gauge!("guildhall_config_leading").set(1.0);
        let mut revision = self.changes.revision();
        let mut compacted = Instant::now();
        loop {
            // Through the lock's own connection: without it there is no lock.
            self.expire_silent(&client, seen).await?;
            self.service.place_unowned().await?;
            self.service.drain_shards().await?;
            self.service.start_wanted_moves(self.config.moves_at_once).await?;
            if compacted.elapsed() > Duration::from_secs(60) {
                Changes::compact(&self.service.database, KEEP_CHANGES).await?;
                compacted = Instant::now();
            }
            if connection.is_finished() {
                return Err(ConfigError::Database("the connection with the lock ended".into()));
            }
            // A finished move makes room for the next at once.
            let _ = tokio::time::timeout(LOOK, revision.changed()).await;
        }
    }

    async fn expire_silent(&self, client: &tokio_postgres::Client, seen: &mut Seen) -> Result<(), ConfigError> {
        let rows = client
            .query("SELECT name, beat, state <> 'offline' FROM pods", &[])
            .await?;
        let now = Instant::now();
        let mut followed = HashSet::new();
        let pods: Vec<(String, i64, bool)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        for (name, beat, has_lease) in pods {
            let is_missed = seen
                .get(&name)
                .is_some_and(|sight| sight.is_expired && now.duration_since(sight.since) < FORGET);
            // One that has left is not missed.
            if !has_lease && !is_missed {
                continue;
            }
            let first = || Sight {
                beat,
                since: now,
                is_expired: false,
            };
            let sight = seen.entry(name.clone()).or_insert_with(first);
            if sight.beat != beat {
                *sight = first();
            } else if has_lease
                && now.duration_since(sight.since) > self.service.config.lease
                && self.service.expire(&name, beat).await?
            {
                sight.is_expired = true;
                metrics::counter!("guildhall_config_expired_leases_total").increment(1);
            }
            tell_age(&name, Some(now.duration_since(sight.since)));
            followed.insert(name);
        }
        seen.retain(|name, _| {
            let is_followed = followed.contains(name);
            if !is_followed {
                tell_age(name, None);
            }
            is_followed
        });
        Ok(())
    }
}

/// How long ago the pod's last heartbeat was; none where this replica does not know, or nobody waits for one.
fn tell_age(pod: &str, age: Option<Duration>) {
    // Prometheus gives `pod` to whoever exports it.
    metrics::gauge!("guildhall_config_heartbeat_age_seconds", "gateway" => pod.to_owned())
        .set(age.map_or(f64::NAN, |age| age.as_secs_f64()));
}
