//! Typed ids: a role's id cannot be passed where a user's is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

macro_rules! snowflake {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

snowflake! {
    /// A Discord application (the bot's).
    ApplicationId,
    /// A channel or thread.
    ChannelId,
    /// A guild (Discord server).
    GuildId,
    /// An interaction.
    InteractionId,
    /// A message.
    MessageId,
    /// A role; the role `@everyone` has the guild's id.
    RoleId,
    /// A user or bot.
    UserId,
}

impl GuildId {
    /// The shard that carries this guild's events: `(guild_id >> 22) % shard_count`
    /// (Discord, Gateway, Sharding). `shard_count` must not be 0.
    pub fn shard(self, shard_count: u32) -> u32 {
        // A remainder of a division by a u32 fits a u32.
        ((self.0 >> 22) % u64::from(shard_count)) as u32
    }
}

const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

/// Milliseconds since the Unix epoch at which a snowflake was made (Discord, Reference, Snowflakes).
pub fn snowflake_unix_ms(id: u64) -> u64 {
    (id >> 22) + DISCORD_EPOCH_MS
}

/// The lowest snowflake of this moment.
pub fn snowflake_at(unix_ms: u64) -> u64 {
    unix_ms.saturating_sub(DISCORD_EPOCH_MS) << 22
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guild_keeps_to_the_shard_that_discord_computes() {
        assert_eq!(GuildId(197_038_439_483_310_086).shard(1), 0);
        assert_eq!(GuildId(197_038_439_483_310_086).shard(16), 2);
    }

    #[test]
    fn a_snowflake_tells_when_it_was_made() {
        assert_eq!(snowflake_unix_ms(175_928_847_299_117_063), 1_462_015_105_796);
    }
}
