//! What a plugin wants, in words for people who know Discord and nothing of the contract.

use guildhall_catalogue::{Grant, Right};
use guildhall_model::{ANY_TOPIC, EventKind, PluginDescription};

/// One line of what a plugin wants, under a heading.
pub(super) struct Line {
    pub(super) heading: &'static str,
    pub(super) text: String,
    /// What is granted with it; none for what needs no consent.
    pub(super) right: Option<Right>,
}

/// All that a plugin wants, in a steady order.
pub(super) fn lines(description: &PluginDescription) -> Vec<Line> {
    let mut lines: Vec<Line> = Grant::wanted_by(description)
        .rights()
        .into_iter()
        .map(|right| {
            let (heading, text) = words(&right);
            Line {
                heading,
                text,
                right: Some(right),
            }
        })
        .collect();
    let mut also = |heading, text| {
        lines.push(Line {
            heading,
            text,
            right: None,
        });
    };
    let tables = tables(description);
    if !tables.is_empty() {
        also("keep tables of its own in every guild's file", tables.join(", "));
    }
    for timer in &description.timers {
        let every = humantime::format_duration(std::time::Duration::from_secs(timer.every_seconds.into()));
        also("be called regularly", format!("every {every} ({})", timer.name));
    }
    lines
}

/// A right's heading, and the right itself.
pub(super) fn words(right: &Right) -> (&'static str, String) {
    match right {
        Right::Capability(capability) => ("do at Discord", capability.in_words().to_owned()),
        Right::Event(event) => ("be told of", event_words(*event).to_owned()),
        Right::Command(name) => ("offer commands", name.clone()),
        Right::Topic(topic) => ("receive other plugins' signals", topic.clone()),
        Right::Emit(topic) if topic == ANY_TOPIC => ("send signals to other plugins", "of any topic".into()),
        Right::Emit(topic) => ("send signals to other plugins", topic.clone()),
        Right::Read(plugin) => ("read other plugins' tables", plugin.clone()),
        Right::Host(host) => ("ask hosts on the internet", host.clone()),
    }
}

fn event_words(event: EventKind) -> &'static str {
    match event {
        EventKind::MessageCreate => "every message, with its text",
        EventKind::MessageUpdate => "edited messages, with their text",
        EventKind::MessageDelete => "deleted messages",
        EventKind::MessageDeleteBulk => "messages deleted all at once",
        EventKind::MemberAdd => "members who join",
        EventKind::MemberRemove => "members who leave",
        EventKind::MemberUpdate => "changes of members",
        EventKind::BanAdd => "bans",
        EventKind::BanRemove => "bans that are lifted",
        EventKind::ReactionAdd => "reactions",
        EventKind::ReactionRemove => "reactions that are taken away",
        EventKind::AutomodExecution => "what Discord's AutoMod does, with the text",
        EventKind::AuditLogEntry => "the audit log",
        EventKind::InteractionCreate => "commands, buttons and forms that are used",
        EventKind::ThreadCreate => "new threads",
        EventKind::GuildCreate => "the guild, when it becomes available",
        EventKind::GuildUpdate => "changes of the guild",
        EventKind::Timer => "its timers",
        EventKind::Signal => "signals",
        EventKind::ActionResult => "what came of its actions",
        EventKind::UserFlagged => "users whom other guilds have flagged",
    }
}

/// The tables that its migrations make, by their text; what they are allowed to make is the store's to say.
fn tables(description: &PluginDescription) -> Vec<String> {
    let mut tables = Vec::new();
    for migration in &description.migrations {
        let words: Vec<&str> = migration
            .sql
            .split(|letter: char| letter.is_whitespace() || letter == '(')
            .filter(|word| !word.is_empty())
            .collect();
        for (place, word) in words.iter().enumerate() {
            let makes = place > 0 && word.eq_ignore_ascii_case("table") && {
                let before = words[place - 1];
                before.eq_ignore_ascii_case("create") || before.eq_ignore_ascii_case("virtual")
            };
            let optional = ["if", "not", "exists"];
            let name = words[place + 1..]
                .iter()
                .find(|word| !optional.iter().any(|optional| word.eq_ignore_ascii_case(optional)));
            if let (true, Some(name)) = (makes, name) {
                tables.push(name.trim_matches(['"', '`', '[', ']']).to_owned());
            }
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::Migration;
    use std::collections::BTreeSet;

    #[test]
    fn tables_are_named_as_the_migrations_make_them() {
        let sql = |version, sql: &str| Migration {
            version,
            sql: sql.into(),
        };
        let description = PluginDescription {
            id: "a".into(),
            version: "1.0.0".into(),
            events: BTreeSet::new(),
            commands: Vec::new(),
            settings_schema: "{}".into(),
            settings_migrations: Vec::new(),
            capabilities: BTreeSet::new(),
            migrations: vec![
                sql(
                    1,
                    "CREATE TABLE a_rows(id INTEGER); create table if not exists \"a_more\" (x)",
                ),
                sql(
                    2,
                    "CREATE VIRTUAL TABLE a_text USING fts5(body); ALTER TABLE a_rows ADD COLUMN y; DROP TABLE a_more",
                ),
            ],
            timers: Vec::new(),
            topics: BTreeSet::new(),
            emits: BTreeSet::new(),
            readable_plugins: BTreeSet::new(),
            http_hosts: BTreeSet::new(),
        };
        assert_eq!(tables(&description), ["a_rows", "a_more", "a_text"]);
    }
}
