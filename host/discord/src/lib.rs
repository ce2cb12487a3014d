//! Discord: frames and sessions coming in, REST going out. The only crate that names twilight; it knows no plugin and
//! no SQL.

mod catch_up;
mod commands;
mod decode;
mod deferral;
mod dispatcher;
mod frame;
mod http_client;
mod http_queue;
mod identify;
mod intents;
mod rate_limits;
pub mod read;
mod request;
mod responses;
mod rest;
mod session;
mod snapshot;

pub use catch_up::{CatchUp, Missed, MissedPage};
pub use commands::{CommandChanges, CommandKey, command_key};
pub use decode::{DecodeError, Decoded, SnapshotUpdate, decode, event_kind, is_snapshot_event};
pub use deferral::{DeferralConfig, Deferrals, Waiting};
pub use dispatcher::{Dispatcher, DispatcherConfig, FlagExchange, Report, Settled};
pub use frame::{Frame, FrameError};
pub use http_client::HttpClient;
pub use http_queue::{HttpConfig, HttpExchange};
pub use identify::IdentifyPace;
pub use intents::intents_for;
pub use responses::Responses;
pub use rest::{GatewayInformation, Rest, RestError};
pub use session::{FrameSink, ResumePoint, SessionConfig, SessionEnd, run_session};
pub use snapshot::GuildSnapshot;
pub use twilight_model::gateway::Intents;
pub use twilight_model::guild::Permissions;
