//! What must come of a recording, or must not, as the journal shows it.

use super::names::Names;
use super::{Line, Trouble};
use crate::journal::JournalEntry;
use crate::state::State;
use serde_json::Value;

/// A request that the bot must have made, so many times.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What it belongs to, in plain words; empty for nothing in particular.
    pub scene: String,
    /// How often it must have been made; 0: never.
    pub times: usize,
    line: String,
    route: String,
    guild: u64,
    /// What was requested before the recording began is none of its business.
    since_ms: u64,
    channel: Option<u64>,
    /// On one of these.
    users: Option<Vec<u64>>,
    /// On one of these.
    messages: Option<Vec<u64>>,
    /// All of these stand in it.
    texts: Vec<String>,
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.line)
    }
}

impl Expectation {
    /// How often the journal shows it, applied.
    pub fn count(&self, journal: &[JournalEntry]) -> usize {
        journal.iter().filter(|entry| self.is(entry)).count()
    }

    fn is(&self, entry: &JournalEntry) -> bool {
        let is_delete = |route: &str| matches!(route, "delete-message" | "bulk-delete");
        let is_one = |wanted: &Option<Vec<u64>>, found: &[u64]| {
            let wanted = wanted.as_ref();
            wanted.is_none_or(|wanted| found.iter().any(|found| wanted.contains(found)))
        };
        entry.applied
            && entry.at_ms >= self.since_ms
            && (entry.route == self.route || is_delete(&self.route) && is_delete(&entry.route))
            && entry.guild == Some(self.guild)
            && self.channel.is_none_or(|channel| entry.channel == Some(channel))
            && is_one(&self.users, entry.user.as_slice())
            && is_one(&self.messages, &entry.messages)
            && self.texts.iter().all(|text| {
                let reason = entry.reason.as_ref();
                says(&entry.body, text) || reason.is_some_and(|reason| reason.contains(text.as_str()))
            })
    }
}

/// Whether a text stands somewhere in what was sent.
fn says(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text.contains(wanted),
        Value::Array(values) => values.iter().any(|value| says(value, wanted)),
        Value::Object(fields) => fields.values().any(|value| says(value, wanted)),
        _ => false,
    }
}

/// A line that expects something, before its placeholders are known.
#[derive(Clone, Copy)]
pub(super) struct Expected<'recording> {
    pub(super) guild: u64,
    pub(super) since_ms: u64,
    pub(super) line: &'recording Line,
}

impl Expected<'_> {
    /// What it stands for, after all has happened.
    pub(super) fn resolve(self, state: &State, names: &Names) -> Result<Expectation, Trouble> {
        let Self { guild, since_ms, line } = self;
        let id = |name: &String| names.id(state, guild, name);
        let messages = match (&line.message, &line.author) {
            (Some(message), _) => Some(vec![id(message)?]),
            (None, Some(author)) => Some(names.sent_by(&self.people(state, names, author)?)),
            (None, None) => None,
        };
        let users = line.user.as_ref().map(|user| self.people(state, names, user));
        let texts = line.text.iter().map(|text| names.read(state, guild, text));
        Ok(Expectation {
            scene: line.scene.clone(),
            times: line.times.unwrap_or(1),
            line: self.words(),
            route: line.expect.clone().unwrap_or_default(),
            guild,
            since_ms,
            channel: line.channel.as_ref().map(id).transpose()?,
            users: users.transpose()?,
            messages,
            texts: texts.collect::<Result<_, _>>()?,
        })
    }

    /// One person, or with `$person:*` all regulars and with `$new:*` all newcomers, but those that are excepted.
    fn people(self, state: &State, names: &Names, name: &str) -> Result<Vec<u64>, Trouble> {
        let mut people = match name {
            "$person:*" => names.regulars(self.guild).to_vec(),
            "$new:*" => names.newcomers(self.guild),
            name => vec![names.id(state, self.guild, name)?],
        };
        for name in &self.line.except {
            let except = names.id(state, self.guild, name)?;
            people.retain(|person| *person != except);
        }
        Ok(people)
    }

    fn words(self) -> String {
        let line = self.line;
        let mut words = format!("at {} ms: {}", line.at_ms, line.expect.as_deref().unwrap_or_default());
        let parts = [
            ("in", &line.channel),
            ("on", &line.user),
            ("on", &line.message),
            ("on messages of", &line.author),
        ];
        for (word, name) in parts {
            words.extend(name.iter().map(|name| format!(" {word} {name}")));
        }
        words.extend(line.text.iter().map(|text| format!(" {text:?}")));
        words
    }
}
