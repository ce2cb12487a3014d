//! The settings of one guild.

use guildhall_sdk::{Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "reports_per_hour": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 10, "description": "Messages that one member may report within an hour" },
        "recent_days": { "type": "integer", "minimum": 1, "maximum": 365, "default": 30, "description": "What /modreport calls recent" },
        "timeline": { "type": "integer", "minimum": 1, "maximum": 25, "default": 10, "description": "Mod actions that /modreport shows" },
        "moderator_role": { "type": "string", "description": "Whoever has it may use Track and /modreport; without it the guild's common moderator role" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) reports_per_hour: u32,
    pub(crate) recent_days: u32,
    pub(crate) timeline: u32,
    moderator_role: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reports_per_hour: 10,
            recent_days: 30,
            timeline: 10,
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
    fn nothing_set_means_the_defaults_of_the_schema() {
        let settings: Settings = serde_json::from_str("{}").expect("settings");
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let default = |name: &str| schema["properties"][name]["default"].as_u64();
        assert_eq!(default("reports_per_hour"), Some(settings.reports_per_hour.into()));
        assert_eq!(default("recent_days"), Some(settings.recent_days.into()));
        assert_eq!(default("timeline"), Some(settings.timeline.into()));
    }
}
