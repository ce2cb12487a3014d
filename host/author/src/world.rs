//! The guild that plugins are tried in: always the same, at the same moment.

use anyhow::{Context, Result};
use guildhall_discord::{Frame, GuildSnapshot, decode};
use guildhall_model::{ChannelId, CommonSettings, GuildId, RoleId, UnixMilliseconds, UserId};
use serde_json::json;

/// 2026-03-02T09:00:00Z, a Monday: when scenarios begin as well.
pub(crate) const START: UnixMilliseconds = 1_772_442_000_000;

const DISCORD_EPOCH: u64 = 1_420_070_400_000;
const DAY: u64 = 86_400_000;

/// The id of something that was made so many days before the start.
pub(crate) const fn id(days_ago: u64, number: u64) -> u64 {
    ((START - days_ago * DAY - DISCORD_EPOCH) << 22) | number
}

pub(crate) const GUILD: GuildId = GuildId(id(1000, 1));
pub(crate) const OWN_USER: UserId = UserId(id(900, 2));
pub(crate) const OWNER: UserId = UserId(id(1500, 3));
pub(crate) const MEMBER: UserId = UserId(id(700, 4));
pub(crate) const GENERAL: ChannelId = ChannelId(id(999, 5));
pub(crate) const LOG: ChannelId = ChannelId(id(999, 6));
pub(crate) const THREAD: ChannelId = ChannelId(id(10, 7));
pub(crate) const STAFF: RoleId = RoleId(id(998, 8));
pub(crate) const RESTRICTED: RoleId = RoleId(id(998, 9));
const OWN_ROLE: u64 = id(900, 10);

/// The guild as its worker knows it; before Discord has described it where `described` is false.
pub(crate) fn snapshot(described: bool) -> Result<GuildSnapshot> {
    let mut snapshot = GuildSnapshot::default();
    snapshot.set_own_user(OWN_USER);
    if described {
        let role = |id: u64, name: &str, permissions: u64, position: u32| json!({ "id": id.to_string(), "name": name, "permissions": permissions.to_string(), "position": position });
        let channel = |id: ChannelId, name: &str, kind: u8, parent: Option<ChannelId>| json!({ "id": id.to_string(), "name": name, "type": kind, "parent_id": parent.map(|parent| parent.to_string()) });
        // @everyone sees, writes and reads; staff moderates; the bot may everything.
        let data = json!({
            "id": GUILD.to_string(), "name": "Harbour", "owner_id": OWNER.to_string(), "unavailable": false,
            "roles": [
                role(GUILD.0, "@everyone", 1 << 10 | 1 << 11 | 1 << 16, 0), role(STAFF.0, "staff", 1 << 1 | 1 << 2 | 1 << 13 | 1 << 40, 2),
                role(RESTRICTED.0, "restricted", 0, 1), role(OWN_ROLE, "guildhall", 1 << 3, 3),
            ],
            "channels": [channel(GENERAL, "general", 0, None), channel(LOG, "mod-log", 0, None)],
            "threads": [channel(THREAD, "a thread", 11, Some(GENERAL))],
            "members": [{ "user": { "id": OWN_USER.to_string(), "username": "guildhall", "bot": true }, "roles": [OWN_ROLE.to_string()] }],
        });
        let text = json!({ "op": 0, "t": "GUILD_CREATE", "s": 1, "d": data }).to_string();
        let frame = Frame::parse(text)?.context("GUILD_CREATE is a dispatch")?;
        snapshot.apply(&decode(&frame)?.update.context("GUILD_CREATE describes the guild")?);
    }
    Ok(snapshot)
}

/// What all plugins of the guild share.
pub(crate) fn common() -> CommonSettings {
    CommonSettings {
        moderator_role: Some(STAFF),
        restricted_role: Some(RESTRICTED),
        log_channel: Some(LOG),
        deletion_log_channel: Some(LOG),
        quorum: Some(2),
        shares_flags: true,
    }
}
