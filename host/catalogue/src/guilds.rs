//! In which guilds a plugin is enabled.

use guildhall_model::GuildId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The guilds of a plugin. Guilds that the bot joins later belong to `All` and `Except`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Guilds {
    /// Every guild.
    #[default]
    All,
    /// Only these.
    Only {
        /// Their ids.
        #[serde(with = "ids_as_text")]
        ids: BTreeSet<GuildId>,
    },
    /// Every guild but these.
    Except {
        /// Their ids.
        #[serde(with = "ids_as_text")]
        ids: BTreeSet<GuildId>,
    },
}

impl Guilds {
    /// No guild.
    pub fn none() -> Self {
        Self::Only { ids: BTreeSet::new() }
    }

    /// Whether the plugin is enabled in this guild.
    pub fn contains(&self, guild: GuildId) -> bool {
        match self {
            Self::All => true,
            Self::Only { ids } => ids.contains(&guild),
            Self::Except { ids } => !ids.contains(&guild),
        }
    }

    /// Enables the plugin in this guild; answers whether that is new.
    pub fn enable(&mut self, guild: GuildId) -> bool {
        match self {
            Self::All => false,
            Self::Only { ids } => ids.insert(guild),
            Self::Except { ids } => {
                let was_disabled = ids.remove(&guild);
                if ids.is_empty() {
                    *self = Self::All;
                }
                was_disabled
            }
        }
    }

    /// Disables the plugin in this guild; answers whether that is new.
    pub fn disable(&mut self, guild: GuildId) -> bool {
        match self {
            Self::All => {
                *self = Self::Except {
                    ids: BTreeSet::from([guild]),
                };
                true
            }
            Self::Only { ids } => ids.remove(&guild),
            Self::Except { ids } => ids.insert(guild),
        }
    }
}

/// Ids as text: JavaScript's numbers are too short for them.
mod ids_as_text {
    use guildhall_model::GuildId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::collections::BTreeSet;

    pub(super) fn serialize<S: Serializer>(ids: &BTreeSet<GuildId>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(ids.iter().map(GuildId::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<GuildId>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| {
                text.parse()
                    .map_err(|_| D::Error::custom(format!("{text:?} is not a guild's id")))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guild_is_enabled_and_disabled_whatever_holds_for_the_others() {
        let (one, other) = (GuildId(1), GuildId(2));
        for mut guilds in [Guilds::All, Guilds::none()] {
            let others = guilds.contains(other);
            guilds.enable(one);
            assert!(guilds.contains(one));
            assert!(guilds.disable(one) && !guilds.contains(one));
            assert!(!guilds.disable(one), "it is disabled already");
            assert!(guilds.enable(one) && guilds.contains(one));
            assert_eq!(guilds.contains(other), others);
        }
    }

    #[test]
    fn ids_are_text_in_the_file() {
        let guilds = Guilds::Except {
            ids: BTreeSet::from([GuildId(197_038_439_483_310_086)]),
        };
        let text = serde_json::to_string(&guilds).expect("JSON");
        assert_eq!(text, r#"{"mode":"except","ids":["197038439483310086"]}"#);
        assert_eq!(serde_json::from_str::<Guilds>(&text).expect("read"), guilds);
        let wrong = serde_json::from_str::<Guilds>(r#"{"mode":"only","ids":["mine"]}"#);
        assert!(wrong.expect_err("no id").to_string().contains("\"mine\""));
    }
}
