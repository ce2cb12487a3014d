//! The settings of one guild: every number of the scoring, each with its default and what it means. One list makes the
//! fields, the defaults and the JSON Schema, so that they cannot differ.

use guildhall_sdk::{Id, SettingId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

macro_rules! settings {
    (
        numbers { $($number:ident: $kind:ident = $default:literal, $minimum:literal..=$maximum:literal, $about:literal;)* }
        words { $($list:ident = $words:expr, $words_about:literal;)* }
        roles { $($role:ident, $role_about:literal;)* }
        id_lists { $($ids:ident, $ids_about:literal;)* }
    ) => {
        #[derive(Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct Settings {
            $(pub(crate) $number: $kind,)*
            $(pub(crate) $list: Words,)*
            $($role: Option<SettingId>,)*
            $(pub(crate) $ids: Vec<SettingId>,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($number: $default,)*
                    $($list: Words::Default($words),)*
                    $($role: None,)*
                    $($ids: Vec::new(),)*
                }
            }
        }

        impl Settings {
            $(pub(crate) fn $role(&self) -> Option<Id> {
                self.$role.map(|role| role.0)
            })*
        }

        /// JSON Schema of [`Settings`].
        pub(crate) fn schema() -> String {
            let mut properties = Map::new();
            let mut add = |name: &str, property: Value| properties.insert(name.into(), property);
            $(add(stringify!($number), json!({
                "type": "integer", "minimum": $minimum, "maximum": $maximum, "default": $default, "description": $about,
            }));)*
            $(add(stringify!($list), json!({
                "type": "array", "items": { "type": "string" }, "default": listed($words), "description": $words_about,
            }));)*
            $(add(stringify!($role), json!({ "type": "string", "description": $role_about }));)*
            $(add(stringify!($ids), json!({
                "type": "array", "items": { "type": "string" }, "description": $ids_about,
            }));)*
            json!({ "type": "object", "additionalProperties": false, "properties": properties }).to_string()
        }
    };
}

settings! {
    numbers {
        low: i32 = 6, 1..=1000, "Points from which a message is logged";
        medium: i32 = 10, 1..=1000, "Points from which it is deleted and its author restricted";
        high: i32 = 15, 1..=1000, "Points from which its author is timed out";
        honeypot: i32 = 100, 1..=1000, "Points from which its author is softbanned";

        low_quiet_minutes: u32 = 10, 0..=1440, "Minutes in which a user's further low messages are not logged anew, unless they score higher";
        timeout_hours: u32 = 20, 1..=672, "How long a timeout lasts";
        kick_at_report: u32 = 3, 1..=1000, "The high report of a user in this server that is a kick";
        flagged_in_guilds: u32 = 3, 1..=100, "Servers in which a user was flagged from which this one times them out";

        points_scam_word: i32 = 1, -100..=100, "For each of the scam words that stands in the text";
        points_nsfw_word: i32 = 1, -100..=100, "For each of the nsfw words that stands in the text";
        points_crypto_word: i32 = 1, -100..=100, "For each of the crypto words that stands in the text";
        points_phishing_word: i32 = 1, -100..=100, "For each of the phishing words that stands in the text";
        points_safe_word: i32 = -10, -100..=100, "Once, when a safe word stands in the text as a whole word";

        points_mass_ping: i32 = 5, -100..=100, "For @everyone, and for @here";
        points_mentions: i32 = 2, -100..=100, "For mentioning many different users";
        many_mentions: u32 = 3, 0..=100, "More different users than this are many";
        points_mention_flood: i32 = 5, -100..=100, "On top, for mentioning very many different users and roles";
        mention_flood: u32 = 10, 0..=100, "More different users and roles than this are very many";
        points_zalgo: i32 = 3, -100..=100, "For text that is piled up with combining marks";
        zalgo_percent: u32 = 20, 1..=100, "Percent of combining marks above which a text is piled up";

        points_link_imitation: i32 = 5, -100..=100, "For a link whose host imitates a well-known one";
        points_link_masked: i32 = 4, -100..=100, "For a link whose text names another host than it leads to";
        points_link_invite: i32 = 2, -100..=100, "For an invite to a server";
        points_link_shortened: i32 = 1, -100..=100, "For a link of a shortening service, which hides where it leads";
        points_link_many: i32 = 2, -100..=100, "For many links that do not lead to known hosts";
        many_links: u32 = 3, 0..=100, "More such links than this are many";

        points_account_1_day: i32 = 2, -100..=100, "For an account younger than a day";
        points_account_7_days: i32 = 2, -100..=100, "For an account younger than 7 days, and not younger than a day";
        points_account_30_days: i32 = 1, -100..=100, "For an account younger than 30 days, and not younger than 7";
        points_joined_1_hour: i32 = 2, -100..=100, "For a member of less than an hour";
        points_joined_24_hours: i32 = 2, -100..=100, "For a member of less than 24 hours, and not less than one";
        points_joined_7_days: i32 = 1, -100..=100, "For a member of less than 7 days, and not less than one";

        points_cross_channel: i32 = 15, -100..=100, "For the same message in several channels; replaces what hopping, repetition and speed give";
        cross_channel_messages: u32 = 3, 2..=20, "Copies of a message that cross-channel spam needs";
        cross_channel_channels: u32 = 3, 2..=20, "Channels that cross-channel spam needs";
        cross_channel_seconds: u32 = 60, 1..=1800, "Seconds within which cross-channel spam happens";
        points_file_wave: i32 = 15, -100..=100, "For the same files sent anew in as many channels; replaces the same";
        points_hop_fast: i32 = 4, -100..=100, "For writing in several channels quickly";
        hop_fast_channels: u32 = 3, 2..=20, "Channels that fast hopping needs";
        hop_fast_seconds: u32 = 60, 1..=1800, "Seconds within which fast hopping happens";
        points_hop_slow: i32 = 3, -100..=100, "For writing in many channels, when it was no fast hopping";
        hop_slow_channels: u32 = 5, 2..=20, "Channels that slow hopping needs";
        hop_slow_seconds: u32 = 300, 1..=1800, "Seconds within which slow hopping happens";
        points_duplicate: i32 = 5, -100..=100, "For the same message again";
        duplicate_messages: u32 = 2, 2..=20, "Copies of a message that repetition needs";
        duplicate_seconds: u32 = 300, 1..=1800, "Seconds within which repetition happens";
        points_rapid_fire: i32 = 3, -100..=100, "For many messages at once";
        rapid_fire_messages: u32 = 5, 2..=20, "Messages that rapid fire needs";
        rapid_fire_seconds: u32 = 30, 1..=1800, "Seconds within which rapid fire happens";

        points_honeypot: i32 = 100, -1000..=1000, "For a message in one of the honeypot channels; nothing else counts then";

        points_trusted: i32 = -5, -100..=0, "For a trusted member, unless the same message stands in very many channels";
        trusted_after_days: u32 = 7, 0..=3650, "Days after which a member is trusted whose account is at least 30 days old";
        trusted_wave_channels: u32 = 5, 2..=20, "Channels with the same message from which trust does not help any more";
        short_text: u32 = 12, 0..=2000, "Characters up to which a text that brings nothing along may be repeated";
    }
    words {
        scam_words = &["nitro", "steam", "gift", "free", "claim", "reward"], "Each counts once, wherever it stands";
        nsfw_words = &["18+", "nudes", "onlyfans", "deepfake", "poki"], "Each counts once, wherever it stands";
        crypto_words = &["airdrop", "whitelist", "nft", "mint", "dex"], "Each counts once, wherever it stands";
        phishing_words = &["verify", "billing", "suspended", "expired"], "Each counts once, wherever it stands";
        safe_words = &["forhire", "hiring", "remote", "onsite"], "Words of job posts; only whole words count";
        known_hosts = &[], "Hosts whose links are harmless, besides the usual ones; what stands below them counts too";
    }
    roles {
        moderator_role, "Whoever has it is never judged; without it, the server's moderator role";
        restricted_role, "Given at medium; without it, the server's restricted role";
    }
    id_lists {
        honeypot_channels, "Channels in which nobody should write, where the honeypot plugin is not used";
        trusted_roles, "Members with one of these roles are trusted from the first day";
    }
}

