//! Changes as they are committed: read once per replica when PostgreSQL notifies, kept for a while, and handed to every
//! watcher from the revision that it names.

use crate::database::{CHANNEL, Database};
use crate::error::ConfigError;
use guildhall_fleet::Change;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, NoTls};
use tokio_util::sync::CancellationToken;

/// Changes kept in memory; older ones are read from the database.
const KEPT: usize = 20_000;
/// Changes of one read.
const PAGE: i64 = 5_000;
/// Without a notification the database is looked at this often: one may be lost with a connection.
const LOOK: Duration = Duration::from_secs(2);

/// The recent changes of one replica.
#[derive(Debug)]
pub struct Changes {
    database: Database,
    recent: RwLock<VecDeque<Arc<Change>>>,
    revision: watch::Sender<i64>,
    /// When the database answered last.
    answered: RwLock<Instant>,
}

impl Changes {
    /// Follows the database until it is told to stop.
    pub async fn start(database: Database, stop: CancellationToken) -> Result<Arc<Self>, ConfigError> {
        let connection = database.connection().await?;
        let revision: i64 = connection.query_one("SELECT value FROM revision", &[]).await?.get(0);
        drop(connection);
        let changes = Arc::new(Self {
            database,
            recent: RwLock::default(),
            revision: watch::channel(revision).0,
            answered: RwLock::new(Instant::now()),
        });
        let following = changes.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = following.follow() => {}
            }
        });
        Ok(changes)
    }

    /// The last revision; told when it grows.
    pub fn revision(&self) -> watch::Receiver<i64> {
        self.revision.subscribe()
    }

    /// How long the database has been silent: a few seconds at most while all is well.
    pub fn silence(&self) -> Duration {
        let answered = self.answered.read().unwrap_or_else(PoisonError::into_inner);
        answered.elapsed()
    }

    async fn follow(&self) {
        loop {
            if let Err(error) = self.listen().await {
                tracing::warn!(%error, "changes cannot be followed; it is tried again");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn listen(&self) -> Result<(), ConfigError> {
        let (client, mut connection) = self.database.address.connect(NoTls).await?;
        let (notify, mut notified) = watch::channel(());
        let polling = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if matches!(message, AsyncMessage::Notification(_)) {
                    notify.send_replace(());
                }
            }
        });
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        loop {
            self.read_on().await?;
            if let Ok(Err(_)) = tokio::time::timeout(LOOK, notified.changed()).await {
                // The connection is gone.
                break;
            }
        }
        polling.abort();
        Err(ConfigError::Database("the listening connection ended".into()))
    }

    async fn read_on(&self) -> Result<(), ConfigError> {
        loop {
            let after = *self.revision.borrow();
            let page = self.read(after).await?;
            *self.answered.write().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            let Some(last) = page.last().map(|change| change.revision) else {
                return Ok(());
            };
            let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
            recent.extend(page);
            let surplus = recent.len().saturating_sub(KEPT);
            recent.drain(..surplus);
            drop(recent);
            self.revision.send_replace(last);
        }
    }

    async fn read(&self, after: i64) -> Result<Vec<Arc<Change>>, ConfigError> {
        let connection = self.database.connection().await?;
        let rows = connection
            .query(
                "SELECT revision, now FROM changes WHERE revision > $1 ORDER BY revision LIMIT $2",
                &[&after, &PAGE],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let now = serde_json::from_value(row.get(1))
                    .map_err(|error| ConfigError::Database(format!("a change cannot be read: {error}")))?;
                Ok(Arc::new(Change {
                    revision: row.get(0),
                    now,
                }))
            })
            .collect()
    }

    /// Changes after this revision, from memory where they are there.
    pub(crate) async fn after(&self, revision: i64) -> Result<Vec<Arc<Change>>, ConfigError> {
        if revision >= *self.revision.borrow() {
            return Ok(Vec::new());
        }
        {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            if recent.front().is_some_and(|first| first.revision <= revision + 1) {
                let from = recent.partition_point(|change| change.revision <= revision);
                return Ok(recent.range(from..).cloned().collect());
            }
        }
        let page = self.read(revision).await?;
        match page.first() {
            // Revisions have no gaps.
            Some(first) if first.revision > revision + 1 => Err(ConfigError::Compacted(revision)),
            _ => Ok(page),
        }
    }

    /// Removes changes that no watcher should still need.
    pub(crate) async fn compact(database: &Database, keep: i64) -> Result<(), ConfigError> {
        let connection = database.connection().await?;
        connection
            .execute(
                "DELETE FROM changes WHERE revision <= (SELECT value FROM revision) - $1",
                &[&keep],
            )
            .await?;
        Ok(())
    }
}
