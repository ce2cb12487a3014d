//! The config service's requests and answers, version 1. Ids of guilds are text in JSON: JavaScript's numbers are too
//! short for them.

use guildhall_model::{FlaggedEverywhere, GuildId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The header in which a request to a guild's owner carries the epoch that it believes in.
pub const EPOCH: &str = "guildhall-epoch";

/// The header in which a forwarded interaction says how many milliseconds its first answer is waited for.
pub const WAIT: &str = "guildhall-wait-ms";

/// Where a pod stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodState {
    /// It takes guilds and shards.
    Active,
    /// It hands over what it has.
    Draining,
    /// Its lease has ended.
    Offline,
}

/// A pod as the config service knows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Pod {
    /// Unique in the fleet.
    pub name: String,
    /// Where other roles reach it: `http://host:port`.
    pub url: String,
    /// Its version.
    pub build: String,
    /// Guilds that it may own.
    pub capacity: u32,
    /// Where it stands.
    pub state: PodState,
    /// Counts its registrations.
    pub incarnation: i64,
    /// Guilds that it owns, and those that move to it: one on the move has a place on both sides, as it may come back.
    pub guilds: u32,
    /// Its load at the last heartbeat.
    pub load: Load,
    /// The last change of its state.
    pub revision: i64,
}

/// What a pod, or a guild, costs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default)]
pub struct Load {
    /// Events applied per second.
    pub events_per_second: f64,
    /// Bytes of guild files.
    pub bytes: i64,
    /// Committed actions that Discord has not confirmed.
    pub outbox: i64,
    /// Milliseconds in which 99 of 100 events were lately on disk; 0 where there were none.
    pub p99_ms: i32,
    /// Events that its sessions received and nobody has on disk.
    pub lag: i64,
}

/// Whether an assignment stands or is about to change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentState {
    /// The owner acts.
    Active,
    /// The owner hands over to the target.
    Moving,
}

/// Who owns a guild.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct GuildAssignment {
    /// The guild.
    #[serde(with = "id_as_text")]
    #[schema(value_type = String)]
    pub guild: GuildId,
    /// Its owner; none while no pod has room.
    pub pod: Option<String>,
    /// Grows with every change of the owner.
    pub epoch: i64,
    /// Whether it stands.
    pub state: AssignmentState,
    /// Where it moves.
    pub target: Option<String>,
    /// Whether it stays where it is when others are rebalanced.
    pub pinned: bool,
    /// The owner before.
    pub previous: Option<String>,
    /// Events per hour, as its owner last told: a new owner takes up the busiest first.
    #[serde(default)]
    pub events_per_hour: u32,
    /// Its last change.
    pub revision: i64,
}

/// Who holds a shard's session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ShardAssignment {
    /// The shard's number.
    pub shard: u32,
    /// Shards in all.
    pub shard_count: u32,
    /// The holder; none while there is no pod.
    pub pod: Option<String>,
    /// Grows with every change of the holder.
    pub epoch: i64,
    /// Whether it stands.
    pub state: AssignmentState,
    /// Where it moves.
    pub target: Option<String>,
    /// The session and the sequence to resume from, as its last holder told: what a gateway pod understands.
    #[schema(value_type = Object)]
    pub position: Option<serde_json::Value>,
    /// Its last change.
    pub revision: i64,
}

/// One change, in the order in which the database committed them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Its place; the watch resumes after it.
    pub revision: i64,
    /// What is so from now on.
    pub now: Changed,
}

/// What changed, whole.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Changed {
    /// A pod's state.
    Pod(Pod),
    /// A guild's assignment.
    Guild(GuildAssignment),
    /// A shard's assignment.
    Shard(ShardAssignment),
}

/// A pod presents itself.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Registration {
    /// Unique in the fleet.
    pub name: String,
    /// Kept with the pod's volume: another process under the same name is refused while this one lives.
    pub identity: String,
    /// Where other roles reach it.
    pub url: String,
    /// Guilds that it may own.
    pub capacity: u32,
    /// Its version.
    pub build: String,
}

/// A pod's right to act.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Grant {
    /// Counts registrations; every later request of the pod names it.
    pub incarnation: i64,
    /// Milliseconds that the lease holds, from before the request was sent.
    pub lease_ms: u64,
    /// Where the pod stands.
    pub state: PodState,
    /// Requests per second to Discord that are this pod's share.
    pub requests_per_second: u32,
    /// The last change.
    pub revision: i64,
}

