//! Channels that the bot makes, threads that it changes, and channels to users.

use super::messages::invalid;
use super::{Answer, Request, Subject};
use crate::object;
use crate::state::State;
use crate::world::Channel;
use serde_json::{Value, json};

const MANAGE_CHANNELS: u64 = 1 << 4;
const MANAGE_THREADS: u64 = 1 << 34;

/// The channel between the bot and a user: the same each time.
pub(super) fn direct(state: &mut State, body: &Value) -> Answer {
    let Some(user) = body["recipient_id"].as_str().and_then(|id| id.parse::<u64>().ok()) else {
        return invalid("recipient_id", "BASE_TYPE_REQUIRED", "This field is required");
    };
    let known = state.world.direct_channels.iter().find(|(_, known)| **known == user);
    let channel = match known {
        Some((channel, _)) => *channel,
        None => {
            let channel = state.world.snowflakes.next();
            state.world.direct_channels.insert(channel, user);
            channel
        }
    };
    let recipient = object::user(&state.world, user);
    Answer::ok(json!({ "id": channel.to_string(), "type": 1, "recipients": [recipient], "last_message_id": null }))
}

/// `POST /guilds/{guild}/channels`.
pub(super) fn create(state: &mut State, guild: u64, body: &Value) -> Answer {
    let bot = state.world.bot;
    let held = state.world.guilds.get(&guild).map_or(0, |guild| guild.permissions(bot));
    if held & MANAGE_CHANNELS == 0 {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    let name = body["name"].as_str().unwrap_or_default();
    if !(1..=100).contains(&name.chars().count()) {
        return invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.");
    }
    let id = state.world.snowflakes.next();
    let channel = Channel {
        id,
        name: name.into(),
        kind: 0,
        position: 0,
        parent: body["parent_id"].as_str().and_then(|id| id.parse().ok()),
        last_message: None,
        owner: bot,
        auto_archive_minutes: 0,
        archived: false,
        locked: false,
        readers: Vec::new(),
    };
    let object = object::channel(guild, &channel);
    state.world.channels.insert(id, guild);
    if let Some(guild) = state.world.guilds.get_mut(&guild) {
        guild.channels.insert(id, channel);
    }
    state.dispatch("CHANNEL_CREATE", guild, &object.to_string());
    Answer {
        status: 201,
        body: object,
        deduplicated: false,
    }
}

/// `PATCH /channels/{channel}`, of a thread.
pub(super) fn edit(state: &mut State, guild: u64, channel: u64, body: &Value) -> Answer {
    let bot = state.world.bot;
    let Some(known) = state.world.guilds.get_mut(&guild) else {
        return Answer::error(404, 10_004, "Unknown Guild");
    };
    let held = known.permissions(bot);
    let Some(thread) = known.channels.get_mut(&channel) else {
        return Answer::error(404, 10_003, "Unknown Channel");
    };
    if !thread.is_thread() || (thread.owner != bot && held & MANAGE_THREADS == 0) {
        return Answer::error(403, 50_013, "Missing Permissions");
    }
    if let Some(name) = body["name"].as_str() {
        thread.name = name.into();
    }
    thread.archived = body["archived"].as_bool().unwrap_or(thread.archived);
    thread.locked = body["locked"].as_bool().unwrap_or(thread.locked);
    let object = object::channel(guild, thread);
    state.dispatch("THREAD_UPDATE", guild, &object.to_string());
    Answer::ok(object)
}

/// `PUT` and `DELETE /channels/{channel}/thread-members/{user}`.
pub(super) fn thread_member(state: &State, guild: u64, request: &Request<'_>, subject: &Subject) -> Answer {
    let user = request
        .segments
        .get(3)
        .and_then(|id| id.parse::<u64>().ok())
        .unwrap_or(0);
    let known = state.world.guilds.get(&guild);
    let thread = known.and_then(|guild| guild.channels.get(&subject.channel.unwrap_or(0)));
    if !thread.is_some_and(Channel::is_thread) {
        return Answer::error(404, 10_003, "Unknown Channel");
    }
    let is_member = known.is_some_and(|guild| guild.members.contains_key(&user));
    if subject.route == "add-thread-member" && !is_member {
        return Answer::error(404, 10_007, "Unknown Member");
    }
    Answer::empty()
}
