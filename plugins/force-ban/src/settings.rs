//! The settings of one guild.

use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "delete_message_hours": { "type": "integer", "minimum": 0, "maximum": 168, "default": 0, "description": "Hours of the user's messages that a ban deletes; 0 leaves them" }
    }
}"#;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) delete_message_hours: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_schema() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let property = &schema["properties"]["delete_message_hours"];
        assert_eq!(property["default"], Settings::default().delete_message_hours);
        assert!(serde_json::from_str::<Settings>(r#"{"hours":1}"#).is_err());
    }
}
