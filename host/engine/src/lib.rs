//! The plugin host: loads components, describes and checks them, calls them with one event at a time under
//! bounds, and swaps them while the pod runs.
//!
//! The engine never sees the network and never opens a file of a guild: what a call may reach comes in as a
//! [`CallHost`], and what the plugin asked for goes out as a [`CallReport`].

mod bindings;

mod artifact;
mod call;
mod contract;
mod deployment;
mod description;
mod directory;
mod grant;
mod imports;
mod inspect;
mod installed;
mod limits;
mod loads;
mod news;
mod plugin;
mod registry;
mod rollout;
mod runtime;
mod spent;
mod trial;
mod warm;
mod wasi;
mod world;

pub use artifact::ArtifactCache;
pub use call::{ActionRefusal, CallFailure, CallHost, CallReport, PluginInstance, PreparedEvent};
pub use deployment::{Deployment, GivenSettings, HeldGuilds};
pub use directory::{DirectoryWatch, Loading};
pub use imports::CallFigures;
pub use inspect::Import;
pub use limits::CallLimits;
pub use loads::GuildLoads;
pub use plugin::{LoadError, Plugin};
pub use registry::{PluginRegistry, PluginSet};
pub use runtime::{GuestClass, Runtime, RuntimeConfig};
pub use trial::{Measured, Trial, UpdateRules};
pub use warm::WarmInstances;
