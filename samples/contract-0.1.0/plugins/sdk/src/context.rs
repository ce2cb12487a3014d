//! The running call: its guild, its time, and what the host knows of the guild without asking Discord.

use crate::bindings::guildhall::plugin::{clock, guild, log};
use crate::{Channel, Error, GuildInfo, Id, Member, Role, Timestamp};
use serde::de::DeserializeOwned;

/// What a handler is called with besides the event.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The guild.
    pub guild: Id,
    /// When the host received the event.
    pub received_at: Timestamp,
}

impl Context {
    /// The plugin's settings in this guild. Fields that were not set take their defaults where the type has
    /// `#[serde(default)]`.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&guild::settings()).map_err(|error| Error::Invalid(format!("settings: {error}")))
    }

    /// The host's time; the same during a whole batch.
    pub fn now(&self) -> Timestamp {
        clock::now()
    }

    /// The guild; none while Discord has not described it.
    pub fn info(&self) -> Option<GuildInfo> {
        guild::get_info()
    }

    /// All channels and known threads.
    pub fn channels(&self) -> Vec<Channel> {
        guild::channels()
    }

    /// One channel or thread.
    pub fn channel(&self, id: Id) -> Option<Channel> {
        guild::get_channel(id)
    }

    /// All roles.
    pub fn roles(&self) -> Vec<Role> {
        guild::roles()
    }

    /// The bot's own membership.
    pub fn own_member(&self) -> Option<Member> {
        guild::own_member()
    }

    /// The bot's permissions in a channel, Discord's bits; none where the channel is unknown.
    pub fn own_permissions(&self, channel: Id) -> Option<u64> {
        guild::own_permissions(channel)
    }

    /// A member's permissions in a channel, in the guild where none is given. Discord's bits.
    pub fn permissions(&self, user: Id, roles: &[Id], channel: Option<Id>) -> u64 {
        guild::permissions(user, roles, channel)
    }

    /// Whether a member is staff: has the moderator role, or the permission Administrator. Staff is never judged.
    pub fn is_staff(&self, user: Id, roles: &[Id], moderator_role: Option<Id>) -> bool {
        const ADMINISTRATOR: u64 = 1 << 3;
        moderator_role.is_some_and(|role| roles.contains(&role))
            || self.permissions(user, roles, None) & ADMINISTRATOR != 0
    }

    /// The text channel of this name, the one with the lowest id where there are several.
    pub fn text_channel_named(&self, name: &str) -> Option<Id> {
        self.channels()
            .into_iter()
            .filter(|channel| channel.kind == 0 && channel.name == name)
            .map(|channel| channel.id)
            .min()
    }

    /// Writes a line into the host's log, which names plugin and guild.
    pub fn log(&self, message: &str) {
        log::write(log::Level::Info, message);
    }

    /// Writes a warning into the host's log.
    pub fn warn(&self, message: &str) {
        log::write(log::Level::Warn, message);
    }
}

/// When a snowflake was made, in milliseconds since the Unix epoch (Discord, Reference, Snowflakes).
pub fn snowflake_unix_ms(id: Id) -> Timestamp {
    (id >> 22) + 1_420_070_400_000
}
