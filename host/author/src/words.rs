//! A plugin's wishes in words that an operator understands.

use guildhall_model::{EventKind, PluginDescription};
use std::time::Duration;

/// What a plugin wants to be told of.
pub(crate) fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::MessageCreate => "messages",
        EventKind::MessageUpdate => "edits",
        EventKind::MessageDelete => "deletions",
        EventKind::MessageDeleteBulk => "bulk deletions",
        EventKind::MemberAdd => "members who join",
        EventKind::MemberRemove => "members who leave",
        EventKind::MemberUpdate => "changes of members",
        EventKind::BanAdd => "bans",
        EventKind::BanRemove => "lifted bans",
        EventKind::ReactionAdd => "reactions",
        EventKind::ReactionRemove => "reactions that are taken back",
        EventKind::AutomodExecution => "what Discord's automod does",
        EventKind::AuditLogEntry => "the audit log",
        EventKind::InteractionCreate => "its commands, buttons and forms",
        EventKind::ThreadCreate => "new threads",
        EventKind::GuildCreate => "the guild's becoming available",
        EventKind::GuildUpdate => "changes of the guild",
        EventKind::Timer => "its timers",
        EventKind::Signal => "signals of other plugins",
        EventKind::ActionResult => "what came of its actions",
        EventKind::UserFlagged => "users whom other guilds flagged",
    }
}

/// All that a plugin wants, a line each.
pub(crate) fn wishes(description: &PluginDescription) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |what: &str, items: Vec<String>| {
        if !items.is_empty() {
            lines.push(format!("{what} {}", items.join(", ")));
        }
    };
    let names = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    tell(
        "is told of",
        description.events.iter().map(|kind| event(*kind).to_owned()).collect(),
    );
    for wanted in &description.capabilities {
        tell("may", vec![wanted.in_words().to_owned()]);
    }
    tell(
        "has the commands",
        description.commands.iter().map(|json| command(json)).collect(),
    );
    let timers = description.timers.iter().map(|timer| {
        let every = humantime::format_duration(Duration::from_secs(timer.every_seconds.into()));
        format!("{} (every {every})", timer.name)
    });
    tell("is woken by the timers", timers.collect());
    tell("takes signals on", names(&description.topics));
    tell("emits signals on", names(&description.emits));
    tell("reads the tables of", names(&description.readable_plugins));
    tell("asks the hosts", names(&description.http_hosts));
    if !description.migrations.is_empty() {
        tell("keeps rows in tables", vec![format!("{}…", description.table_prefix())]);
    }
    lines
}

/// A command as people use it. Discord, Application Command Types: 2 is used on a user, 3 on a message.
fn command(json: &str) -> String {
    let command: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let name = command["name"].as_str().unwrap_or("?");
    match command["type"].as_u64() {
        Some(2) => format!("\"{name}\" on users"),
        Some(3) => format!("\"{name}\" on messages"),
        _ => format!("/{name}"),
    }
}
