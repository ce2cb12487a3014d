//! Discord's JSON objects, complete enough for strict clients.

use crate::snowflake::iso8601;
use crate::world::{Channel, Guild, Member, Message, Role, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn user(world: &World, id: u64) -> Value {
    let is_bot = id == world.bot || world.extra_bots.contains(&id);
    json!({
        "id": id.to_string(), "username": world.user_name(id), "discriminator": "0", "global_name": null, "avatar": null,
        "bot": is_bot, "system": false, "public_flags": 0, "flags": 0,
    })
}

/// Without its user, as a message carries it.
pub(crate) fn bare_member(member: &Member) -> Value {
    json!({
        "roles": member.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "nick": null, "avatar": null, "banner": null, "joined_at": iso8601(member.joined_at), "premium_since": null,
        "deaf": false, "mute": false, "flags": 0, "pending": false,
        "communication_disabled_until": member.timed_out_until.map(iso8601),
    })
}

pub(crate) fn member(world: &World, id: u64, member: &Member) -> Value {
    let mut object = bare_member(member);
    object["user"] = user(world, id);
    object
}

pub(crate) fn role(role: &Role) -> Value {
    json!({
        "id": role.id.to_string(), "name": role.name, "permissions": role.permissions.to_string(),
        "position": role.position, "color": 0, "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false, "icon": null, "unicode_emoji": null, "managed": false, "mentionable": false, "flags": 0,
    })
}

/// Who sees a channel (Channel, Overwrite Object): bit 10 lets a role see it.
fn overwrites(guild: u64, channel: &Channel) -> Value {
    const VIEW_CHANNEL: &str = "1024";
    if channel.readers.is_empty() {
        return json!([]);
    }
    let everyone = json!({ "id": guild.to_string(), "type": 0, "allow": "0", "deny": VIEW_CHANNEL });
    let readers = channel.readers.iter();
    let readers = readers.map(|role| json!({ "id": role.to_string(), "type": 0, "allow": VIEW_CHANNEL, "deny": "0" }));
    std::iter::once(everyone).chain(readers).collect()
}

pub(crate) fn channel(guild: u64, channel: &Channel) -> Value {
    let mut object = json!({
        "id": channel.id.to_string(), "type": channel.kind, "guild_id": guild.to_string(), "name": channel.name,
        "position": channel.position, "permission_overwrites": overwrites(guild, channel), "nsfw": false, "topic": null, "flags": 0,
        "last_message_id": channel.last_message.map(|id| id.to_string()), "rate_limit_per_user": 0, "parent_id": channel.parent.map(|id| id.to_string()),
    });
    if channel.is_thread() {
        object["owner_id"] = json!(channel.owner.to_string());
        object["message_count"] = json!(0);
        object["member_count"] = json!(1);
        object["total_message_sent"] = json!(0);
        object["thread_metadata"] = json!({
            "archived": channel.archived, "auto_archive_duration": channel.auto_archive_minutes, "locked": channel.locked, "invitable": true,
            "archive_timestamp": iso8601(crate::snowflake::unix_ms(channel.id)),
            "create_timestamp": iso8601(crate::snowflake::unix_ms(channel.id)),
        });
    }
    object
}

pub(crate) fn message(world: &World, guild: u64, message: &Message) -> Value {
    let mut object = json!({
        "id": message.id.to_string(), "channel_id": message.channel.to_string(), "guild_id": guild.to_string(),
        "author": user(world, message.author), "content": message.content,
        "timestamp": iso8601(crate::snowflake::unix_ms(message.id)),
        "edited_timestamp": message.edited_at.map(iso8601), "tts": false, "mention_everyone": false, "mentions": [],
        "mention_roles": [], "attachments": message.extra.get("attachments").cloned().unwrap_or(json!([])), "embeds": message.extra.get("embeds").cloned().unwrap_or(json!([])),
        "components": message.extra.get("components").cloned().unwrap_or(json!([])), "pinned": false,
        "type": if message.reply_to.is_some() { 19 } else { 0 }, "flags": message.extra.get("flags").cloned().unwrap_or(json!(0)),
        "reactions": reactions(&message.reactions),
    });
    // Discord leaves these out where there is nothing to say.
    if let Some(reply_to) = message.reply_to {
        object["message_reference"] = json!({ "type": 0, "message_id": reply_to.to_string(), "channel_id": message.channel.to_string(), "guild_id": guild.to_string() });
    }
    for key in ["message_reference", "message_snapshots"] {
        if let Some(forwarded) = message.extra.get(key) {
            object[key] = forwarded.clone();
        }
    }
    if let Some(nonce) = &message.nonce {
        object["nonce"] = nonce.clone();
    }
    object
}

fn reactions(counts: &BTreeMap<String, u32>) -> Value {
    let reaction = |(emoji, count): (&String, &u32)| {
        let emoji: Value = serde_json::from_str(emoji).unwrap_or_default();
        json!({ "emoji": emoji, "count": count, "me": false, "me_burst": false, "burst_colors": [],
            "count_details": { "normal": count, "burst": 0 } })
    };
    counts.iter().map(reaction).collect()
}

/// As REST answers it: without what only the gateway's event carries (Gateway Events, Message Create).
pub(crate) fn message_of_rest(world: &World, guild: u64, entry: &Message) -> Value {
    let mut object = message(world, guild, entry);
    if let Some(object) = object.as_object_mut() {
        object.remove("guild_id");
    }
    object
}

pub(crate) fn guild(world: &World, guild: &Guild) -> Value {
    let (threads, channels): (Vec<_>, Vec<_>) = guild.channels.values().partition(|channel| channel.is_thread());
    // GUILD_CREATE carries the bot and those that a client without presences may see (Discord, Gateway Events).
    let members: Vec<_> = guild
        .members
        .get(&world.bot)
        .map(|bot| member(world, world.bot, bot))
        .into_iter()
        .collect();
    json!({
        "id": guild.id.to_string(), "name": guild.name, "owner_id": guild.owner.to_string(), "icon": null,
        "icon_hash": null, "splash": null, "discovery_splash": null, "afk_channel_id": null, "afk_timeout": 300,
        "verification_level": 1, "default_message_notifications": 0, "explicit_content_filter": 0,
        "roles": guild.roles.values().map(role).collect::<Vec<_>>(), "emojis": [], "features": [], "mfa_level": 0,
        "application_id": null, "system_channel_id": null, "system_channel_flags": 0, "rules_channel_id": null,
        "max_presences": null, "max_members": 500_000, "vanity_url_code": null, "description": null, "banner": null,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
        "public_updates_channel_id": null, "nsfw_level": 0, "stickers": [], "premium_progress_bar_enabled": false,
        "safety_alerts_channel_id": null, "joined_at": iso8601(crate::snowflake::unix_ms(guild.id) + 1000),
        "large": guild.members.len() > 250, "unavailable": false, "member_count": guild.members.len(),
        "voice_states": [], "members": members,
        "channels": channels.into_iter().map(|entry| channel(guild.id, entry)).collect::<Vec<_>>(),
        "threads": threads.into_iter().map(|entry| channel(guild.id, entry)).collect::<Vec<_>>(),
        "presences": [], "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
    })
}
