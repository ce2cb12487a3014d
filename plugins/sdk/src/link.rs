//! Links that lead to channels, threads and messages in every client, also to archived threads.

use crate::Id;

/// A channel or thread of a guild.
pub fn channel_link(guild: Id, channel: Id) -> String {
    format!("https://discord.com/channels/{guild}/{channel}")
}

/// A message of a guild.
pub fn message_link(guild: Id, channel: Id, message: Id) -> String {
    format!("{}/{message}", channel_link(guild, channel))
}