/// A pod renews its lease.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct Heartbeat {
    /// From the registration.
    pub incarnation: i64,
    /// What it carries.
    pub load: Load,
    /// What guilds cost that changed since the last heartbeat.
    #[serde(default)]
    pub guilds: Vec<GuildLoad>,
}

/// What a guild costs.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct GuildLoad {
    /// The guild.
    #[serde(with = "id_as_text")]
    #[schema(value_type = String)]
    pub guild: GuildId,
    /// Events applied per second.
    pub events_per_second: f64,
    /// Bytes of its file.
    pub bytes: i64,
}

/// Names the pod that an order is about.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Order {
    /// The pod.
    pub pod: String,
}

/// The guild's owner takes it up anew: a file was delivered for the next epoch, or the bucket has higher epochs.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Renewal {
    /// The epoch that ends with it.
    pub epoch: i64,
    /// The next one is higher than this as well: an epoch of a fleet that had another database.
    #[serde(default)]
    pub above: i64,
}

/// The owner has delivered a guild's file, or a shard's position, to the target.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct HandedOver {
    /// The pod that was the owner.
    pub pod: String,
    /// Its registration.
    pub incarnation: i64,
    /// The epoch in which it was the owner.
    pub epoch: i64,
    /// A shard's session and sequence.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub position: Option<serde_json::Value>,
}

/// How far a shard's session is committed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct PositionReport {
    /// The holder.
    pub pod: String,
    /// Its registration.
    pub incarnation: i64,
    /// The epoch of its assignment.
    pub epoch: i64,
    /// The session and sequence.
    #[schema(value_type = Object)]
    pub position: serde_json::Value,
}

/// Asks for a turn to IDENTIFY.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct TicketRequest {
    /// The pod.
    pub pod: String,
    /// Its registration.
    pub incarnation: i64,
    /// The shard.
    pub shard: u32,
    /// Discord's `max_concurrency`.
    pub max_concurrency: u32,
    /// Discord's `total` session starts.
    pub total: u32,
    /// Discord's `remaining`, as last told.
    pub remaining: u32,
    /// Discord's `reset_after`, in milliseconds.
    pub reset_after_ms: u64,
    /// Milliseconds between two IDENTIFYs of one key; Discord's are 5000.
    pub period_ms: u64,
}

/// When to IDENTIFY.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Ticket {
    /// Milliseconds to wait first.
    pub wait_ms: u64,
}

/// A page of assignments, in the order of guild ids.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AssignmentPage {
    /// At least so new is every row: watch from here.
    pub revision: i64,
    /// The rows.
    pub guilds: Vec<GuildAssignment>,
    /// `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// All pods and shards.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Overview {
    /// At least so new is every row.
    pub revision: i64,
    /// All pods.
    pub pods: Vec<Pod>,
    /// All shards.
    pub shards: Vec<ShardAssignment>,
}

/// Asks for guilds to be spread evenly.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct RebalanceRequest {
    /// Only tell what would move.
    pub dry_run: bool,
}

/// What moves, or would.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PlannedMove {
    /// The guild.
    #[serde(with = "id_as_text")]
    #[schema(value_type = String)]
    pub guild: GuildId,
    /// Its owner.
    pub from: String,
    /// Where it goes.
    pub to: String,
}

/// An entry of the audit trail.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// Milliseconds since the Unix epoch, by the database's clock.
    pub at: i64,
    /// What was done.
    pub what: String,
    /// To what.
    pub subject: String,
    /// More of it.
    pub detail: String,
}

/// A guild flags a user for the others that take part.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Flag {
    /// The user.
    #[schema(value_type = u64)]
    pub user: UserId,
    /// Why, for the audit.
    pub reason: String,
}

/// Users whom enough guilds have flagged lately.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct FlaggedUsers {
    /// In the order of their revisions.
    #[schema(value_type = Vec<Object>)]
    pub users: Vec<FlaggedEverywhere>,
}

/// Every refusal.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Refusal {
    /// One word for programs.
    pub code: String,
    /// For people: what was wrong, and what to do.
    pub message: String,
    /// The guild's or shard's assignment, where the refusal is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<GuildAssignment>,
}

/// A guild's id as text.
pub mod id_as_text {
    use guildhall_model::GuildId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes it.
    pub fn serialize<S: Serializer>(id: &GuildId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GuildId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is not a guild's id: a number as text")))
    }
}
