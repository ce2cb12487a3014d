//! The gateway role: from a frame that a session received to committed rows, and actions on their way to Discord.
//!
//! In reading order: [`Router`] finds the guild's worker, the [`worker`](Workers) keeps a mailbox per guild and hands
//! its events to a batch, the batch runs the plugins in one transaction, and what it committed goes to the
//! dispatcher. No async code runs on a worker, and no SQL or WebAssembly off it.

mod active;
mod batch;
mod cause;
mod commands;
mod committed;
mod guild;
mod host;
mod latency;
mod line_up;
mod load;
mod observed;
mod queued;
mod report;
mod router;
mod settings;
mod standing;
mod stepped;
mod tap;
mod worker;
mod workers;

pub use commands::{PluginCommand, commands_of};
pub use committed::CommittedPositions;
pub use host::GuildHost;
pub use latency::RecentLatencies;
pub use observed::{Observed, ObservedCall, ObservedStatement};
pub use queued::Acknowledge;
pub use report::{GuildReport, PluginReport, Series};
pub use router::{Destination, Router};
pub use settings::OperatorSettings;
pub use stepped::{Fired, SteppedGuild};
pub use tap::{Tap, Tapped, Taps, TooManyTaps};
pub use workers::{CommitSink, Described, WorkerConfig, Workers, catch_up, guilds_in, settle};
