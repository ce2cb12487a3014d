//! One guild's SQLite file: the host's tables, and the plugins' SQL under an authorizer and bounds.
//!
//! The store knows no WebAssembly and no network, and it is used by one thread at a time. A caller opens a
//! transaction for a batch, a call inside it for each plugin and event, and commits.

mod authorizer;
mod cache;
mod call;
mod copy;
mod cursor;
mod day;
mod deadline;
mod digest;
mod error;
mod flag;
mod gap;
mod inspect;
mod interaction;
mod limits;
mod migration;
mod open;
mod outbox;
mod owner;
mod place;
mod quota;
mod recent;
mod schema;
mod settings;
mod snapshot;
mod timer;
mod transaction;
mod value;

pub use authorizer::PluginAccess;
pub use cache::StoreCache;
pub use copy::{CopyError, copy_file};
pub use day::Day;
pub use digest::digest_of;
pub use error::{OpenError, StoreError};
pub use gap::{SessionStart, Told};
pub use inspect::{Inspection, inspect, is_whole};
pub use limits::StoreLimits;
pub use open::{GuildStore, Opened, guild_file, set_aside};
pub use owner::epoch_of;
pub use place::{ReadyError, WaitingActions, ready_to_place};
pub use recent::Ban;
pub use schema::schema_version;
pub use settings::Settings;
pub use timer::StoredTimer;
pub use transaction::Undo;
