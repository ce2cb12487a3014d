//! The settings of one guild.

use guildhall_sdk::{Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "channels": { "type": "array", "items": { "type": "string" }, "description": "Honeypot channels, besides those of /honeypot-setup" },
        "response": { "enum": ["softban", "ban", "timeout", "delete"], "default": "softban" },
        "timeout_hours": { "type": "integer", "minimum": 1, "maximum": 672, "default": 20 },
        "moderator_role": { "type": "string", "description": "Whoever has it is never judged" },
        "log_channel": { "type": "string", "description": "Without it, the channel named mod-log" }
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
    pub(crate) timeout_hours: u32,
    moderator_role: Option<SettingId>,
    log_channel: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            response: Response::default(),
            timeout_hours: 20,
            moderator_role: None,
            log_channel: None,
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }

    pub(crate) fn log_channel(&self) -> Option<Id> {
        self.log_channel.map(|channel| channel.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        assert_eq!((settings.response, settings.timeout_hours), (Response::Softban, 20));
    }

    #[test]
    fn ids_are_texts_or_numbers_and_a_wrong_one_is_named() {
        let settings: Settings = serde_json::from_str(r#"{"channels":["9007199254740993",5]}"#).expect("settings");
        assert_eq!(settings.channels, [SettingId(9_007_199_254_740_993), SettingId(5)]);
        let wrong = serde_json::from_str::<Settings>(r#"{"log_channel":"mod-log"}"#)
            .expect_err("no id")
            .to_string();
        assert!(wrong.contains("mod-log"), "{wrong}");
    }
}
