//! The settings of one guild.

use crate::place::Place;
use guildhall_sdk::{Id, KeptSettings, SettingId};
use serde::Deserialize;

thread_local! {
    /// Read for every message.
    pub(crate) static SETTINGS: KeptSettings<Settings> = const { KeptSettings::new() };
}

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "ignored_channels": { "type": "array", "items": { "type": "string" }, "default": [], "description": "Channels, threads and categories in which nothing is counted" },
        "keep_days": { "type": "integer", "minimum": 7, "maximum": 365, "default": 90, "description": "Days for which the numbers of each single message are kept" },
        "keep_messages": { "type": "integer", "minimum": 1000, "maximum": 400000, "default": 200000, "description": "Messages whose numbers are kept at most; the oldest days go first" },
        "keep_member_days": { "type": "integer", "minimum": 100, "maximum": 800, "default": 400, "description": "Days for which each member's figures of a day are kept; those of the server and its channels stay" },
        "top_for_everyone": { "type": "boolean", "default": true, "description": "Whether every member may see /activity top, or staff alone" },
        "moderator_role": { "type": "string", "description": "Whoever has it is staff here; without it, the role of /setup" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) ignored_channels: Vec<SettingId>,
    pub(crate) keep_days: u64,
    pub(crate) keep_messages: u64,
    pub(crate) keep_member_days: u64,
    pub(crate) top_for_everyone: bool,
    moderator_role: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ignored_channels: Vec::new(),
            keep_days: 90,
            keep_messages: 200_000,
            keep_member_days: 400,
            top_for_everyone: true,
            moderator_role: None,
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }

    /// Whether nothing is counted there.
    pub(crate) fn ignores(&self, channel: Id, place: Place) -> bool {
        self.ignored_channels
            .iter()
            .any(|ignored| [Some(channel), place.parent, place.category].contains(&Some(ignored.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let documented = |key: &str| schema["properties"][key]["default"].clone();
        assert_eq!(documented("keep_days"), settings.keep_days);
        assert_eq!(documented("keep_messages"), settings.keep_messages);
        assert_eq!(documented("keep_member_days"), settings.keep_member_days);
        assert_eq!(documented("top_for_everyone"), settings.top_for_everyone);
        assert!(!settings.ignores(1, Place::default()));
    }

    #[test]
    fn a_channel_is_ignored_by_itself_its_parent_or_its_category() {
        let settings: Settings = serde_json::from_str(r#"{"ignored_channels":["7"]}"#).expect("settings");
        let place = |parent, category| Place { parent, category };
        assert!(settings.ignores(7, Place::default()));
        assert!(settings.ignores(1, place(Some(7), Some(2))));
        assert!(settings.ignores(1, place(None, Some(7))));
        assert!(!settings.ignores(1, place(Some(3), Some(2))));
    }
}
