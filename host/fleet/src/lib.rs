//! What the roles of a fleet share: the config service's wire types and its client, the view that follows its watch, a
//! pod's lease, whole guild files on their way, the secret that authenticates internal requests, and listeners. It never decides who owns what.

mod client;
mod guild_files;
mod lease;
mod listener;
mod pod_client;
mod secret;
mod view;
mod wire;

pub use client::{ConfigClient, FleetError};
pub use guild_files::{DIGEST, GuildFileClient, GuildFileError, send_file};
pub use lease::{Lease, LeaseState};
pub use listener::{Listener, Patience};
pub use pod_client::pod_client;
pub use secret::{ClusterSecret, SecretError, require_secret};
pub use view::{AssignmentView, follow};
pub use wire::*;
