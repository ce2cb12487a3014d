//! The settings of one guild: every number of the scoring that a moderator may want to move.

use guildhall_sdk::{Id, SettingId};
use serde::Deserialize;

/// JSON Schema of [`Settings`].
pub(crate) const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "low": { "type": "integer", "default": 6, "description": "Points from which a message is logged" },
        "medium": { "type": "integer", "default": 10, "description": "Points from which it is deleted and its author restricted" },
        "high": { "type": "integer", "default": 15, "description": "Points from which its author is timed out" },
        "honeypot": { "type": "integer", "default": 100, "description": "Points from which its author is softbanned" },
        "timeout_hours": { "type": "integer", "minimum": 1, "maximum": 672, "default": 20 },
        "kick_at_report": { "type": "integer", "minimum": 1, "default": 3, "description": "The high report of a user that is a kick" },
        "scam_words": { "type": "array", "items": { "type": "string" } },
        "nsfw_words": { "type": "array", "items": { "type": "string" } },
        "crypto_words": { "type": "array", "items": { "type": "string" } },
        "phishing_words": { "type": "array", "items": { "type": "string" } },
        "safe_words": { "type": "array", "items": { "type": "string" } },
        "honeypot_channels": { "type": "array", "items": { "type": "string" } },
        "moderator_role": { "type": "string", "description": "Whoever has it is never judged" },
        "restricted_role": { "type": "string", "description": "Given at medium" },
        "log_channel": { "type": "string", "description": "Without it, the channel named mod-log" }
    }
}"#;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) low: i32,
    pub(crate) medium: i32,
    pub(crate) high: i32,
    pub(crate) honeypot: i32,
    pub(crate) timeout_hours: u32,
    pub(crate) kick_at_report: u32,
    pub(crate) scam_words: Words,
    pub(crate) nsfw_words: Words,
    pub(crate) crypto_words: Words,
    pub(crate) phishing_words: Words,
    pub(crate) safe_words: Words,
    pub(crate) honeypot_channels: Vec<SettingId>,
    moderator_role: Option<SettingId>,
    restricted_role: Option<SettingId>,
    log_channel: Option<SettingId>,
}

/// A list of words in lower case: the guild's, or the default without a copy.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) enum Words {
    Default(&'static [&'static str]),
    Own(Vec<String>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            low: 6,
            medium: 10,
            high: 15,
            honeypot: 100,
            timeout_hours: 20,
            kick_at_report: 3,
            scam_words: Words::Default(&["nitro", "steam", "gift", "free", "claim", "reward"]),
            nsfw_words: Words::Default(&["18+", "nudes", "onlyfans", "deepfake", "poki"]),
            crypto_words: Words::Default(&["airdrop", "whitelist", "nft", "mint", "dex"]),
            phishing_words: Words::Default(&["verify", "billing", "suspended", "expired"]),
            safe_words: Words::Default(&["forhire", "hiring", "remote", "onsite"]),
            honeypot_channels: Vec::new(),
            moderator_role: None,
            restricted_role: None,
            log_channel: None,
        }
    }
}

impl From<Vec<String>> for Words {
    fn from(words: Vec<String>) -> Self {
        Self::Own(words.into_iter().map(|word| word.to_lowercase()).collect())
    }
}

impl Words {
    /// How many of the words hold true.
    pub(crate) fn count(&self, holds: impl Fn(&str) -> bool) -> usize {
        match self {
            Self::Default(words) => words.iter().filter(|word| holds(word)).count(),
            Self::Own(words) => words.iter().filter(|word| holds(word)).count(),
        }
    }
}

impl Settings {
    pub(crate) fn moderator_role(&self) -> Option<Id> {
        self.moderator_role.map(|role| role.0)
    }

    pub(crate) fn restricted_role(&self) -> Option<Id> {
        self.restricted_role.map(|role| role.0)
    }

    pub(crate) fn log_channel(&self) -> Option<Id> {
        self.log_channel.map(|channel| channel.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guild_changes_one_number_and_keeps_the_rest() {
        let settings: Settings = serde_json::from_str(r#"{"high":20,"scam_words":["Robux"]}"#).expect("settings");
        assert_eq!((settings.low, settings.high), (6, 20));
        assert_eq!(settings.scam_words.count(|word| word == "robux"), 1);
        assert_eq!(settings.nsfw_words.count(|_| true), 5);
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_name() {
        let error = serde_json::from_str::<Settings>(r#"{"hihg":20}"#)
            .expect_err("no such setting")
            .to_string();
        assert!(error.contains("hihg"), "{error}");
    }
}
