//! Write a Guildhall plugin in Rust.
//!
//! A plugin implements [`Plugin`]: it describes itself, and handles the events that it subscribes to. Each call is one
//! synchronous step on one guild: rows go into the guild's [`Database`], actions are [submitted](Action::submit), and
//! both count only when the call answers `Ok`. There is no network and nothing to wait for.
//!
//! ```
//! use guildhall_sdk::{Action, Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, params};
//!
//! struct Welcome;
//!
//! impl Plugin for Welcome {
//!     fn describe() -> Description {
//!         Description::new("welcome", "0.1.0")
//!             .events(EventKinds::MESSAGE_CREATE)
//!             .capabilities(Capabilities::SEND_MESSAGES)
//!             .migration("CREATE TABLE welcome_seen (user INTEGER PRIMARY KEY) WITHOUT ROWID")
//!     }
//!
//!     fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
//!         let database = Database::open()?;
//!         let new = database.execute("INSERT OR IGNORE INTO welcome_seen VALUES (?1)", params![message.author.id])?;
//!         if new == 1 && !message.author.bot {
//!             Action::send_message(message.channel, "Welcome!").submit()?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! guildhall_sdk::export!(Welcome);
//! # fn main() {}
//! ```
//!
//! Build it as a `cdylib` for `wasm32-wasip2` and put the `.wasm` into the host's plugins directory. Built for the
//! machine itself it compiles too, so that what needs no host can be tested as usual; calls of the host panic there.

mod action;
pub mod component;
mod context;
mod database;
mod description;
mod error;
mod interaction;
mod kept;
mod link;
pub mod measure;
pub mod mod_log;
pub mod permission;
mod plugin;
mod post;
mod refusal;
mod setting;
mod text;
mod user_threads;
mod utc;
mod written;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated from wit/, where each item is documented"
)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_world",
        default_bindings_module: "guildhall_sdk::bindings",
    });
}

pub use action::Action;
pub use bindings::guildhall::plugin::actions::{
    CommonSettings, HttpMethod, HttpRequest, MessageBody, MessageLink, TextFile,
};
pub use bindings::guildhall::plugin::events::{
    ActionResult, Attachment, AuditLogEntry, AutomodExecution, Channel, Embed, EmbedField, Emoji, Event, EventData,
    FlaggedUser, ForwardedMessage, HttpResponse, Interaction, Member, Message, MessageDelete, MessageDeleteBulk,
    MessageUpdate, Outcome, Poll, Reaction, ReactionCount, Refusal, Signal, Timer, User,
};
pub use bindings::guildhall::plugin::guild::{Info as GuildInfo, Role};
pub use bindings::guildhall::plugin::metrics;
pub use bindings::guildhall::plugin::types::{Capabilities, EventKinds, Id, Timestamp, Value};
pub use context::{Context, snowflake_unix_ms};
pub use database::{Database, FromRow, FromValue};
pub use description::Description;
pub use error::Error;
pub use interaction::{CommandData, CustomId};
pub use kept::KeptSettings;
pub use link::{channel_link, message_link};
pub use plugin::{Adapter, Plugin};
pub use post::{Person, Post, Posted};
pub use setting::SettingId;
pub use text::{cut, cut_characters, defused, one_line, quoted, quoted_within, relative_time, span};
pub use user_threads::UserThreads;
pub use utc::{civil_date, utc};
pub use written::{WRITTEN, is_judged, written_text};

/// Makes a [`Plugin`] the component's plugin. Once per crate.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        type GuildhallAdapter = $crate::Adapter<$plugin>;
        $crate::bindings::export_world!(GuildhallAdapter with_types_in $crate::bindings);
    };
}

/// Parameters of a statement: `params![message.id, "text", 1.5, None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($parameter:expr),* $(,)?) => {
        &[$($crate::Value::from($parameter)),*]
    };
}
