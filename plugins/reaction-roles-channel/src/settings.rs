//! The settings of one guild.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "threshold": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 1, "description": "Reactions that forward a message, where /setup-reactji-channel is called without a threshold" },
        "forward_private": { "type": "boolean", "default": false, "description": "Whether messages of private threads, and of channels that not everyone sees, may be forwarded into channels that everyone sees" },
        "names": { "type": "integer", "minimum": 1, "maximum": 50, "default": 20, "description": "How many of those who reacted are named below a forwarded message; the others are counted" },
        "keep_days": { "type": "integer", "minimum": 1, "maximum": 90, "default": 14, "description": "Days for which reactions are remembered one by one. Older messages are counted by asking Discord, which does not tell bots apart" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) threshold: u32,
    pub(crate) forward_private: bool,
    pub(crate) names: usize,
    keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold: 1,
            forward_private: false,
            names: 20,
            keep_days: 14,
        }
    }
}

impl Settings {
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
        assert_eq!(default("threshold"), settings.threshold);
        assert_eq!(default("forward_private"), settings.forward_private);
        assert_eq!(default("names"), settings.names);
        assert_eq!(default("keep_days"), settings.keep_days);
    }
}
