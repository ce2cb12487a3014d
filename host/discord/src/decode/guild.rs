//! What events change in a guild's snapshot.

use super::payload::{ChannelPayload, MemberPayload, RolePayload};
use super::value::Snowflake;
use guildhall_model::{Channel, ChannelId, GuildId, Member, Role, RoleId, UserId};
use serde::{Deserialize, Deserializer, Serialize};

/// One change of the snapshot.
#[derive(Clone, Debug)]
pub enum SnapshotUpdate {
    /// The guild as a whole.
    Guild(Box<GuildPayload>),
    /// The guild's name, owner or roles.
    GuildChanged(Box<GuildPayload>),
    /// A role is new or changed.
    Role(Role),
    /// A role is gone.
    RoleGone(RoleId),
    /// A channel or thread is new or changed.
    Channel(ChannelRecord),
    /// Threads that the bot can see now.
    Channels(Vec<ChannelRecord>),
    /// A channel or thread is gone.
    ChannelGone(ChannelId),
    /// A member changed; the snapshot takes it when it is the bot.
    Member(Member),
}

/// A channel with what permissions need of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRecord {
    pub(crate) channel: Channel,
    pub(crate) overwrites: Vec<Overwrite>,
}

/// A permission overwrite of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overwrite {
    /// A role's or user's id.
    pub(crate) id: u64,
    pub(crate) is_member: bool,
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

/// GUILD_CREATE and GUILD_UPDATE. Members are not kept but for the bot's own.
#[derive(Clone, Debug, Default)]
pub struct GuildPayload {
    pub(crate) id: GuildId,
    pub(crate) unavailable: bool,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) roles: Vec<Role>,
    pub(crate) channels: Vec<ChannelRecord>,
    pub(crate) members: Vec<Member>,
    /// The newest message of every channel that has one.
    pub(crate) newest: Vec<(ChannelId, u64)>,
}

impl SnapshotUpdate {
    /// Where the guild describes itself: the newest message of every channel and thread that has one.
    pub fn newest_messages(&self) -> Option<&[(ChannelId, u64)]> {
        match self {
            Self::Guild(guild) => Some(&guild.newest),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for GuildPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Shape<'text> {
            id: Snowflake,
            #[serde(default)]
            unavailable: bool,
            #[serde(default)]
            name: String,
            #[serde(default)]
            owner_id: Snowflake,
            #[serde(borrow, default)]
            roles: Vec<RolePayload<'text>>,
            #[serde(borrow, default)]
            channels: Vec<ChannelPayload<'text>>,
            #[serde(borrow, default)]
            threads: Vec<ChannelPayload<'text>>,
            #[serde(borrow, default)]
            members: Vec<MemberPayload<'text>>,
        }
        let shape = Shape::deserialize(deserializer)?;
        let channels: Vec<_> = shape.channels.into_iter().chain(shape.threads).collect();
        // Only bots can be the bot: the others, up to thousands, are not worth keeping until the snapshot looks.
        let bots = shape
            .members
            .into_iter()
            .map(Member::from)
            .filter(|member| member.user.bot);
        Ok(Self {
            id: shape.id.0.into(),
            unavailable: shape.unavailable,
            name: shape.name,
            owner: shape.owner_id.0.into(),
            roles: shape.roles.into_iter().map(Role::from).collect(),
            newest: channels.iter().filter_map(ChannelPayload::newest_message).collect(),
            channels: channels.into_iter().map(ChannelRecord::from).collect(),
            members: bots.collect(),
        })
    }
}
