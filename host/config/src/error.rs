//! Refusals, each with its status and one word for programs.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use guildhall_fleet::{GuildAssignment, Refusal};
use guildhall_model::GuildId;

/// Why a request was not done. Nothing of it is in the database.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A request that makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A pod that never registered.
    #[error("there is no pod {0:?}; `guildhall pods` lists them")]
    UnknownPod(String),
    /// A guild that was never assigned.
    #[error("guild {0} is not assigned to any pod yet")]
    UnknownGuild(GuildId),
    /// A shard beyond the shard count.
    #[error("there is no shard {0}")]
    UnknownShard(u32),
    /// A living pod has the name.
    #[error("the name {0:?} belongs to another living pod; give this one another name, or stop that one")]
    NameTaken(String),
    /// The lease has ended, or a newer registration replaced this one.
    #[error("pod {pod:?} has no lease under registration {incarnation}; it must stop acting and register again")]
    LeaseEnded {
        /// The pod.
        pod: String,
        /// What it takes for its registration.
        incarnation: i64,
    },
    /// The target cannot take guilds.
    #[error("pod {pod:?} is {state}; choose an active one")]
    PodUnavailable {
        /// The target.
        pod: String,
        /// Where it stands.
        state: &'static str,
    },
    /// The target has no room.
    #[error("pod {pod:?} owns {guilds} guilds and has room for {capacity}")]
    PodFull {
        /// The target.
        pod: String,
        /// Guilds that it owns or is about to own.
        guilds: u32,
        /// Guilds that it may own.
        capacity: u32,
    },
    /// One move at a time.
    #[error("guild {} is already moving to {:?}; wait until it is there", .0.guild, .0.target.as_deref().unwrap_or_default())]
    AlreadyMoving(Box<GuildAssignment>),
    /// The guild has no owner that could hand it over.
    #[error("guild {0} has no owner now; it gets one as soon as a pod has room")]
    Unowned(GuildId),
    /// Another epoch has begun.
    #[error("epoch {epoch} of guild {} is not the current one, which is {}", .current.guild, .current.epoch)]
    StaleEpoch {
        /// What the request names.
        epoch: i64,
        /// What is so.
        current: Box<GuildAssignment>,
    },
    /// The same for a shard.
    #[error("epoch {epoch} of shard {shard} is not the current one")]
    StaleShard {
        /// The shard.
        shard: u32,
        /// What the request names.
        epoch: i64,
    },
    /// The watch cannot resume from so long ago.
    #[error("changes after {0} are no longer kept; load all assignments, then watch from their revision")]
    Compacted(i64),
    /// PostgreSQL does not do what it should.
    #[error("the database does not answer: {0}")]
    Database(String),
}

impl From<tokio_postgres::Error> for ConfigError {
    fn from(error: tokio_postgres::Error) -> Self {
        // Its own words leave the server's message out.
        let message = error
            .as_db_error()
            .map_or_else(|| error.to_string(), ToString::to_string);
        Self::Database(message)
    }
}

impl From<deadpool_postgres::PoolError> for ConfigError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Database(error.to_string())
    }
}

impl ConfigError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Self::UnknownPod(_) => (StatusCode::NOT_FOUND, "unknown_pod"),
            Self::UnknownGuild(_) => (StatusCode::NOT_FOUND, "unknown_guild"),
            Self::UnknownShard(_) => (StatusCode::NOT_FOUND, "unknown_shard"),
            Self::NameTaken(_) => (StatusCode::CONFLICT, "name_taken"),
            Self::LeaseEnded { .. } => (StatusCode::GONE, "lease_ended"),
            Self::PodUnavailable { .. } => (StatusCode::CONFLICT, "pod_unavailable"),
            Self::PodFull { .. } => (StatusCode::CONFLICT, "pod_full"),
            Self::AlreadyMoving(_) => (StatusCode::CONFLICT, "already_moving"),
            Self::Unowned(_) => (StatusCode::CONFLICT, "unowned"),
            Self::StaleEpoch { .. } | Self::StaleShard { .. } => (StatusCode::CONFLICT, "stale_epoch"),
            Self::Compacted(_) => (StatusCode::GONE, "compacted"),
            Self::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        }
    }
}

impl IntoResponse for ConfigError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let message = self.to_string();
        if status.is_server_error() {
            tracing::warn!(error = message, "a request failed");
        }
        let assignment = match self {
            Self::AlreadyMoving(assignment)
            | Self::StaleEpoch {
                current: assignment, ..
            } => Some(*assignment),
            _ => None,
        };
        let refusal = Refusal {
            code: code.into(),
            message,
            assignment,
        };
        (status, Json(refusal)).into_response()
    }
}

/// Why a replica cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database is wrong.
    #[error("the database's address cannot be read: {0}; write it as postgres://user@host:port/name")]
    Address(tokio_postgres::Error),
    /// No connection.
    #[error("the database cannot be reached: {0}")]
    Connect(String),
    /// A newer Guildhall has been here.
    #[error("the database's schema is newer than this program's; run the newer version, or restore a backup of before")]
    Newer,
    /// A migration failed; it is undone.
    #[error("the database's schema cannot be brought up to date: {0}")]
    Migrate(String),
    /// Discord's shards cannot be renumbered while sessions exist.
    #[error("the fleet has {found} shards, and {wanted} are configured; drain all pods before changing it")]
    ShardCount {
        /// In the database.
        found: u32,
        /// In the configuration.
        wanted: u32,
    },
}
