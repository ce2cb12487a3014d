//! The settings of one guild: quorum, hours, and what the results of a vote do.

use guildhall_sdk::{Context, Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "quorum": { "type": "integer", "minimum": 1, "maximum": 50, "description": "Votes for one choice that decide early; without it the guild's common quorum, else 3. Votes that are open keep the quorum that they began with" },
        "longest_hours": { "type": "integer", "minimum": 1, "maximum": 336, "default": 36, "description": "Hours after which a vote without votes ends by itself" },
        "hours_per_vote": { "type": "integer", "minimum": 0, "maximum": 336, "default": 4, "description": "Each vote brings the end so many hours nearer" },
        "timeout_hours": { "type": "integer", "minimum": 1, "maximum": 672, "default": 20, "description": "How long 'Timeout overnight' lasts" },
        "ban_delete_hours": { "type": "integer", "minimum": 0, "maximum": 168, "default": 0, "description": "A ban by vote deletes the user's messages of so many hours" },
        "keep_days": { "type": "integer", "minimum": 1, "maximum": 3650, "default": 365, "description": "How long votes that are over are kept" },
        "moderator_role": { "type": "string", "description": "Whoever has it may vote; without it the guild's common moderator role" },
        "restricted_role": { "type": "string", "description": "What 'Restrict' gives; without it the guild's common restricted role" }
    }
}"#;

/// Votes for one choice that decide early, where the guild has not said.
const QUORUM: u32 = 3;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    quorum: Option<u32>,
    pub(crate) longest_hours: u32,
    pub(crate) hours_per_vote: u32,
    pub(crate) timeout_hours: u32,
    pub(crate) ban_delete_hours: u32,
    pub(crate) keep_days: u32,
    moderator_role: Option<SettingId>,
    restricted_role: Option<SettingId>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quorum: None,
            longest_hours: 36,
            hours_per_vote: 4,
            timeout_hours: 20,
            ban_delete_hours: 0,
            keep_days: 365,
            moderator_role: None,
            restricted_role: None,
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }

    /// Votes for one choice that decide early.
    pub(crate) fn quorum(&self, context: &Context) -> u32 {
        self.quorum.or_else(|| context.common().quorum).unwrap_or(QUORUM).max(1)
    }

    /// What *Restrict* gives; none where no such role is set, or the guild has it no more.
    pub(crate) fn restricted_role(&self, context: &Context) -> Option<Id> {
        let role = self.restricted_role.map(|role| role.0);
        let role = role.or_else(|| context.common().restricted_role)?;
        context.roles().iter().any(|known| known.id == role).then_some(role)
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
        assert_eq!(default("longest_hours"), Some(settings.longest_hours.into()));
        assert_eq!(default("hours_per_vote"), Some(settings.hours_per_vote.into()));
        assert_eq!(default("timeout_hours"), Some(settings.timeout_hours.into()));
        assert_eq!(default("ban_delete_hours"), Some(settings.ban_delete_hours.into()));
        assert_eq!(default("keep_days"), Some(settings.keep_days.into()));
    }
}
