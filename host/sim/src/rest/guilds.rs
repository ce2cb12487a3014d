//! Members, bans, roles and the audit log.

use super::{Answer, Request, Subject};
use crate::object;
use crate::snowflake::{now_ms, parse_iso8601};
use crate::state::State;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KICK_MEMBERS: u64 = 1 << 1;
const BAN_MEMBERS: u64 = 1 << 2;
const VIEW_AUDIT_LOG: u64 = 1 << 7;
const MANAGE_ROLES: u64 = 1 << 28;
const MODERATE_MEMBERS: u64 = 1 << 40;
const TWENTY_EIGHT_DAYS_MS: u64 = 28 * 86_400_000;

/// Discord's audit log events.
mod audited {
    pub(super) const MEMBER_KICK: u16 = 20;
    pub(super) const MEMBER_BAN_ADD: u16 = 22;
    pub(super) const MEMBER_BAN_REMOVE: u16 = 23;
    pub(super) const MEMBER_UPDATE: u16 = 24;
    pub(super) const MEMBER_ROLE_UPDATE: u16 = 25;
    pub(super) const MESSAGE_DELETE: u16 = 72;
}

pub(super) fn route(state: &mut State, request: &Request<'_>, subject: &Subject) -> Answer {
    let bot = state.world.bot;
    let user = subject.user.unwrap_or(0);
    let Some((id, guild)) = subject.guild.and_then(|id| Some((id, state.world.guilds.get(&id)?))) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    let held = guild.permissions(bot);
    let needed = match subject.route {
        "kick" => KICK_MEMBERS,
        "ban" | "unban" => BAN_MEMBERS,
        "edit-member" => MODERATE_MEMBERS,
        "add-role" | "remove-role" => MANAGE_ROLES,
        "audit-log" => VIEW_AUDIT_LOG,
        _ => 0,
    };
    if held & needed != needed {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    let is_member = guild.members.contains_key(&user);
    // Nobody acts on the owner, nor on those whose highest role is not below its own.
    let acts_on_member = matches!(subject.route, "kick" | "ban" | "edit-member");
    if acts_on_member && is_member && (user == guild.owner || guild.rank(user) >= guild.rank(bot)) {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    let needs_member = matches!(
        subject.route,
        "get-member" | "kick" | "edit-member" | "add-role" | "remove-role"
    );
    if needs_member && !is_member {
        return Answer::error(404, 10_007, "Unknown Member");
    }
    match subject.route {
        "get-guild" => Answer::ok(object::guild(&state.world, guild)),
        "list-channels" => Answer::ok(
            guild
                .channels
                .values()
                .map(|channel| object::channel(id, channel))
                .collect(),
        ),
        "get-member" => guild.members.get(&user).map_or_else(
            || Answer::error(404, 10_007, "Unknown Member"),
            |member| Answer::ok(object::member(&state.world, user, member)),
        ),
        "kick" => {
            remove_member(state, id, user);
            audit(
                state,
                id,
                bot,
                audited::MEMBER_KICK,
                user,
                json!([]),
                request.reason.as_deref(),
            );
            Answer::empty()
        }
        "ban" => {
            let seconds = request.body["delete_message_seconds"].as_u64().unwrap_or(0);
            if seconds > 604_800 {
                return Answer::error(400, 50_035, "Invalid Form Body");
            }
            ban(state, id, bot, user, seconds, request.reason.as_deref());
            Answer::empty()
        }
        "unban" if unban(state, id, bot, user, request.reason.as_deref()) => Answer::empty(),
        "unban" => Answer::error(404, 10_026, "Unknown Ban"),
        "edit-member" => edit_member(state, id, user, request),
        "add-role" | "remove-role" => change_role(state, id, user, request, subject.route == "add-role"),
        _ => audit_log(state, id, request),
    }
}

/// Somebody bans a user.
pub(crate) fn ban(state: &mut State, guild: u64, by: u64, user: u64, seconds: u64, reason: Option<&str>) {
    let newly = state
        .world
        .guilds
        .get_mut(&guild)
        .is_some_and(|guild| guild.bans.insert(user, reason.map(str::to_owned)).is_none());
    if !newly {
        return;
    }
    let data = json!({ "guild_id": guild.to_string(), "user": object::user(&state.world, user) });
    state.dispatch("GUILD_BAN_ADD", guild, &data.to_string());
    remove_member(state, guild, user);
    delete_messages(state, guild, user, seconds);
    audit(state, guild, by, audited::MEMBER_BAN_ADD, user, json!([]), reason);
}

/// Somebody lifts a ban; false when there is none.
pub(crate) fn unban(state: &mut State, guild: u64, by: u64, user: u64, reason: Option<&str>) -> bool {
    let known = state.world.guilds.get_mut(&guild);
    if known.and_then(|guild| guild.bans.remove(&user)).is_none() {
        return false;
    }
    let data = json!({ "guild_id": guild.to_string(), "user": object::user(&state.world, user) });
    state.dispatch("GUILD_BAN_REMOVE", guild, &data.to_string());
    audit(state, guild, by, audited::MEMBER_BAN_REMOVE, user, json!([]), reason);
    true
}

/// What a ban takes along: the user's messages of the last seconds.
fn delete_messages(state: &mut State, guild_id: u64, user: u64, seconds: u64) {
    let since = now_ms().saturating_sub(seconds * 1000);
    let Some(guild) = state.world.guilds.get_mut(&guild_id) else {
        return;
    };
    let mut gone = BTreeMap::<u64, Vec<u64>>::new();
    guild.messages.retain(|id, message| {
        let goes = message.author == user && crate::snowflake::unix_ms(*id) >= since;
        if goes {
            gone.entry(message.channel).or_default().push(*id);
        }
        !goes
    });
    // One is told as any deletion, several of a channel are told at once.
    for (channel, mut messages) in gone {
        messages.sort_unstable();
        let ids: Vec<_> = messages.iter().map(ToString::to_string).collect();
        let mut data = json!({ "channel_id": channel.to_string(), "guild_id": guild_id.to_string() });
        let name = match ids.as_slice() {
            [id] => {
                data["id"] = json!(id);
                "MESSAGE_DELETE"
            }
            ids => {
                data["ids"] = json!(ids);
                "MESSAGE_DELETE_BULK"
            }
        };
        state.dispatch(name, guild_id, &data.to_string());
        messages.iter().for_each(|message| state.latencies.acted_on(*message));
    }
}

/// Somebody is not a member any more.
pub(crate) fn remove_member(state: &mut State, guild_id: u64, user: u64) {
    let Some(guild) = state.world.guilds.get_mut(&guild_id) else {
        return;
    };
    if guild.members.remove(&user).is_none() {
        return;
    }
    guild.people.retain(|person| *person != user);
    let data = json!({ "guild_id": guild_id.to_string(), "user": object::user(&state.world, user) });
    state.dispatch("GUILD_MEMBER_REMOVE", guild_id, &data.to_string());
}

fn edit_member(state: &mut State, guild: u64, user: u64, request: &Request<'_>) -> Answer {
    let Some(until) = request.body.get("communication_disabled_until") else {
        return Answer::error(400, 50_035, "Invalid Form Body");
    };
    let bot = state.world.bot;
    let until_ms = until.as_str().and_then(parse_iso8601);
    if until.is_string() && until_ms.is_none_or(|until| until > now_ms() + TWENTY_EIGHT_DAYS_MS) {
        return Answer::error(400, 50_035, "Invalid Form Body");
    }
    let Some(known) = state.world.guilds.get_mut(&guild) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    if known.permissions(user) == u64::MAX && until_ms.is_some() {
        // Administrators cannot be timed out.
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    let before = known.members.get(&user).and_then(|member| member.timed_out_until);
    if let Some(member) = known.members.get_mut(&user) {
        member.timed_out_until = until_ms;
    }
    let mut change = json!({ "key": "communication_disabled_until" });
    if let Some(before) = before {
        change["old_value"] = json!(crate::snowflake::iso8601(before));
    }
    if until_ms.is_some() {
        change["new_value"] = until.clone();
    }
    let object = tell_update(state, guild, user);
    audit(
        state,
        guild,
        bot,
        audited::MEMBER_UPDATE,
        user,
        json!([change]),
        request.reason.as_deref(),
    );
    Answer::ok(object)
}

fn change_role(state: &mut State, guild: u64, user: u64, request: &Request<'_>, add: bool) -> Answer {
    let role = request
        .segments
        .last()
        .and_then(|id| id.parse::<u64>().ok())
        .unwrap_or(0);
    let bot = state.world.bot;
    let Some(known) = state.world.guilds.get_mut(&guild) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    let Some(position) = known.roles.get(&role).map(|role| role.position) else {
        return Answer::error(404, 10_011, "Unknown Role");
    };
    if position >= known.rank(bot) {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    let name = known.roles[&role].name.clone();
    if let Some(member) = known.members.get_mut(&user) {
        member.roles.retain(|held| *held != role);
        if add {
            member.roles.push(role);
        }
    }
    tell_update(state, guild, user);
    let key = if add { "$add" } else { "$remove" };
    let changes = json!([{ "key": key, "new_value": [{ "id": role.to_string(), "name": name }] }]);
    audit(
        state,
        guild,
        bot,
        audited::MEMBER_ROLE_UPDATE,
        user,
        changes,
        request.reason.as_deref(),
    );
    Answer::empty()
}

fn tell_update(state: &mut State, guild: u64, user: u64) -> Value {
    let known = state
        .world
        .guilds
        .get(&guild)
        .and_then(|guild| guild.members.get(&user));
    let mut object = known.map_or(Value::Null, |member| object::member(&state.world, user, member));
    let answer = object.clone();
    object["guild_id"] = json!(guild.to_string());
    state.dispatch("GUILD_MEMBER_UPDATE", guild, &object.to_string());
    answer
}

fn audit(state: &mut State, guild: u64, by: u64, action: u16, target: u64, changes: Value, reason: Option<&str>) {
    let mut entry = json!({
        "id": state.world.snowflakes.next().to_string(), "action_type": action, "user_id": by.to_string(),
        "target_id": target.to_string(), "changes": changes,
    });
    if let Some(reason) = reason {
        entry["reason"] = json!(reason);
    }
    enter(state, guild, entry);
}

fn enter(state: &mut State, guild: u64, mut entry: Value) {
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        known.audit_log.push(entry.clone());
    }
    entry["guild_id"] = json!(guild.to_string());
    state.dispatch("GUILD_AUDIT_LOG_ENTRY_CREATE", guild, &entry.to_string());
}

/// Somebody has deleted a message of another user. Discord counts several up in one entry; here each has its own.
pub(crate) fn audit_deletion(state: &mut State, guild: u64, by: u64, author: u64, channel: u64) {
    let entry = json!({
        "id": state.world.snowflakes.next().to_string(), "action_type": audited::MESSAGE_DELETE,
        "user_id": by.to_string(), "target_id": author.to_string(), "changes": [],
        "options": { "channel_id": channel.to_string(), "count": "1" },
    });
    enter(state, guild, entry);
}

fn audit_log(state: &State, guild: u64, request: &Request<'_>) -> Answer {
    let Some(known) = state.world.guilds.get(&guild) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    let number = |key: &str| request.query(key).and_then(|value| value.parse::<u64>().ok());
    let id_of = |entry: &Value| entry["id"].as_str().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
    let limit = usize::try_from(number("limit").unwrap_or(50).clamp(1, 100)).unwrap_or(50);
    let wanted = known.audit_log.iter().filter(|entry| {
        number("action_type").is_none_or(|action| entry["action_type"] == action)
            && request.query("user_id").is_none_or(|user| entry["user_id"] == user)
            && number("after").is_none_or(|after| id_of(entry) > after)
            && number("before").is_none_or(|before| id_of(entry) < before)
    });
    // Newest first, but oldest first after a given entry (Audit Log, Get Guild Audit Log).
    let entries: Vec<_> = if number("after").is_some() {
        wanted.take(limit).cloned().collect()
    } else {
        wanted.rev().take(limit).cloned().collect()
    };
    let named = |key| {
        entries
            .iter()
            .filter_map(move |entry: &Value| entry[key].as_str()?.parse::<u64>().ok())
    };
    let users: BTreeSet<_> = named("user_id").chain(named("target_id")).collect();
    let users: Vec<_> = users.into_iter().map(|user| object::user(&state.world, user)).collect();
    Answer::ok(json!({
        "audit_log_entries": entries, "users": users, "integrations": [], "webhooks": [], "guild_scheduled_events": [],
        "threads": [], "application_commands": [], "auto_moderation_rules": [],
    }))
}
