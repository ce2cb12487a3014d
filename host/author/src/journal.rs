//! What a bot did at a simulation, in a line for people.

use guildhall_sim::JournalEntry;
use serde_json::Value;

/// Bytes of a text that are shown.
const SHOWN: usize = 200;

/// A request of the bot: `-> delete-message channel=… messages=[…]`.
pub fn told(entry: &JournalEntry) -> String {
    let mut line = format!("-> {}", entry.route);
    let mut add = |what: &str, value: String| line.push_str(&format!(" {what}={value}"));
    if let Some(guild) = entry.guild {
        add("guild", guild.to_string());
    }
    if let Some(channel) = entry.channel {
        add("channel", channel.to_string());
    }
    if let Some(user) = entry.user {
        add("user", user.to_string());
    }
    if !entry.messages.is_empty() {
        add("messages", format!("{:?}", entry.messages));
    }
    if let Some(until) = entry.body["communication_disabled_until"].as_str() {
        add("until", until.to_owned());
    }
    if let Some(reason) = &entry.reason {
        add("reason", format!("{reason:?}"));
    }
    if let Some(text) = content(&entry.body) {
        add("content", format!("{:?}", shortened(text)));
    }
    if !(200..300).contains(&entry.status) {
        add("refused", format!("{} (code {})", entry.status, entry.code));
    }
    line
}

fn content(body: &Value) -> Option<&str> {
    body["content"]
        .as_str()
        .or(body["data"]["content"].as_str())
        .filter(|text| !text.is_empty())
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

/// Whether this is something that a plugin asked for, and not what every host asks at its start.
pub fn is_an_action(entry: &JournalEntry) -> bool {
    entry.method != "GET" || entry.guild.is_some()
}
