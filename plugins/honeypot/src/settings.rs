//! The settings of one guild.

use guildhall_sdk::{Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "channels": { "type": "array", "items": { "type": "string" }, "description": "Ids of honeypot channels, besides those of /honeypot-setup. Where there are neither, a text channel named honeypot is one" },
        "response": { "enum": ["softban", "ban", "timeout", "delete"], "default": "softban", "description": "What happens to whoever writes there. A softban deletes their messages of the last days, and they may come back" },
        "purge_days": { "type": "integer", "minimum": 0, "maximum": 7, "default": 7, "description": "Days of messages that a softban or ban deletes" },
        "timeout_hours": { "type": "integer", "minimum": 1, "maximum": 672, "default": 20, "description": "How long a timeout lasts, where the response is one" },
        "moderator_role": { "type": "string", "description": "Whoever has it may write there; without it, the server's moderator role" }
    }
}"#;

/// What happens to whoever writes in a honeypot.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Response {
    /// A ban that deletes messages, lifted at once.
    #[default]
    Softban,
    /// A ban that deletes messages.
    Ban,
    /// A timeout.
    Timeout,
    /// Only the message goes.
    Delete,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) channels: Vec<SettingId>,
    pub(crate) response: Response,
    pub(crate) purge_days: u32,
    pub(crate) timeout_hours: u32,
    moderator_role: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            response: Response::default(),
            purge_days: 7,
            timeout_hours: 20,
            moderator_role: None,
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        assert_eq!(
            (settings.response, settings.purge_days, settings.timeout_hours),
            (Response::Softban, 7, 20)
        );
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let defaults = |name: &str| schema["properties"][name]["default"].clone();
        assert_eq!(
            (defaults("response"), defaults("purge_days")),
            ("softban".into(), 7.into())
        );
    }

    #[test]
    fn ids_are_texts_or_numbers_and_a_wrong_one_is_named() {
        let settings: Settings = serde_json::from_str(r#"{"channels":["9007199254740993",5]}"#).expect("settings");
        assert_eq!(settings.channels, [SettingId(9_007_199_254_740_993), SettingId(5)]);
        let wrong = serde_json::from_str::<Settings>(r#"{"moderator_role":"staff"}"#)
            .expect_err("no id")
            .to_string();
        assert!(wrong.contains("staff"), "{wrong}");
    }
}
