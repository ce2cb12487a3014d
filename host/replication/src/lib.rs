//! Guild files in a bucket: Litestream carries them there, this crate tells it which files and when, knows how far each
//! guild is, and brings guilds back.
//!
//! The path in the bucket carries the epoch, so that an owner of before can never damage what the next one restores. This
//! crate knows neither what is in a file nor who owns a guild; whoever owns it tells.

mod bucket;
mod connection;
mod litestream;
mod location;
mod ltx;
mod rebuild;
mod replicator;
mod restore;
mod supervisor;

pub use bucket::{Bucket, BucketError, ReadyEpoch};
pub use litestream::{Litestream, LitestreamError, Synced};
pub use location::{Credentials, Location, LocationError};
pub use replicator::{Replicated, Replicator, ReplicatorConfig, Standing};
pub use restore::{Point, RestoreError, Restored, Restorer};
pub use supervisor::{configuration, supervise};
