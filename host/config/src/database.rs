//! The pool of connections, the migrations, and the transaction in which assignments change.

use crate::error::{ConfigError, OpenError};
use crate::rows;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts, Transaction};
use guildhall_fleet::{Change, Changed, GuildAssignment, Pod, ShardAssignment};
use std::time::Duration;
use tokio_postgres::NoTls;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Connections of one replica.
const CONNECTIONS: usize = 8;
/// A request waits no longer for one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Names the lock under which replicas migrate, one at a time.
const MIGRATION_LOCK: i64 = 0x6775_696c_6401;
/// Where changes are told.
pub(crate) const CHANNEL: &str = "guildhall_changes";

/// The fleet's PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    pub(crate) address: tokio_postgres::Config,
}

impl Database {
    /// Connects, brings the schema up to date, and makes the shards known.
    pub async fn open(address: &str, shard_count: u32) -> Result<Self, OpenError> {
        let mut address: tokio_postgres::Config = address.parse().map_err(OpenError::Address)?;
        address.connect_timeout(PATIENCE).application_name("guildhall config");
        let manager = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(address.clone(), NoTls, manager);
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(PATIENCE),
                create: Some(PATIENCE),
                recycle: Some(PATIENCE),
            })
            .build()
            .map_err(|error| OpenError::Connect(error.to_string()))?;
        let database = Self { pool, address };
        database.migrate().await?;
        database.make_shards(shard_count).await?;
        Ok(database)
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        let mut connection = self
            .pool
            .get()
            .await
            .map_err(|error| OpenError::Connect(error.to_string()))?;
        let failed = |error: tokio_postgres::Error| OpenError::Migrate(error.to_string());
        connection
            .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
            .await
            .map_err(failed)?;
        let client: &mut tokio_postgres::Client = &mut connection;
        let outcome = migrations::migrations::runner().run_async(client).await;
        connection
            .execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK])
            .await
            .map_err(failed)?;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), refinery::error::Kind::MissingVersion(_)) => Err(OpenError::Newer),
            Err(error) => Err(OpenError::Migrate(error.to_string())),
        }
    }

    async fn make_shards(&self, count: u32) -> Result<(), OpenError> {
        let failed = |error: ConfigError| OpenError::Migrate(error.to_string());
        let mut connection = self.connection().await.map_err(failed)?;
        let mut change = Transact::begin(&mut connection).await.map_err(failed)?;
        let known = change.shards().await.map_err(failed)?;
        let found = u32::try_from(known.len()).unwrap_or(u32::MAX);
        if found == count {
            return Ok(());
        }
        if known.iter().any(|shard| shard.pod.is_some()) {
            return Err(OpenError::ShardCount { found, wanted: count });
        }
        change
            .transaction
            .execute("DELETE FROM shards", &[])
            .await
            .map_err(|error| failed(error.into()))?;
        for shard in 0..count {
            change.put_shard(rows::unassigned_shard(shard, count));
        }
        change.commit().await.map_err(failed)
    }

    /// A connection for reading, or for a transaction.
    pub(crate) async fn connection(&self) -> Result<deadpool_postgres::Object, ConfigError> {
        Ok(self.pool.get().await?)
    }
}

/// A transaction that may change assignments: no other one runs meanwhile, in any replica.
pub(crate) struct Transact<'connection> {
    pub(crate) transaction: Transaction<'connection>,
    revision: i64,
    changes: Vec<Change>,
}

impl<'connection> Transact<'connection> {
    pub(crate) async fn begin(connection: &'connection mut deadpool_postgres::Object) -> Result<Self, ConfigError> {
        let transaction = connection.transaction().await?;
        let row = transaction
            .query_one("SELECT value FROM revision FOR UPDATE", &[])
            .await?;
        Ok(Self {
            transaction,
            revision: row.get(0),
            changes: Vec::new(),
        })
    }

    fn next_revision(&mut self) -> i64 {
        self.revision += 1;
        self.revision
    }

    /// The pod's state from now on.
    pub(crate) fn put_pod(&mut self, mut pod: Pod) -> Pod {
        pod.revision = self.next_revision();
        self.push(Changed::Pod(pod.clone()));
        pod
    }

    /// The guild's assignment from now on.
    pub(crate) fn put_guild(&mut self, mut guild: GuildAssignment) -> GuildAssignment {
        guild.revision = self.next_revision();
        self.push(Changed::Guild(guild.clone()));
        guild
    }

    /// The shard's assignment from now on.
    pub(crate) fn put_shard(&mut self, mut shard: ShardAssignment) -> ShardAssignment {
        shard.revision = self.next_revision();
        self.push(Changed::Shard(shard.clone()));
        shard
    }

    fn push(&mut self, now: Changed) {
        self.changes.push(Change {
            revision: self.revision,
            now,
        });
    }

    /// Adds to the audit trail.
    pub(crate) async fn audit(&self, what: &str, subject: &str, detail: &str) -> Result<(), ConfigError> {
        self.transaction
            .execute(
                "INSERT INTO audit (what, subject, detail) VALUES ($1, $2, $3)",
                &[&what, &subject, &detail],
            )
            .await?;
        Ok(())
    }

    /// Writes every change and tells the watches.
    pub(crate) async fn commit(self) -> Result<(), ConfigError> {
        if !self.changes.is_empty() {
            rows::write(&self.transaction, &self.changes).await?;
            self.transaction
                .execute("UPDATE revision SET value = $1", &[&self.revision])
                .await?;
            self.transaction
                .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &self.revision.to_string()])
                .await?;
        }
        Ok(self.transaction.commit().await?)
    }
}
