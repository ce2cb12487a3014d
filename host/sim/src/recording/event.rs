//! One event: what it changes in the simulated world, and what Discord would send of it. A line gives what matters; the rest is
//! filled in as the world has it.

use super::names::Names;
use super::{Line, Trouble, hands};
use crate::object;
use crate::rest::{count_reaction, delete, remove_member};
use crate::snowflake::parse_iso8601;
use crate::state::State;
use crate::world::Message;
use serde_json::{Value, json};

/// What a message may have besides its text: what is kept with it, and what only its event carries.
const KEPT: [&str; 4] = ["attachments", "embeds", "message_reference", "message_snapshots"];
const TOLD: [&str; 6] = [
    "mentions",
    "mention_roles",
    "mention_everyone",
    "poll",
    "sticker_items",
    "webhook_id",
];

/// Lets it happen.
pub(super) fn happen(
    state: &mut State,
    names: &mut Names,
    kept: usize,
    guild: u64,
    line: &Line,
) -> Result<(), Trouble> {
    let mut data = line.d.clone();
    if line.t == "MESSAGE_CREATE" {
        // A message's id is made when it is sent: its placeholder is bound then.
        let label = data["id"].take().as_str().map(str::to_owned);
        names.fill(state, guild, &mut data)?;
        let author = id(&data["author"]["id"]);
        let (channel, author) = (id(&data["channel_id"]), author);
        let (Some(channel), Some(author)) = (channel, author) else {
            return Err(Trouble::Wrong("a message needs a channel_id and an author".into()));
        };
        let message = send(state, kept, guild, channel, author, &data);
        names.sent(guild, label, message, author);
        if line.measure {
            state.latencies.dispatched(message);
        }
        return Ok(());
    }
    names.fill(state, guild, &mut data)?;
    let user = id(&data["user"]["id"]);
    let event = match line.t.as_str() {
        "INTERACTION_CREATE" => return hands::interact(state, guild, &data),
        "MESSAGE_UPDATE" => edited(state, guild, &data)?,
        "MESSAGE_DELETE" => {
            let (message, channel, _) = message_of(state, guild, &data["id"])?;
            delete(state, guild, channel, message);
            return Ok(());
        }
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => reacted(state, guild, &line.t, &data)?,
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" => changed_member(state, guild, user, &data)?,
        "GUILD_MEMBER_REMOVE" => {
            remove_member(state, guild, user.ok_or_else(no_user)?);
            return Ok(());
        }
        "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" => banned(state, guild, user, line.t == "GUILD_BAN_ADD")?,
        "GUILD_AUDIT_LOG_ENTRY_CREATE" => entered(state),
        _ => json!({}),
    };
    let mut event = overlaid(event, &data);
    if line.t == "GUILD_AUDIT_LOG_ENTRY_CREATE"
        && let Some(known) = state.world.guilds.get_mut(&guild)
    {
        known.audit_log.push(event.clone());
    }
    event["guild_id"] = json!(guild.to_string());
    state.dispatch(&line.t, guild, &event.to_string());
    Ok(())
}

fn send(state: &mut State, kept: usize, guild: u64, channel: u64, author: u64, data: &Value) -> u64 {
    let parts = |names: &'static [&'static str]| names.iter().filter(|name| !data[**name].is_null());
    let extra = parts(&KEPT).map(|name| ((*name).to_owned(), data[*name].clone()));
    let message = Message {
        id: state.world.snowflakes.next(),
        channel,
        author,
        content: data["content"].as_str().unwrap_or_default().to_owned(),
        reply_to: id(&data["reply_to"]),
        extra: extra.collect::<serde_json::Map<_, _>>().into(),
        ..Message::default()
    };
    let mut sent = object::message(&state.world, guild, &message);
    let known = state.world.guilds.get(&guild);
    if let Some(member) = known.and_then(|known| known.members.get(&author)) {
        sent["member"] = object::bare_member(member);
    }
    let answered = message.reply_to.and_then(|answered| known?.messages.get(&answered));
    if let Some(answered) = answered {
        sent["referenced_message"] = object::message_of_rest(&state.world, guild, answered);
    }
    for name in parts(&TOLD) {
        sent[*name] = data[*name].clone();
    }
    state.dispatch("MESSAGE_CREATE", guild, &sent.to_string());
    let id = message.id;
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        known.keep(message, kept);
    }
    id
}

