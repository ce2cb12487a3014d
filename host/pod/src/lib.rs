//! A gateway pod's part in a fleet: its lease, the guilds that it owns, their files on the way from and to other pods,
//! events for guilds of other pods, and the sessions of its shards. The guilds' work itself is `guildhall-gateway`'s;
//! who owns what is decided by the config service.

mod api;
mod copies;
mod delivery;
mod durability;
mod files;
mod handoff;
mod interactions;
mod internal;
mod loads;
mod membership;
mod owned;
mod ownership;
mod peers;
mod recording;
mod replaced;
mod shards;

pub use delivery::{Delivery, DeliveryConfig};
pub use durability::{Durability, boot_id};
pub use files::GuildFiles;
pub use internal::{Internal, router};
pub use loads::Loads;
pub use membership::{Membership, MembershipError};
pub use owned::Owned;
pub use ownership::Ownership;
pub use peers::Peers;
pub use recording::{RecordedLine, standalone_recording};
pub use shards::{ShardConfig, Shards};
