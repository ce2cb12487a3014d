//! The settings of one guild.

use guildhall_sdk::SettingId;
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "ignored_rules": { "type": "array", "items": { "type": "string" }, "default": [], "description": "Ids of automod rules that are not reported, only counted" },
        "repeat_minutes": { "type": "integer", "minimum": 1, "maximum": 1440, "default": 10, "description": "For this long after a report, the same rule acting on the same user again is summed up in one entry at the end instead of being reported anew" },
        "keep_days": { "type": "integer", "minimum": 1, "maximum": 3650, "default": 180, "description": "Days for which what automod did is kept in the table. Reports in threads stay" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    ignored_rules: Vec<SettingId>,
    repeat_minutes: u32,
    keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ignored_rules: Vec::new(),
            repeat_minutes: 10,
            keep_days: 180,
        }
    }
}

impl Settings {
    pub(crate) fn ignores(&self, rule: u64) -> bool {
        self.ignored_rules.iter().any(|ignored| ignored.0 == rule)
    }

    /// In milliseconds.
    pub(crate) fn repeat(&self) -> u64 {
        u64::from(self.repeat_minutes) * 60_000
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
        assert_eq!(
            schema["properties"]["repeat_minutes"]["default"],
            settings.repeat_minutes
        );
        assert_eq!(schema["properties"]["keep_days"]["default"], settings.keep_days);
        assert!(!settings.ignores(1));
    }

    #[test]
    fn a_rule_is_ignored_by_its_id() {
        let settings: Settings = serde_json::from_str(r#"{"ignored_rules":["5"]}"#).expect("settings");
        assert!(settings.ignores(5) && !settings.ignores(6));
    }
}
