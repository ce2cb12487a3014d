//! What people do with the bot: they use commands, press buttons, and fill in modals. Buttons and modals are found by what the bot
//! shows, as people find them.

use super::Trouble;
use super::event::{id, message_of};
use crate::interaction::{self, create};
use crate::object;
use crate::state::State;
use serde_json::{Map, Value, json};

/// Interactions, Interaction Type.
const COMMAND: u8 = 2;
const COMPONENT: u8 = 3;
const MODAL: u8 = 5;
/// Application Commands, Application Command Types and Option Types.
const ON_USER: u64 = 2;
const ON_MESSAGE: u64 = 3;
const USER: u64 = 6;
const CHANNEL: u64 = 7;
const ROLE: u64 = 8;

/// `{"user", "press": LABEL, "about": TEXT}`, `{"user", "fill": {FIELD: TEXT}}`, or a command: `{"user", "channel_id", "data"}`.
pub(super) fn interact(state: &mut State, guild: u64, data: &Value) -> Result<(), Trouble> {
    let Some(user) = id(&data["user"]) else {
        return Err(Trouble::Wrong("an interaction needs a user".into()));
    };
    let interaction = if let Some(label) = data["press"].as_str() {
        press(state, guild, user, label, data["about"].as_str().unwrap_or_default())?
    } else if let Some(fields) = data["fill"].as_object() {
        fill_in(state, guild, user, fields)?
    } else {
        command(state, guild, user, data)?
    };
    state.dispatch("INTERACTION_CREATE", guild, &interaction.to_string());
    Ok(())
}

fn command(state: &mut State, guild: u64, user: u64, data: &Value) -> Result<Value, Trouble> {
    let mut command = data["data"].clone();
    let of_target = || message_of(state, guild, &command["target_id"]).map(|(_, channel, _)| channel);
    let channel = match id(&data["channel_id"]) {
        Some(channel) => channel,
        None if command["type"] == ON_MESSAGE => of_target()?,
        None => return Err(Trouble::Wrong("a command needs a channel_id".into())),
    };
    command["id"] = json!("1");
    command["resolved"] = resolved(state, guild, &command)?;
    Ok(create(state, guild, channel, user, COMMAND, &command))
}

/// The users, roles, channels and messages that a command names, as Discord adds them.
pub(super) fn resolved(state: &State, guild: u64, command: &Value) -> Result<Value, Trouble> {
    let mut named = Vec::new();
    match command["type"].as_u64() {
        Some(ON_USER) => named.push((USER, command["target_id"].clone())),
        Some(ON_MESSAGE) => {
            let (message, _, _) = message_of(state, guild, &command["target_id"])?;
            let known = state
                .world
                .guilds
                .get(&guild)
                .and_then(|known| known.messages.get(&message));
            let object = known.map(|known| object::message_of_rest(&state.world, guild, known));
            return Ok(json!({ "messages": { (message.to_string()): object } }));
        }
        _ => options(&command["options"], &mut named),
    }
    let mut resolved: Map<String, Value> = Map::new();
    let mut add = |kind: &str, id: u64, object: Value| {
        let objects = resolved.entry(kind).or_insert_with(|| json!({}));
        objects[id.to_string()] = object;
    };
    let known = state.world.guilds.get(&guild);
    for (kind, value) in named {
        let (Some(id), Some(known)) = (id(&value), known) else {
            continue;
        };
        match kind {
            USER => {
                add("users", id, object::user(&state.world, id));
                if let Some(member) = known.members.get(&id) {
                    add("members", id, object::bare_member(member));
                }
            }
            CHANNEL => add(
                "channels",
                id,
                known
                    .channels
                    .get(&id)
                    .map_or(Value::Null, |channel| object::channel(guild, channel)),
            ),
            _ => add("roles", id, known.roles.get(&id).map_or(Value::Null, object::role)),
        }
    }
    Ok(resolved.into())
}

