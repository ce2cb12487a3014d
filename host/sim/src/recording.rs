//! Recorded traffic: JSON lines of events with their times, made to fit any simulation by placeholders.
//!
//! A line is `{"at_ms": 1200, "guild": 3, "t": "MESSAGE_CREATE", "d": {…}}`, with the guild's number. In `d` the texts
//! `$channel:general`, `$person:4` (a regular), `$new:a` (an account of two hours that joins when first named) and
//! `$message:x` (made when first named) stand for ids, `$role:moderator` for a role, and `$moderator` for who has it; `{$person:4}` does within a text. `"measure": true` times the first request about the message. A
//! line with `expect` names a route of the journal that must have been used, once, on that `user` or `message`.

use crate::journal::JournalEntry;
use crate::load::newcomer;
use crate::rest::count_reaction;
use crate::simulation::Simulation;
use crate::state::State;
use crate::world::Message;
use crate::{interaction, object};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Events in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    lines: Vec<Line>,
}

/// Why a recording cannot be played.
#[derive(Debug)]
pub struct RecordingError(String);

impl std::fmt::Display for RecordingError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for RecordingError {}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_ms: u64,
    guild: usize,
    #[serde(default)]
    t: String,
    #[serde(default)]
    d: Value,
    #[serde(default)]
    measure: bool,
    #[serde(default)]
    expect: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// A request that the bot must have made.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The journal's name for it.
    pub route: String,
    /// Where.
    pub guild: u64,
    /// On whom.
    pub user: Option<u64>,
    /// On what.
    pub message: Option<u64>,
}

impl Expectation {
    /// How often the journal shows it, applied.
    pub fn times(&self, journal: &[JournalEntry]) -> usize {
        let is_delete = |route: &str| matches!(route, "delete-message" | "bulk-delete");
        journal
            .iter()
            .filter(|entry| {
                entry.applied
                    && (entry.route == self.route || is_delete(&self.route) && is_delete(&entry.route))
                    && entry.guild == Some(self.guild)
                    && self.user.is_none_or(|user| entry.user == Some(user))
                    && self.message.is_none_or(|message| entry.messages.contains(&message))
            })
            .count()
    }
}

impl Recording {
    /// Reads a file of JSON lines.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| RecordingError(format!("{shown}: {error}")))?;
        Self::parse(&text).map_err(|error| RecordingError(format!("{shown}: {error}")))
    }

    /// Reads JSON lines.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line =
                serde_json::from_str(line).map_err(|error| RecordingError(format!("line {number}: {error}")))?;
            lines.push(line);
        }
        lines.sort_by_key(|line| line.at_ms);
        Ok(Self { lines })
    }

    /// Events in it.
    pub fn events(&self) -> usize {
        self.lines.iter().filter(|line| line.expect.is_none()).count()
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.lines.last().map_or(0, |line| line.at_ms))
    }
}

/// The ids that a recording's placeholders stand for.
#[derive(Default)]
struct Names(HashMap<(u64, String), u64>);

impl Simulation {
    /// Plays a recording, so many times as fast as it was recorded; answers what the bot must do about it.
    pub async fn play(&self, recording: &Recording, speed: f64) -> Result<Vec<Expectation>, RecordingError> {
        let guilds = self.guild_ids();
        let started = Instant::now();
        let mut names = Names::default();
        let mut expectations = Vec::new();
        for line in &recording.lines {
            let Some(guild) = guilds.get(line.guild).copied() else {
                return Err(RecordingError(format!(
                    "guild {} of {}: start a larger simulation",
                    line.guild,
                    guilds.len()
                )));
            };
            let at = started + Duration::from_millis(line.at_ms).div_f64(speed.max(0.001));
            tokio::time::sleep_until(at.into()).await;
            let mut state = self.shared().lock();
            if let Some(route) = &line.expect {
                let mut id =
                    |name: &Option<String>| name.as_ref().map(|name| names.id(&mut state, guild, name)).transpose();
                let (user, message) = (id(&line.user)?, id(&line.message)?);
                expectations.push(Expectation {
                    route: route.clone(),
                    guild,
                    user,
                    message,
                });
                continue;
            }
            play_line(&mut state, &mut names, self.shared().config.messages_kept, guild, line)?;
        }
        Ok(expectations)
    }
}

