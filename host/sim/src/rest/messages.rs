//! Messages, reactions and threads.

use super::{Answer, Request, Subject};
use crate::object;
use crate::snowflake::{now_ms, unix_ms};
use crate::state::{Shared, State};
use crate::world::{Channel, Message};
use serde_json::{Value, json};

const VIEW_CHANNEL: u64 = 1 << 10;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;
const SEND_MESSAGES: u64 = 1 << 11;
const MANAGE_MESSAGES: u64 = 1 << 13;
const ADD_REACTIONS: u64 = 1 << 6;
const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
const FOURTEEN_DAYS_MS: u64 = 14 * 86_400_000;

pub(super) fn route(shared: &Shared, state: &mut State, request: &Request<'_>, subject: &Subject) -> Answer {
    if let Some(user) = subject
        .channel
        .and_then(|channel| state.world.direct_channels.get(&channel).copied())
    {
        return send_direct(state, user, subject, &request.body);
    }
    let (Some(channel), Some(guild)) = (subject.channel, subject.guild) else {
        return Answer::error(404, 10_003, "Unknown Channel");
    };
    let message = subject.messages.first().copied().unwrap_or(0);
    let needed = match subject.route {
        "send-message" => SEND_MESSAGES,
        "bulk-delete" => MANAGE_MESSAGES,
        "add-reaction" => ADD_REACTIONS,
        "create-thread" if request.body["type"] == 12 => CREATE_PRIVATE_THREADS,
        "create-thread" => CREATE_PUBLIC_THREADS,
        _ => 0,
    };
    let bot = state.world.bot;
    let held = state.world.guilds.get(&guild).map_or(0, |guild| guild.permissions(bot));
    if held & needed != needed {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    if matches!(subject.route, "list-messages" | "get-message") && held & VIEW_CHANNEL == 0 {
        return Answer::error(403, 50_001, "Missing Access");
    }
    match subject.route {
        "get-channel" => {
            let found = state
                .world
                .guilds
                .get(&guild)
                .and_then(|guild| guild.channels.get(&channel));
            found.map_or_else(unknown_message, |found| Answer::ok(object::channel(guild, found)))
        }
        // No error: nothing is there to be read (Message, Get Channel Messages).
        "list-messages" if held & READ_MESSAGE_HISTORY == 0 => Answer::ok(json!([])),
        "list-messages" => list(state, guild, channel, request),
        "send-message" => send(shared, state, guild, channel, &request.body),
        "get-message" => match known(state, guild, channel, message) {
            Some(found) => Answer::ok(object::message_of_rest(&state.world, guild, found)),
            None => unknown_message(),
        },
        "edit-channel" => super::channels::edit(state, guild, channel, &request.body),
        "add-thread-member" | "remove-thread-member" => super::channels::thread_member(state, guild, request, subject),
        "edit-message" => edit(state, guild, channel, message, &request.body),
        "delete-message" => {
            match known(state, guild, channel, message) {
                None => return unknown_message(),
                Some(found) if found.author != bot && held & MANAGE_MESSAGES == 0 => {
                    return Answer::error(403, 50_013, "Missing Permissions");
                }
                Some(_) => {}
            }
            delete(state, guild, channel, message);
            Answer::empty()
        }
        "bulk-delete" => bulk_delete(state, guild, channel, &subject.messages),
        "add-reaction" => react(state, guild, channel, message, request),
        _ => create_thread(state, guild, channel, subject.messages.first().copied(), &request.body),
    }
}

fn known(state: &State, guild: u64, channel: u64, message: u64) -> Option<&Message> {
    state
        .world
        .guilds
        .get(&guild)?
        .messages
        .get(&message)
        .filter(|found| found.channel == channel)
}

fn unknown_message() -> Answer {
    Answer::error(404, 10_008, "Unknown Message")
}

pub(super) fn invalid(field: &str, code: &str, message: &str) -> Answer {
    let body = json!({
        "message": "Invalid Form Body", "code": 50_035,
        "errors": { field: { "_errors": [{ "code": code, "message": message }] } },
    });
    Answer {
        status: 400,
        body,
        deduplicated: false,
    }
}

fn check_body(body: &Value) -> Result<(), Answer> {
    let content = body["content"].as_str().unwrap_or_default();
    if content.chars().count() > 2000 {
        return Err(invalid(
            "content",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 2000 or fewer in length.",
        ));
    }
    let embeds = body["embeds"].as_array().map_or(0, Vec::len);
    if embeds > 10 {
        return Err(invalid(
            "embeds",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 10 or fewer in length.",
        ));
    }
    let components = body["components"].as_array().map_or(0, Vec::len);
    let files = body["attachments"].as_array().map_or(0, Vec::len);
    if content.is_empty() && embeds == 0 && components == 0 && files == 0 && !is_forward(body) {
        return Err(Answer::error(400, 50_006, "Cannot send an empty message"));
    }
    Ok(())
}

fn send(shared: &Shared, state: &mut State, guild: u64, channel: u64, body: &Value) -> Answer {
    if let Err(answer) = check_body(body) {
        return answer;
    }
    let nonce = match &body["nonce"] {
        Value::String(text) if text.len() > 25 => {
            return invalid("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        Value::Null => None,
        nonce => Some(nonce.clone()),
    };
    let now = now_ms();
    let enforced = nonce
        .as_ref()
        .filter(|_| body["enforce_nonce"] == true)
        .map(ToString::to_string);
    if let Some(nonce) = &enforced
        && let Some((message, sent_at)) = state.world.nonces.get(nonce).copied()
        && sent_at + shared.config.nonce_window_ms > now
    {
        let found = state
            .world
            .guilds
            .get(&guild)
            .and_then(|guild| guild.messages.get(&message));
        let body = found.map_or_else(
            || json!({ "id": message.to_string() }),
            |found| object::message(&state.world, guild, found),
        );
        return Answer {
            status: 200,
            body,
            deduplicated: true,
        };
    }
    let mut kept = extra(body);
    if is_forward(body) {
        let Some(snapshot) = snapshot(state, guild, &body["message_reference"]) else {
            return invalid(
                "message_reference",
                "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
                "Unknown message",
            );
        };
        kept["message_reference"] = body["message_reference"].clone();
        kept["message_snapshots"] = json!([snapshot]);
    }
    let id = state.world.snowflakes.next();
    if let Some(nonce) = enforced {
        state.world.nonces.insert(nonce, (id, now));
    }
    let message = Message {
        id,
        channel,
        author: state.world.bot,
        content: body["content"].as_str().unwrap_or_default().into(),
        edited_at: None,
        reply_to: body["message_reference"]["message_id"]
            .as_str()
            .filter(|_| !is_forward(body))
            .and_then(|id| id.parse().ok()),
        nonce,
        extra: kept,
        reactions: Default::default(),
    };
    let object = object::message(&state.world, guild, &message);
    if let Some(guild) = state.world.guilds.get_mut(&guild) {
        // A message opens the thread that it is sent to (Threads, Archived Threads).
        if let Some(thread) = guild.channels.get_mut(&channel) {
            thread.archived = false;
        }
        guild.keep(message, shared.config.messages_kept);
    }
    state.dispatch("MESSAGE_CREATE", guild, &object.to_string());
    Answer::ok(object)
}

/// Message Reference Types: 1 forwards.
fn is_forward(body: &Value) -> bool {
    body["message_reference"]["type"] == 1
}

/// What a forwarded message said.
fn snapshot(state: &State, guild: u64, reference: &Value) -> Option<Value> {
    let id = |key: &str| reference[key].as_str()?.parse::<u64>().ok();
    let found = known(state, guild, id("channel_id")?, id("message_id")?)?;
    let message = object::message(&state.world, guild, found);
    let kept = [
        "content",
        "embeds",
        "attachments",
        "timestamp",
        "edited_timestamp",
        "flags",
        "type",
    ];
    let message: serde_json::Map<_, _> = kept
        .map(|key| (key.to_owned(), message[key].clone()))
        .into_iter()
        .collect();
    Some(json!({ "message": message }))
}

fn send_direct(state: &mut State, user: u64, subject: &Subject, body: &Value) -> Answer {
    if subject.route != "send-message" {
        return Answer::error(403, 50_001, "Missing Access");
    }
    if let Err(answer) = check_body(body) {
        return answer;
    }
    if !state
        .world
        .guilds
        .values()
        .any(|guild| guild.members.contains_key(&user))
    {
        return Answer::error(403, 50_007, "Cannot send messages to this user");
    }
    let id = state.world.snowflakes.next();
    Answer::ok(json!({
        "id": id.to_string(), "channel_id": subject.channel.unwrap_or(0).to_string(),
        "author": object::user(&state.world, state.world.bot), "content": body["content"].as_str().unwrap_or_default(),
        "timestamp": crate::snowflake::iso8601(unix_ms(id)), "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": body["attachments"].as_array().cloned().unwrap_or_default(),
        "embeds": [], "pinned": false, "type": 0,
    }))
}

fn extra(body: &Value) -> Value {
    let kept = ["embeds", "components", "flags", "attachments"]
        .into_iter()
        .filter(|key| !body[*key].is_null());
    kept.map(|key| (key.to_owned(), body[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn edit(state: &mut State, guild: u64, channel: u64, message: u64, body: &Value) -> Answer {
    let bot = state.world.bot;
    match known(state, guild, channel, message) {
        None => return unknown_message(),
        Some(found) if found.author != bot => {
            return Answer::error(403, 50_005, "Cannot edit a message authored by another user");
        }
        Some(_) => {}
    }
    change(state, guild, channel, message, body);
    match known(state, guild, channel, message) {
        Some(found) => Answer::ok(object::message(&state.world, guild, found)),
        None => unknown_message(),
    }
}

/// A message of the bot says something else from now on.
pub(super) fn change(state: &mut State, guild: u64, channel: u64, message: u64, body: &Value) {
    if let Some(found) = state
        .world
        .guilds
        .get_mut(&guild)
        .and_then(|guild| guild.messages.get_mut(&message))
    {
        if let Some(content) = body["content"].as_str() {
            found.content = content.into();
        }
        found.extra = extra(body);
        found.edited_at = Some(now_ms());
    }
    if let Some(found) = known(state, guild, channel, message) {
        let object = object::message(&state.world, guild, found);
        state.dispatch("MESSAGE_UPDATE", guild, &object.to_string());
    }
}

/// Newest first, as Discord lists them.
fn list(state: &State, guild: u64, channel: u64, request: &Request<'_>) -> Answer {
    let number = |key: &str| request.query(key).and_then(|value| value.parse::<u64>().ok());
    let (after, before) = (number("after").unwrap_or(0), number("before").unwrap_or(u64::MAX));
    let limit = usize::try_from(number("limit").unwrap_or(50).clamp(1, 100)).unwrap_or(50);
    let Some(known) = state.world.guilds.get(&guild) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    let mut found: Vec<_> = known
        .messages
        .values()
        .filter(|message| message.channel == channel && message.id > after && message.id < before)
        .collect();
    found.sort_by_key(|message| message.id);
    // `after` takes those that follow it, not the newest of all.
    if request.query("after").is_some() {
        found.truncate(limit);
    } else {
        found.drain(..found.len().saturating_sub(limit));
    }
    Answer::ok(
        found
            .into_iter()
            .rev()
            .map(|message| object::message_of_rest(&state.world, guild, message))
            .collect(),
    )
}

fn bulk_delete(state: &mut State, guild: u64, channel: u64, messages: &[u64]) -> Answer {
    if !(2..=100).contains(&messages.len()) {
        return invalid(
            "messages",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 2 and 100 in length.",
        );
    }
    let oldest = now_ms().saturating_sub(FOURTEEN_DAYS_MS);
    if messages.iter().any(|message| unix_ms(*message) < oldest) {
        return Answer::error(
            400,
            50_034,
            "You can only bulk delete messages that are under 14 days old.",
        );
    }
    let present: Vec<_> = messages
        .iter()
        .copied()
        .filter(|message| known(state, guild, channel, *message).is_some())
        .collect();
    forget(state, guild, &present);
    if !present.is_empty() {
        let ids: Vec<_> = present.iter().map(ToString::to_string).collect();
        let data = json!({ "ids": ids, "channel_id": channel.to_string(), "guild_id": guild.to_string() });
        state.dispatch("MESSAGE_DELETE_BULK", guild, &data.to_string());
    }
    Answer::empty()
}

/// A message is deleted.
pub(crate) fn delete(state: &mut State, guild: u64, channel: u64, message: u64) {
    forget(state, guild, &[message]);
    let data = json!({ "id": message.to_string(), "channel_id": channel.to_string(), "guild_id": guild.to_string() });
    state.dispatch("MESSAGE_DELETE", guild, &data.to_string());
}

fn forget(state: &mut State, guild: u64, messages: &[u64]) {
    if let Some(guild) = state.world.guilds.get_mut(&guild) {
        for message in messages {
            guild.messages.remove(message);
        }
    }
}

fn react(state: &mut State, guild: u64, channel: u64, message: u64, request: &Request<'_>) -> Answer {
    if known(state, guild, channel, message).is_none() {
        return unknown_message();
    }
    let emoji = super::percent_decoded(request.segments.get(5).copied().unwrap_or_default());
    let emoji = match emoji.split_once(':') {
        Some((name, id)) => json!({ "id": id, "name": name }),
        None => json!({ "id": null, "name": emoji }),
    };
    count_reaction(state, guild, message, &emoji);
    let data = json!({
        "user_id": state.world.bot.to_string(), "channel_id": channel.to_string(), "message_id": message.to_string(),
        "guild_id": guild.to_string(), "emoji": emoji, "burst": false, "type": 0,
    });
    state.dispatch("MESSAGE_REACTION_ADD", guild, &data.to_string());
    Answer::empty()
}

/// Somebody reacts to a message.
pub(crate) fn count_reaction(state: &mut State, guild: u64, message: u64, emoji: &Value) {
    let known = state.world.guilds.get_mut(&guild);
    if let Some(message) = known.and_then(|guild| guild.messages.get_mut(&message)) {
        *message.reactions.entry(emoji.to_string()).or_default() += 1;
    }
}

fn create_thread(state: &mut State, guild: u64, parent: u64, message: Option<u64>, body: &Value) -> Answer {
    let name = body["name"].as_str().unwrap_or_default();
    if !(1..=100).contains(&name.chars().count()) {
        return invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.");
    }
    if let Some(message) = message {
        if known(state, guild, parent, message).is_none() {
            return unknown_message();
        }
        // A thread of a message has the message's id (Channel, Start Thread from Message).
        if state.world.channels.contains_key(&message) {
            return Answer::error(400, 160_004, "A thread has already been created for this message");
        }
    }
    let id = message.unwrap_or_else(|| state.world.snowflakes.next());
    let bot = state.world.bot;
    let kind = if message.is_some() {
        11
    } else {
        body["type"].as_u64().unwrap_or(12)
    };
    let thread = Channel {
        id,
        name: name.into(),
        kind: u8::try_from(kind).unwrap_or(12),
        position: 0,
        parent: Some(parent),
        last_message: None,
        owner: bot,
        auto_archive_minutes: body["auto_archive_duration"].as_u64().unwrap_or(1440),
        archived: false,
        locked: false,
        readers: Vec::new(),
    };
    let mut object = object::channel(guild, &thread);
    state.world.channels.insert(id, guild);
    if let Some(guild) = state.world.guilds.get_mut(&guild) {
        guild.channels.insert(id, thread);
    }
    object["newly_created"] = json!(true);
    state.dispatch("THREAD_CREATE", guild, &object.to_string());
    Answer {
        status: 201,
        body: object,
        deduplicated: false,
    }
}
