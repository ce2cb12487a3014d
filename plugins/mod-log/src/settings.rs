//! The settings of one guild, and what is taken from the settings that all plugins share.

use guildhall_sdk::{Context, Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "log_channel": { "type": "string", "description": "The channel of the users' threads; without it the server's mod-log channel" },
        "forward": { "type": "boolean", "default": true, "description": "Whether every entry is forwarded to the log channel, besides standing in the user's thread" },
        "summary_characters": { "type": "integer", "minimum": 0, "maximum": 500, "default": 80, "description": "Characters of a reported message in the line below its forward; 0 leaves the line out" },
        "timeout_hours": { "type": "integer", "minimum": 1, "maximum": 672, "default": 20, "description": "How long the button Timeout lasts" },
        "ban_delete_message_hours": { "type": "integer", "minimum": 0, "maximum": 168, "default": 0, "description": "How far back the button Ban deletes messages" },
        "restricted_role": { "type": "string", "description": "What the button Restrict gives; without it the server's restricted role" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    log_channel: Option<SettingId>,
    pub(crate) forward: bool,
    pub(crate) summary_characters: usize,
    pub(crate) timeout_hours: u32,
    pub(crate) ban_delete_message_hours: u32,
    restricted_role: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_channel: None,
            forward: true,
            summary_characters: 80,
            timeout_hours: 20,
            ban_delete_message_hours: 0,
            restricted_role: None,
        }
    }
}

impl Settings {
    /// Settings that cannot be read must not cost a report.
    pub(crate) fn of(context: &Context) -> Self {
        context.settings().unwrap_or_else(|error| {
            context.warn(&format!("the defaults serve: {error}"));
            Self::default()
        })
    }

    /// The first of the own channel, the server's, and the one named `mod-log` that is still there.
    pub(crate) fn log_channel(&self, context: &Context) -> Option<Id> {
        let is_there = |channel: &Id| context.info().is_none() || context.channel(*channel).is_some();
        let own = self.log_channel.map(|channel| channel.0).filter(is_there);
        own.or_else(|| context.common().log_channel.filter(is_there))
            .or_else(|| context.text_channel_named("mod-log"))
    }

    /// What [Restrict] gives, were it there.
    pub(crate) fn restricted_role(&self, context: &Context) -> Option<Id> {
        self.restricted_role
            .map(|role| role.0)
            .or_else(|| context.common().restricted_role)
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
        assert_eq!(default("forward"), settings.forward);
        assert_eq!(default("summary_characters"), settings.summary_characters);
        assert_eq!(default("timeout_hours"), settings.timeout_hours);
        assert_eq!(default("ban_delete_message_hours"), settings.ban_delete_message_hours);
    }
}