fn listed(words: &'static [&'static str]) -> &'static [&'static str] {
    words
}

/// A list of words in lower case: the guild's, or the default without a copy.
#[derive(Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub(crate) enum Words {
    Default(&'static [&'static str]),
    Own(Vec<String>),
}

impl From<Vec<String>> for Words {
    fn from(words: Vec<String>) -> Self {
        let words = words.iter().map(|word| word.trim().to_lowercase());
        // An empty word would stand in every text.
        Self::Own(words.filter(|word| !word.is_empty()).collect())
    }
}

impl Words {
    /// The words that hold true.
    pub(crate) fn matching(&self, holds: impl Fn(&str) -> bool) -> Vec<&str> {
        match self {
            Self::Default(words) => words.iter().copied().filter(|word| holds(word)).collect(),
            Self::Own(words) => words.iter().map(String::as_str).filter(|word| holds(word)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guild_changes_one_number_and_keeps_the_rest() {
        let settings: Settings = serde_json::from_str(r#"{"high":20,"scam_words":["Robux",""]}"#).expect("settings");
        assert_eq!((settings.low, settings.high), (6, 20));
        assert_eq!(settings.scam_words.matching(|_| true), ["robux"]);
        assert_eq!(settings.nsfw_words.matching(|_| true).len(), 5);
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_name() {
        let error = serde_json::from_str::<Settings>(r#"{"hihg":20}"#)
            .expect_err("no such setting")
            .to_string();
        assert!(error.contains("hihg"), "{error}");
    }

    #[test]
    fn the_schema_has_every_setting_and_its_defaults_are_those_that_hold() {
        let schema: Value = serde_json::from_str(&schema()).expect("JSON");
        let properties = schema["properties"].as_object().expect("properties");
        let defaults: Map<String, Value> = properties
            .iter()
            .filter_map(|(name, property)| Some((name.clone(), property.get("default")?.clone())))
            .collect();
        let settings: Settings = serde_json::from_value(defaults.into()).expect("settings");
        assert_eq!((settings.points_safe_word, settings.points_cross_channel), (-10, 15));
        assert_eq!(
            settings.safe_words.matching(|_| true),
            Settings::default().safe_words.matching(|_| true)
        );
        assert!(properties.values().all(|property| property["description"].is_string()));
    }
}
