//! The settings of one guild.

use guildhall_sdk::{Context, Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "moderator_role": { "type": "string", "description": "Notified of tickets whose button names no role; its members may close every ticket. Without it, the guild's moderator role" },
        "log_channel": { "type": "string", "description": "Where closed tickets and their transcripts are logged. Without it, the guild's mod-log channel" },
        "shortest": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 30, "description": "Characters that a concern must have" },
        "longest": { "type": "integer", "minimum": 1, "maximum": 1500, "default": 500, "description": "Characters that a concern may have" },
        "tickets_per_day": { "type": "integer", "minimum": 1, "maximum": 100, "default": 3, "description": "Tickets that one member may open within 24 hours" },
        "transcript": { "type": "boolean", "default": true, "description": "Whether a transcript is attached in the log when a ticket closes" },
        "transcript_messages": { "type": "integer", "minimum": 1, "maximum": 2000, "default": 500, "description": "Messages that a transcript holds at most, the newest" },
        "keep_days": { "type": "integer", "minimum": 1, "maximum": 3650, "default": 365, "description": "Days for which closed tickets are kept in the table. Threads and transcripts stay in Discord" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    moderator_role: Option<SettingId>,
    log_channel: Option<SettingId>,
    shortest: u16,
    longest: u16,
    pub(crate) tickets_per_day: u64,
    pub(crate) transcript: bool,
    pub(crate) transcript_messages: u64,
    keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            moderator_role: None,
            log_channel: None,
            shortest: 30,
            longest: 500,
            tickets_per_day: 3,
            transcript: true,
            transcript_messages: 500,
            keep_days: 365,
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }

    pub(crate) fn log_channel(&self, context: &Context) -> Option<Id> {
        self.log_channel
            .map(|channel| channel.0)
            .or_else(|| context.log_channel())
    }

    /// Characters of a concern: at least, at most. Discord takes no bounds that contradict each other.
    pub(crate) fn concern_length(&self) -> (u16, u16) {
        (self.shortest.min(self.longest), self.longest)
    }

    /// In milliseconds.
    pub(crate) fn keep(&self) -> u64 {
        u64::from(self.keep_days) * 24 * 3_600_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_json_and_tells_the_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        let default = |name: &str| schema["properties"][name]["default"].clone();
        assert_eq!(default("shortest"), settings.shortest);
        assert_eq!(default("longest"), settings.longest);
        assert_eq!(default("tickets_per_day"), settings.tickets_per_day);
        assert_eq!(default("transcript"), settings.transcript);
        assert_eq!(default("transcript_messages"), settings.transcript_messages);
        assert_eq!(default("keep_days"), settings.keep_days);
    }

    #[test]
    fn bounds_that_contradict_each_other_are_mended() {
        let settings: Settings = serde_json::from_str(r#"{"shortest":100,"longest":50}"#).expect("settings");
        assert_eq!(settings.concern_length(), (50, 50));
    }
}
