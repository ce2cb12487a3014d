//! The guild as Discord last described it. It keeps no members but the bot itself, and computes permissions as
//! Discord documents them (Topics, Permissions).

use crate::decode::{ChannelRecord, GuildPayload, SnapshotUpdate};
use guildhall_model::{Channel, ChannelId, GuildInfo, GuildView, Member, Role, RoleId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use twilight_model::channel::permission_overwrite::{PermissionOverwrite, PermissionOverwriteType};
use twilight_model::guild::Permissions;
use twilight_model::id::Id;
use twilight_util::permission_calculator::PermissionCalculator;

/// Names, roles, channels with their overwrites, and the bot's own membership.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuildSnapshot {
    own_user: UserId,
    info: Option<GuildInfo>,
    roles: BTreeMap<RoleId, Role>,
    channels: BTreeMap<ChannelId, ChannelRecord>,
    own_member: Option<Member>,
}

impl GuildSnapshot {
    /// Tells which user the bot is.
    pub fn set_own_user(&mut self, own_user: UserId) {
        self.own_user = own_user;
    }

    /// The snapshot as it is kept in the guild's file.
    pub fn to_json(&self) -> String {
        // Numbers, texts, and maps with numbers for keys: there is nothing that JSON cannot hold.
        serde_json::to_string(self).expect("a snapshot is plain data")
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// Which user the bot is.
    pub fn own_user(&self) -> UserId {
        self.own_user
    }

    /// The guild as Discord would describe it in GUILD_CREATE, as far as it is kept; none where Discord has not yet.
    pub fn as_guild_create(&self) -> Option<Value> {
        let info = self.info.as_ref()?;
        let roles = self.roles.values().map(|role| {
            json!({
                "id": role.id.to_string(), "name": role.name, "permissions": role.permissions.to_string(),
                "position": role.position,
            })
        });
        let channel = |record: &ChannelRecord| {
            let overwrites = record.overwrites.iter().map(|overwrite| {
                json!({
                    "id": overwrite.id.to_string(), "type": u8::from(overwrite.is_member),
                    "allow": overwrite.allow.to_string(), "deny": overwrite.deny.to_string(),
                })
            });
            let Channel { id, name, kind, parent } = &record.channel;
            json!({
                "id": id.to_string(), "name": name, "type": kind, "parent_id": parent.map(|parent| parent.to_string()),
                "permission_overwrites": overwrites.collect::<Vec<_>>(),
            })
        };
        let (threads, channels): (Vec<_>, Vec<_>) = self
            .channels
            .values()
            .partition(|record| is_thread(record.channel.kind));
        let own_member = self.own_member.iter().map(|member| {
            let user = &member.user;
            json!({
                "user": { "id": user.id.to_string(), "username": user.username, "bot": true },
                "roles": member.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        Some(json!({
            "id": info.id.to_string(), "name": info.name, "owner_id": info.owner.to_string(), "unavailable": false,
            "roles": roles.collect::<Vec<_>>(), "channels": channels.into_iter().map(channel).collect::<Vec<_>>(),
            "threads": threads.into_iter().map(channel).collect::<Vec<_>>(), "members": own_member.collect::<Vec<_>>(),
        }))
    }

    /// Takes a change in.
    pub fn apply(&mut self, update: &SnapshotUpdate) {
        match update {
            SnapshotUpdate::Guild(guild) => {
                self.describe(guild);
                self.channels.clear();
                self.own_member = None;
                guild.channels.iter().for_each(|record| self.put_channel(record));
                guild.members.iter().for_each(|member| self.put_member(member));
            }
            SnapshotUpdate::GuildChanged(guild) => self.describe(guild),
            SnapshotUpdate::Role(role) => drop(self.roles.insert(role.id, role.clone())),
            SnapshotUpdate::RoleGone(role) => drop(self.roles.remove(role)),
            SnapshotUpdate::Channel(record) => self.put_channel(record),
            SnapshotUpdate::Channels(records) => records.iter().for_each(|record| self.put_channel(record)),
            SnapshotUpdate::ChannelGone(channel) => drop(self.channels.remove(channel)),
            SnapshotUpdate::Member(member) => self.put_member(member),
        }
    }

    /// The bot's own permissions in a channel; none while its membership is not known.
    pub fn own_permissions(&self, channel: ChannelId) -> Option<Permissions> {
        let own = self.own_member.as_ref()?;
        let bits = self.permissions(self.own_user, &own.roles, Some(channel));
        Some(Permissions::from_bits_truncate(bits))
    }

    fn describe(&mut self, guild: &GuildPayload) {
        self.info = Some(GuildInfo {
            id: guild.id,
            name: guild.name.clone(),
            owner: guild.owner,
            own_user: self.own_user,
        });
        self.roles = guild.roles.iter().map(|role| (role.id, role.clone())).collect();
    }

    fn put_channel(&mut self, record: &ChannelRecord) {
        self.channels.insert(record.channel.id, record.clone());
    }

    fn put_member(&mut self, member: &Member) {
        if member.user.id == self.own_user {
            self.own_member = Some(member.clone());
        }
    }

    /// The record whose overwrites count: a thread has its parent's.
    fn overwrites_of(&self, channel: ChannelId) -> Option<&ChannelRecord> {
        let record = self.channels.get(&channel)?;
        match (is_thread(record.channel.kind), record.channel.parent) {
            (true, Some(parent)) => self.channels.get(&parent),
            _ => Some(record),
        }
    }
}

impl GuildView for GuildSnapshot {
    fn info(&self) -> Option<GuildInfo> {
        self.info.clone()
    }

    fn channels(&self) -> Vec<Channel> {
        self.channels.values().map(|record| record.channel.clone()).collect()
    }

    fn channel(&self, id: ChannelId) -> Option<Channel> {
        self.channels.get(&id).map(|record| record.channel.clone())
    }

    fn roles(&self) -> Vec<Role> {
        self.roles.values().cloned().collect()
    }

    fn own_member(&self) -> Option<Member> {
        self.own_member.clone()
    }

    fn permissions(&self, user: UserId, roles: &[RoleId], channel: Option<ChannelId>) -> u64 {
        let Some(info) = &self.info else { return 0 };
        let (Some(guild), Some(user)) = (Id::new_checked(info.id.0), Id::new_checked(user.0)) else {
            return 0;
        };
        let bits = |role: &Role| Permissions::from_bits_truncate(role.permissions);
        // The role @everyone has the guild's id.
        let everyone = self.roles.get(&RoleId(info.id.0)).map_or(Permissions::empty(), bits);
        let held: Vec<_> = roles
            .iter()
            .filter(|role| role.0 != info.id.0)
            .filter_map(|role| Some((Id::new_checked(role.0)?, bits(self.roles.get(role)?))))
            .collect();
        let mut calculator = PermissionCalculator::new(guild, user, everyone, &held);
        if let Some(owner) = Id::new_checked(info.owner.0) {
            calculator = calculator.owner_id(owner);
        }
        let Some(channel) = channel else {
            return calculator.root().bits();
        };
        let Some(record) = self.overwrites_of(channel) else {
            return 0;
        };
        let overwrites: Vec<_> = record.overwrites.iter().filter_map(overwrite).collect();
        calculator.in_channel(record.channel.kind.into(), &overwrites).bits()
    }
}

fn overwrite(overwrite: &crate::decode::Overwrite) -> Option<PermissionOverwrite> {
    let kind = if overwrite.is_member {
        PermissionOverwriteType::Member
    } else {
        PermissionOverwriteType::Role
    };
    Some(PermissionOverwrite {
        allow: Permissions::from_bits_truncate(overwrite.allow),
        deny: Permissions::from_bits_truncate(overwrite.deny),
        id: Id::new_checked(overwrite.id)?,
        kind,
    })
}

/// Discord, Channel Types: 10 announcement, 11 public, 12 private thread.
fn is_thread(kind: u8) -> bool {
    (10..=12).contains(&kind)
}
