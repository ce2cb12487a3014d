//! The settings of one guild.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "wait_seconds": { "type": "integer", "minimum": 1, "maximum": 60, "default": 5, "description": "How many seconds what happened and the audit log's entry for it may lie apart. An action is logged without a moderator's name when the audit log says nothing by then" },
        "keep_days": { "type": "integer", "minimum": 1, "maximum": 3650, "default": 730, "description": "Days for which actions are kept for /modreport. Entries in threads stay" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    wait_seconds: u32,
    pub(crate) keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait_seconds: 5,
            keep_days: 730,
        }
    }
}

impl Settings {
    pub(crate) fn wait(&self) -> u64 {
        u64::from(self.wait_seconds) * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_json_and_tells_the_defaults() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        assert_eq!(schema["properties"]["wait_seconds"]["default"], settings.wait_seconds);
        assert_eq!(schema["properties"]["keep_days"]["default"], settings.keep_days);
    }
}
