//! The settings of one guild, and what is taken from the settings that all plugins share.

use guildhall_sdk::{Context, Id, KeptSettings, SettingId, Timestamp};
use serde::Deserialize;
use std::rc::Rc;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "log_channel": { "type": "string", "description": "The channel of the users' deletion threads; without it the server's deletion-log channel" },
        "ignored_channels": { "type": "array", "items": { "type": "string" }, "description": "Channels and categories of which nothing is kept or logged; threads go with their channel" },
        "log_edits": { "type": "boolean", "default": true, "description": "Whether edits are logged besides deletions" },
        "forward": { "type": "boolean", "default": false, "description": "Whether every entry is forwarded to the log channel, besides standing in the user's thread" },
        "content_minutes": { "type": "integer", "minimum": 1, "maximum": 1440, "default": 60, "description": "How long what a message says is kept after it was sent or edited" },
        "row_hours": { "type": "integer", "minimum": 1, "maximum": 168, "default": 24, "description": "How long it is known who wrote a message" },
        "max_messages": { "type": "integer", "minimum": 100, "maximum": 500000, "default": 100000, "description": "Messages that are known at most; the oldest go first" },
        "audit_tries": { "type": "integer", "minimum": 0, "maximum": 10, "default": 3, "description": "How often the audit log is asked who deleted a message; 0 never asks" },
        "audit_delay_milliseconds": { "type": "integer", "minimum": 0, "maximum": 10000, "default": 100, "description": "From the deletion to the first question" },
        "audit_pause_milliseconds": { "type": "integer", "minimum": 100, "maximum": 10000, "default": 500, "description": "From one question to the next" },
        "audit_window_seconds": { "type": "integer", "minimum": 1, "maximum": 60, "default": 5, "description": "How far apart a deletion and its audit log entry may be" },
        "quiet_seconds": { "type": "integer", "minimum": 1, "maximum": 60, "default": 10, "description": "Quiet after which deleted messages of unknown authors are told in one line" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    log_channel: Option<SettingId>,
    ignored_channels: Vec<SettingId>,
    pub(crate) log_edits: bool,
    pub(crate) forward: bool,
    content_minutes: u32,
    row_hours: u32,
    pub(crate) max_messages: u32,
    pub(crate) audit_tries: u32,
    audit_delay_milliseconds: u32,
    audit_pause_milliseconds: u32,
    audit_window_seconds: u32,
    quiet_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_channel: None,
            ignored_channels: Vec::new(),
            log_edits: true,
            forward: false,
            content_minutes: 60,
            row_hours: 24,
            max_messages: 100_000,
            audit_tries: 3,
            audit_delay_milliseconds: 100,
            audit_pause_milliseconds: 500,
            audit_window_seconds: 5,
            quiet_seconds: 10,
        }
    }
}

thread_local! {
    static SETTINGS: KeptSettings<Settings> = const { KeptSettings::new() };
}

impl Settings {
    /// Settings that cannot be read must not cost an entry.
    pub(crate) fn of(context: &Context) -> Rc<Self> {
        SETTINGS.with(|kept| kept.read(context)).unwrap_or_else(|error| {
            context.warn(&format!("the defaults serve: {error}"));
            Rc::default()
        })
    }

    /// Whether there is anywhere to log: without it nothing is kept. Asked for every message.
    pub(crate) fn is_on(&self, context: &Context) -> bool {
        self.log_channel.is_some() || context.common().deletion_log_channel.is_some()
    }

    /// The first of the own channel and the server's that is still there.
    pub(crate) fn log_channel(&self, context: &Context) -> Option<Id> {
        let is_there = |channel: &Id| context.info().is_none() || context.channel(*channel).is_some();
        let own = self.log_channel.map(|channel| channel.0).filter(is_there);
        own.or_else(|| context.common().deletion_log_channel.filter(is_there))
    }

    /// Whether nothing of this channel is kept: it, its channel where it is a thread, or its category is named.
    pub(crate) fn ignores(&self, context: &Context, channel: Id) -> bool {
        if self.ignored_channels.is_empty() {
            return false;
        }
        let mut next = Some(channel);
        // A thread, its channel, its category.
        for _ in 0..3 {
            let Some(channel) = next else { break };
            if self.ignored_channels.iter().any(|ignored| ignored.0 == channel) {
                return true;
            }
            next = context.channel(channel).and_then(|channel| channel.parent);
        }
        false
    }

    pub(crate) fn content_kept(&self) -> Timestamp {
        u64::from(self.content_minutes) * 60_000
    }

    /// Never shorter than the content.
    pub(crate) fn row_kept(&self) -> Timestamp {
        (u64::from(self.row_hours) * 3_600_000).max(self.content_kept())
    }

    pub(crate) fn audit_delay(&self) -> Timestamp {
        self.audit_delay_milliseconds.into()
    }

    pub(crate) fn audit_pause(&self) -> Timestamp {
        self.audit_pause_milliseconds.into()
    }

    pub(crate) fn audit_window(&self) -> Timestamp {
        u64::from(self.audit_window_seconds) * 1000
    }

    pub(crate) fn quiet(&self) -> Timestamp {
        u64::from(self.quiet_seconds) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let default = |name: &str| schema["properties"][name]["default"].clone();
        assert_eq!(default("log_edits"), settings.log_edits);
        assert_eq!(default("forward"), settings.forward);
        for (name, value) in [
            ("content_minutes", settings.content_minutes),
            ("row_hours", settings.row_hours),
            ("max_messages", settings.max_messages),
            ("audit_tries", settings.audit_tries),
            ("audit_delay_milliseconds", settings.audit_delay_milliseconds),
            ("audit_pause_milliseconds", settings.audit_pause_milliseconds),
            ("audit_window_seconds", settings.audit_window_seconds),
            ("quiet_seconds", settings.quiet_seconds),
        ] {
            assert_eq!(default(name), value, "{name}");
        }
    }
}