fn options(options: &Value, named: &mut Vec<(u64, Value)>) {
    for option in options.as_array().into_iter().flatten() {
        if let Some(kind @ (USER | CHANNEL | ROLE)) = option["type"].as_u64() {
            named.push((kind, option["value"].clone()));
        }
        self::options(&option["options"], named);
    }
}

/// Presses the button in the newest message that shows it and says this: one of the bot's in the guild, or an answer that only
/// this person sees.
fn press(state: &mut State, guild: u64, user: u64, label: &str, about: &str) -> Result<Value, Trouble> {
    let no_button = || Trouble::NotYet(format!("nobody sees a button {label:?} about {about:?}"));
    let found = buttons(state, guild, user)
        .filter(|shown| shown.content.contains(about) || shown.components.to_string().contains(about))
        .filter_map(|shown| Some((shown.id, shown.channel, custom_id(shown.components, label)?)))
        .max_by_key(|(message, ..)| *message);
    let (message, channel, custom_id) = found.ok_or_else(no_button)?;
    if !state.world.interactions.contains_key(&message) {
        let clicked = interaction::click(state, guild, channel, user, message, &custom_id);
        return clicked.ok_or_else(no_button);
    }
    let data = json!({ "component_type": 2, "custom_id": custom_id });
    let mut pressed = create(state, guild, channel, user, COMPONENT, &data);
    let bot = object::user(&state.world, state.world.bot);
    pressed["message"] =
        json!({ "id": message.to_string(), "channel_id": channel.to_string(), "author": bot, "flags": 64 });
    let known = id(&pressed["id"]).and_then(|id| state.world.interactions.get_mut(&id));
    if let Some(known) = known {
        known.message = Some(message);
    }
    Ok(pressed)
}

/// A message with components.
struct Shown<'state> {
    id: u64,
    channel: u64,
    content: &'state str,
    components: &'state Value,
}

fn buttons(state: &State, guild: u64, user: u64) -> impl Iterator<Item = Shown<'_>> {
    let bot = state.world.bot;
    let messages = state.world.guilds.get(&guild).into_iter();
    let messages = messages
        .flat_map(|known| known.messages.values())
        .filter(move |message| message.author == bot)
        .map(|message| Shown {
            id: message.id,
            channel: message.channel,
            content: &message.content,
            components: &message.extra["components"],
        });
    let answers = state.world.interactions.iter();
    let answers = answers
        .filter(move |(_, answered)| (answered.guild, answered.user) == (guild, user))
        .map(|(id, answered)| Shown {
            id: *id,
            channel: answered.channel,
            content: answered.shown["content"].as_str().unwrap_or_default(),
            components: &answered.shown["components"],
        });
    messages.chain(answers)
}

/// The custom id of the button with this label, where it can be pressed.
fn custom_id(components: &Value, label: &str) -> Option<String> {
    components.as_array()?.iter().find_map(|component| {
        let is_it = component["label"] == label && component["disabled"] != true;
        let own = component["custom_id"].as_str().filter(|_| is_it).map(str::to_owned);
        own.or_else(|| custom_id(&component["components"], label))
    })
}

/// Fills in the modal that the bot has opened for this person, and sends it.
fn fill_in(state: &mut State, guild: u64, user: u64, fields: &Map<String, Value>) -> Result<Value, Trouble> {
    let open = state.world.interactions.values_mut();
    let open = open.filter(|opened| (opened.guild, opened.user) == (guild, user) && !opened.modal.is_null());
    let Some(opened) = open.max_by_key(|opened| opened.sent_at) else {
        return Err(Trouble::NotYet("no modal is open".into()));
    };
    let (channel, modal) = (opened.channel, opened.modal.take());
    let rows = fields.iter().map(|(field, text)| {
        let component = json!({ "type": 4, "custom_id": field, "value": text });
        json!({ "type": 1, "components": [component] })
    });
    let data = json!({ "custom_id": modal["custom_id"], "components": rows.collect::<Vec<_>>() });
    Ok(create(state, guild, channel, user, MODAL, &data))
}
