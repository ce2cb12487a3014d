//! What a guild missed while no session brought its events, and Discord's REST API can still tell.

use crate::ChannelId;

/// What Discord keeps a history of.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum History {
    /// The messages of a channel or thread, up to this one: those after it come live.
    Messages {
        /// The channel.
        channel: ChannelId,
        /// The last message that is not live.
        until: u64,
    },
    /// The guild's audit log, up to where it stands when it is read.
    AuditLog,
}

/// A stretch of history that was not applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The history.
    pub history: History,
    /// The last id before the stretch.
    pub after: u64,
}
