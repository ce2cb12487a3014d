//! The ids that a recording's placeholders stand for.

use super::Trouble;
use crate::load::newcomer;
use crate::snowflake::iso8601;
use crate::state::State;
use serde_json::Value;
use std::collections::HashMap;

/// Ids by guild and placeholder, as far as they were made by the recording.
#[derive(Debug, Default)]
pub(super) struct Names {
    made: HashMap<(u64, String), u64>,
    /// The people of each guild as they were first looked at: whoever leaves does not change the others' numbers.
    people: HashMap<u64, Vec<u64>>,
    /// Messages that were sent, with their authors.
    sent: Vec<(u64, u64)>,
    /// When the first moment was asked for.
    started_at_ms: Option<u64>,
}

/// The first of a guild's people are its owner and a moderator.
const REGULARS: usize = 2;

impl Names {
    /// Puts ids for placeholders, and takes over what users are called.
    pub(super) fn fill(&mut self, state: &mut State, guild: u64, value: &mut Value) -> Result<(), Trouble> {
        match value {
            Value::String(text) if is_name(text) => *text = self.text(state, guild, text)?,
            Value::String(text) if text.contains("{$") => *text = self.within(state, guild, text)?,
            Value::Array(values) => values.iter_mut().try_for_each(|value| self.fill(state, guild, value))?,
            Value::Object(fields) => {
                fields
                    .values_mut()
                    .try_for_each(|value| self.fill(state, guild, value))?;
                let text = |key: &str| fields.get(key).and_then(Value::as_str);
                if let (Some(Ok(id)), Some(name)) = (text("id").map(str::parse), text("username")) {
                    state.world.names.insert(id, name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A text with ids for the placeholders in it.
    fn within(&mut self, state: &mut State, guild: u64, text: &str) -> Result<String, Trouble> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, name)) = rest.split_once("{$") {
            let (name, after) = name
                .split_once('}')
                .ok_or_else(|| Trouble::Wrong(format!("{text:?} has no end of a placeholder")))?;
            filled.push_str(before);
            filled.push_str(&self.text(state, guild, &format!("${name}"))?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn text(&mut self, state: &mut State, guild: u64, name: &str) -> Result<String, Trouble> {
        match name.split_once(':') {
            Some(("$new", _)) => {
                let made = self.made.entry((guild, name.to_owned()));
                Ok(made.or_insert_with(|| newcomer(state, guild)).to_string())
            }
            Some(("$in", seconds)) => {
                let seconds: u64 = seconds.parse().map_err(|_| unknown(name))?;
                // In whole seconds since the same beginning: two events about one moment name the same.
                let started = *self
                    .started_at_ms
                    .get_or_insert_with(|| state.world.snowflakes.now_ms() / 1000 * 1000);
                Ok(iso8601(started + seconds * 1000))
            }
            _ => {
                let known = state.world.guilds.get(&guild);
                if let Some(guild) = known.filter(|guild| !self.people.contains_key(&guild.id)) {
                    self.people.insert(guild.id, guild.people.clone());
                }
                self.id(state, guild, name).map(|id| id.to_string())
            }
        }
    }

    /// What a placeholder stands for, as far as it is there.
    pub(super) fn id(&self, state: &State, guild: u64, name: &str) -> Result<u64, Trouble> {
        let person = |number: usize| self.people.get(&guild)?.get(number).copied();
        let role = |name: &str| {
            let roles = &state.world.guilds.get(&guild)?.roles;
            roles.values().find(|role| role.name == name).map(|role| role.id)
        };
        let id = match name.split_once(':') {
            None if name == "$owner" => person(0),
            None if name == "$moderator" => person(1),
            Some(("$person", number)) => number.parse().ok().and_then(|number: usize| person(number + REGULARS)),
            Some(("$channel", channel)) => state.world.channel_named(guild, channel),
            Some(("$role", name)) => role(name),
            Some(("$new" | "$message", _)) => self.made.get(&(guild, name.to_owned())).copied(),
            _ => None,
        };
        id.ok_or_else(|| unknown(name))
    }

    /// A text with ids for the placeholders in it, after all has happened.
    pub(super) fn read(&self, state: &State, guild: u64, text: &str) -> Result<String, Trouble> {
        let mut parts = text.split("{$");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, after) = part.split_once('}').ok_or_else(|| unknown(text))?;
            filled.push_str(&self.id(state, guild, &format!("${name}"))?.to_string());
            filled.push_str(after);
        }
        Ok(filled)
    }

    /// Regulars of the guild.
    pub(super) fn regulars(&self, guild: u64) -> &[u64] {
        let people = self.people.get(&guild).map_or(&[][..], Vec::as_slice);
        people.get(REGULARS..).unwrap_or_default()
    }

    /// Those who joined in the recording.
    pub(super) fn newcomers(&self, guild: u64) -> Vec<u64> {
        let made = self.made.iter();
        let newcomers = made.filter(|((of, name), _)| *of == guild && name.starts_with("$new:"));
        newcomers.map(|(_, user)| *user).collect()
    }

    /// Messages that these people sent.
    pub(super) fn sent_by(&self, authors: &[u64]) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(_, author)| authors.contains(author));
        sent.map(|(message, _)| *message).collect()
    }

    /// A message was sent, and is called so from now on.
    pub(super) fn sent(&mut self, guild: u64, name: Option<String>, message: u64, author: u64) {
        self.sent.push((message, author));
        if let Some(name) = name {
            self.made.insert((guild, name), message);
        }
    }
}

/// Whether a whole text is a placeholder; people write of dollars, too.
fn is_name(text: &str) -> bool {
    const KINDS: [&str; 6] = ["$channel:", "$in:", "$message:", "$new:", "$person:", "$role:"];
    matches!(text, "$owner" | "$moderator") || KINDS.iter().any(|kind| text.starts_with(kind))
}

fn unknown(name: &str) -> Trouble {
    Trouble::NotYet(format!("{name:?} stands for nothing"))
}