/// The author has changed what a message says, or something else about it has changed.
fn edited(state: &mut State, guild: u64, data: &Value) -> Result<Value, Trouble> {
    let (message, _, _) = message_of(state, guild, &data["id"])?;
    let now = state.world.snowflakes.now_ms();
    if let Some(content) = data["content"].as_str()
        && let Some(known) = state.world.guilds.get_mut(&guild)
        && let Some(message) = known.messages.get_mut(&message)
    {
        content.clone_into(&mut message.content);
        message.edited_at = Some(now);
    }
    let known = state.world.guilds.get(&guild);
    let known = known.and_then(|known| known.messages.get(&message));
    Ok(known.map_or(Value::Null, |known| object::message(&state.world, guild, known)))
}

/// Somebody reacts, or takes a reaction back.
fn reacted(state: &mut State, guild: u64, name: &str, data: &Value) -> Result<Value, Trouble> {
    let (message, channel, author) = message_of(state, guild, &data["message_id"])?;
    let mut event = json!({
        "channel_id": channel.to_string(), "message_author_id": author.to_string(), "burst": false, "type": 0,
    });
    if name == "MESSAGE_REACTION_ADD" {
        count_reaction(state, guild, message, &data["emoji"]);
        let user = id(&data["user_id"]).unwrap_or(0);
        let known = state.world.guilds.get(&guild);
        if let Some(member) = known.and_then(|known| known.members.get(&user)) {
            event["member"] = object::member(&state.world, user, member);
        }
        return Ok(event);
    }
    let known = state.world.guilds.get_mut(&guild);
    if let Some(message) = known.and_then(|known| known.messages.get_mut(&message)) {
        let count = message.reactions.entry(data["emoji"].to_string()).or_default();
        *count = count.saturating_sub(1);
        message.reactions.retain(|_, count| *count > 0);
    }
    Ok(event)
}

/// A member is as the event says.
fn changed_member(state: &mut State, guild: u64, user: Option<u64>, data: &Value) -> Result<Value, Trouble> {
    let user = user.ok_or_else(no_user)?;
    let known = state.world.guilds.get_mut(&guild);
    let Some(member) = known.and_then(|known| known.members.get_mut(&user)) else {
        return Err(Trouble::Wrong(format!("{user} is no member")));
    };
    if let Some(roles) = data["roles"].as_array() {
        member.roles = roles.iter().filter_map(id).collect();
    }
    if let Some(until) = data.get("communication_disabled_until") {
        member.timed_out_until = until.as_str().and_then(parse_iso8601);
    }
    let known = state.world.guilds.get(&guild);
    let member = known.and_then(|known| known.members.get(&user));
    Ok(member.map_or(Value::Null, |member| object::member(&state.world, user, member)))
}

/// Somebody is banned, or not any more.
fn banned(state: &mut State, guild: u64, user: Option<u64>, is_banned: bool) -> Result<Value, Trouble> {
    let user = user.ok_or_else(no_user)?;
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        if is_banned {
            known.bans.insert(user, None);
        } else {
            known.bans.remove(&user);
        }
    }
    Ok(json!({ "user": object::user(&state.world, user) }))
}

/// The audit log has another entry.
fn entered(state: &mut State) -> Value {
    let id = state.world.snowflakes.next();
    json!({ "id": id.to_string(), "changes": [] })
}

/// A message that was sent before: its id, channel and author.
pub(super) fn message_of(state: &State, guild: u64, value: &Value) -> Result<(u64, u64, u64), Trouble> {
    let known = state.world.guilds.get(&guild);
    let message = id(value).and_then(|id| known?.messages.get(&id));
    message
        .map(|message| (message.id, message.channel, message.author))
        .ok_or_else(|| Trouble::Wrong(format!("message {value} is not there")))
}

/// What the world has, with what the line gives in its place.
fn overlaid(mut event: Value, given: &Value) -> Value {
    if let (Value::Object(fields), Value::Object(given)) = (&mut event, given) {
        for (key, value) in given {
            let known = fields.get_mut(key).map(Value::take);
            let known = known.filter(|known| known.is_object() && value.is_object());
            let value = known.map_or_else(|| value.clone(), |known| overlaid(known, value));
            fields.insert(key.clone(), value);
        }
    }
    event
}

/// An id as Discord writes it.
pub(super) fn id(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn no_user() -> Trouble {
    Trouble::Wrong("it needs a user".into())
}
