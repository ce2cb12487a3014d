//! The guild as Discord last described it: names, roles, channels, overwrites and the bot's own membership.
//! Permissions are computed by `guildhall-discord`, which keeps the snapshot, through [`GuildView`].

use crate::{Channel, ChannelId, GuildId, Member, RoleId, UserId};
use serde::{Deserialize, Serialize};

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// The role's id.
    pub id: RoleId,
    /// Name.
    pub name: String,
    /// Discord's permission bits.
    pub permissions: u64,
    /// Higher stands above lower.
    pub position: i64,
}

/// The guild itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuildInfo {
    /// The guild's id.
    pub id: GuildId,
    /// Name.
    pub name: String,
    /// Owner.
    pub owner: UserId,
    /// The bot.
    pub own_user: UserId,
}

/// What the `guild` import reads. No call waits or fails.
pub trait GuildView {
    /// The guild; none before Discord sent it.
    fn info(&self) -> Option<GuildInfo>;
    /// All channels and known threads.
    fn channels(&self) -> Vec<Channel>;
    /// One channel or thread.
    fn channel(&self, id: ChannelId) -> Option<Channel>;
    /// All roles.
    fn roles(&self) -> Vec<Role>;
    /// The bot's own membership.
    fn own_member(&self) -> Option<Member>;
    /// Permission bits that these roles give this user, in the guild or in one of its channels; 0 where the
    /// guild or the channel is unknown.
    fn permissions(&self, user: UserId, roles: &[RoleId], channel: Option<ChannelId>) -> u64;
}

/// A guild of which nothing is known yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnknownGuild;

impl GuildView for UnknownGuild {
    fn info(&self) -> Option<GuildInfo> {
        None
    }
    fn channels(&self) -> Vec<Channel> {
        Vec::new()
    }
    fn channel(&self, _: ChannelId) -> Option<Channel> {
        None
    }
    fn roles(&self) -> Vec<Role> {
        Vec::new()
    }
    fn own_member(&self) -> Option<Member> {
        None
    }
    fn permissions(&self, _: UserId, _: &[RoleId], _: Option<ChannelId>) -> u64 {
        0
    }
}
