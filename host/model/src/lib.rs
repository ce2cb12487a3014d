//! The words every other crate shares: typed ids, events, actions, rows and the guild snapshot.
//!
//! Nothing here touches the network, a file, SQLite or WebAssembly, and nothing here knows how Discord
//! spells a field: `guildhall-discord` translates from and to Discord, `guildhall-engine` from and to WIT.

mod action;
mod body;
mod event;
mod flag;
mod gap;
mod http_host;
mod id;
mod permission;
mod plugin;
mod session;
mod snapshot;
mod value;

pub use action::*;
pub use event::*;
pub use flag::FlaggedEverywhere;
pub use gap::{Gap, History};
pub use http_host::{check_host_pattern, names_host};
pub use id::*;
pub use permission::Permission;
pub use plugin::*;
pub use session::*;
pub use snapshot::*;
pub use value::*;
