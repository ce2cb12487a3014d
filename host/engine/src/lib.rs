//! The plugin host: loads components, describes and checks them, calls them with one event at a time under
//! bounds, and swaps them while the pod runs.
//!
//! The engine never sees the network and never opens a file of a guild: what a call may reach comes in as a
//! [`CallHost`], and what the plugin asked for goes out as a [`CallReport`].

mod bindings;

mod artifact;
mod call;
mod contract;
mod directory;
mod imports;
mod limits;
mod plugin;
mod registry;
mod runtime;
mod wasi;

pub use artifact::ArtifactCache;
pub use call::{CallFailure, CallHost, CallReport, PluginInstance, PreparedEvent};
pub use directory::DirectoryWatch;
pub use limits::CallLimits;
pub use plugin::{LoadError, Plugin};
pub use registry::{PluginRegistry, PluginSet};
pub use runtime::{Runtime, RuntimeConfig};