fn play_line(state: &mut State, names: &mut Names, kept: usize, guild: u64, line: &Line) -> Result<(), RecordingError> {
    let mut data = line.d.clone();
    // A message's id is made when it is sent: its placeholder is bound then.
    let label = data["id"]
        .as_str()
        .filter(|_| line.t == "MESSAGE_CREATE")
        .map(str::to_owned);
    if label.is_some() {
        data["id"] = Value::Null;
    }
    names.fill(state, guild, &mut data)?;
    let id = |value: &Value| value.as_str().and_then(|id| id.parse::<u64>().ok());
    match line.t.as_str() {
        "MESSAGE_CREATE" => {}
        "INTERACTION_CREATE" => {
            let (Some(channel), Some(user)) = (id(&data["channel_id"]), id(&data["user"])) else {
                return Err(RecordingError(format!(
                    "at {} ms: an interaction needs a channel_id and a user",
                    line.at_ms
                )));
            };
            let kind = data["type"]
                .as_u64()
                .and_then(|kind| u8::try_from(kind).ok())
                .unwrap_or(2);
            let interaction = interaction::create(state, guild, channel, user, kind, &data["data"]);
            state.dispatch("INTERACTION_CREATE", guild, &interaction.to_string());
            return Ok(());
        }
        other => {
            if let ("MESSAGE_REACTION_ADD", Some(message)) = (other, id(&data["message_id"])) {
                count_reaction(state, guild, message, &data["emoji"]);
            }
            data["guild_id"] = json!(guild.to_string());
            state.dispatch(other, guild, &data.to_string());
            return Ok(());
        }
    }
    let (Some(channel), Some(author)) = (id(&data["channel_id"]), id(&data["author"]["id"])) else {
        return Err(RecordingError(format!(
            "at {} ms: a message needs a channel_id and an author",
            line.at_ms
        )));
    };
    if let Some(name) = data["author"]["username"].as_str() {
        state.world.names.insert(author, name.to_owned());
    }
    let message = send(state, kept, guild, channel, author, &data);
    if let Some(label) = label {
        names.0.insert((guild, label), message);
    }
    if line.measure {
        state.latencies.dispatched(message);
    }
    Ok(())
}

/// What a message may have besides its text.
const PARTS: [&str; 9] = [
    "attachments",
    "embeds",
    "mentions",
    "mention_roles",
    "mention_everyone",
    "message_snapshots",
    "poll",
    "sticker_items",
    "webhook_id",
];

fn send(state: &mut State, kept: usize, guild: u64, channel: u64, author: u64, data: &Value) -> u64 {
    let id = state.world.snowflakes.next();
    let message = Message {
        id,
        channel,
        author,
        content: data["content"].as_str().unwrap_or_default().to_owned(),
        reply_to: data["reply_to"].as_str().and_then(|id| id.parse().ok()),
        extra: json!({ "attachments": data["attachments"].as_array().cloned().unwrap_or_default() }),
        ..Message::default()
    };
    let mut sent = object::message(&state.world, guild, &message);
    let known = state.world.guilds.get(&guild);
    if let Some(member) = known.and_then(|guild| guild.members.get(&author)) {
        sent["member"] = object::bare_member(member);
    }
    for part in PARTS.into_iter().filter(|part| !data[*part].is_null()) {
        sent[part] = data[part].clone();
    }
    state.dispatch("MESSAGE_CREATE", guild, &sent.to_string());
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        known.keep(message, kept);
    }
    id
}

impl Names {
    fn fill(&mut self, state: &mut State, guild: u64, value: &mut Value) -> Result<(), RecordingError> {
        match value {
            Value::String(text) if text.starts_with('$') => *text = self.id(state, guild, text)?.to_string(),
            Value::String(text) => {
                while let Some((before, rest)) = text.split_once("{$") {
                    let Some((name, after)) = rest.split_once('}') else {
                        break;
                    };
                    *text = format!("{before}{}{after}", self.id(state, guild, &format!("${name}"))?);
                }
            }
            Value::Array(values) => values.iter_mut().try_for_each(|value| self.fill(state, guild, value))?,
            Value::Object(fields) => fields
                .values_mut()
                .try_for_each(|value| self.fill(state, guild, value))?,
            _ => {}
        }
        Ok(())
    }

    fn id(&mut self, state: &mut State, guild: u64, name: &str) -> Result<u64, RecordingError> {
        let unknown = || RecordingError(format!("{name:?} stands for nothing"));
        if name == "$moderator" {
            // The first two are the owner and a moderator.
            let known = state.world.guilds.get(&guild);
            return known.and_then(|guild| guild.people.get(1).copied()).ok_or_else(unknown);
        }
        match name.trim_start_matches('$').split_once(':').ok_or_else(unknown)? {
            ("channel", channel) => state.world.channel_named(guild, channel).ok_or_else(unknown),
            ("person", number) => {
                let number: usize = number.parse().map_err(|_| unknown())?;
                // The first two are the owner and a moderator.
                let person = state
                    .world
                    .guilds
                    .get(&guild)
                    .and_then(|guild| guild.people.get(number + 2).copied());
                person.ok_or_else(unknown)
            }
            ("role", role) => {
                let roles = state.world.guilds.get(&guild).map(|guild| guild.roles.values());
                let role = roles.into_iter().flatten().find(|known| known.name == role);
                role.map(|role| role.id).ok_or_else(unknown)
            }
            ("new", _) => {
                let key = (guild, name.to_owned());
                if let Some(known) = self.0.get(&key) {
                    return Ok(*known);
                }
                let user = newcomer(state, guild);
                self.0.insert(key, user);
                Ok(user)
            }
            ("message", _) => self.0.get(&(guild, name.to_owned())).copied().ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let error = Recording::parse("{\"at_ms\":1,\"guild\":0,\"t\":\"X\"}\n{\"at\":1}").expect_err("the second line");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
