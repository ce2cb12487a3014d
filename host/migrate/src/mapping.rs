//! The mapping: a TOML file that users adapt. It is checked before the database is opened.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The mapping that is used where none is given.
pub const DEFAULT_MAPPING: &str = include_str!("../modbot.toml");

/// What no target may start with: the host's tables, and SQLite's.
const RESERVED: [&str; 2] = ["guildhall_", "sqlite_"];

/// How tables become tables of guild files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What a target starts with where none is named.
    #[serde(default = "default_prefix")]
    pub(crate) prefix: String,
    /// What tells the guild in tables that are not named.
    #[serde(default = "default_guild_column")]
    pub(crate) guild_column: String,
    #[serde(default)]
    pub(crate) lookups: BTreeMap<String, Vec<LookupSource>>,
    #[serde(default)]
    pub(crate) tables: BTreeMap<String, TableMapping>,
    /// Tables that stay where they are, each with the reason.
    #[serde(default)]
    pub(crate) left_behind: BTreeMap<String, String>,
}

/// A table that knows which guild a key belongs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupSource {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) guild: String,
}

/// One table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableMapping {
    pub(crate) guild: GuildPath,
    #[serde(default)]
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) columns: BTreeMap<String, Conversion>,
    #[serde(default)]
    pub(crate) rename: BTreeMap<String, String>,
}

/// How a row's guild is found: a column of its own, or a lookup by another one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuildPath {
    pub(crate) column: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) lookup: Option<String>,
}

/// What is done to a column's values.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Conversion {
    /// Nothing.
    #[default]
    Keep,
    /// ISO text becomes milliseconds since the Unix epoch.
    Milliseconds,
    /// Digits become a number.
    Integer,
    /// It must be JSON, and is kept.
    Json,
}

/// What is wrong with a mapping.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It is not TOML, or has keys that are not known, or lacks some.
    #[error("the mapping cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// It makes no sense.
    #[error("mapping, {place}: {reason}")]
    Wrong {
        /// The key.
        place: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
}

fn default_prefix() -> String {
    "modbot_".into()
}

fn default_guild_column() -> String {
    "guild_id".into()
}

impl Mapping {
    /// Reads and checks a mapping.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mapping: Self = toml::from_str(text)?;
        check_target("prefix", &mapping.prefix)?;
        let mut targets = BTreeSet::new();
        for (name, table) in &mapping.tables {
            let place = format!("tables.{name}");
            let target = mapping.target(name);
            check_target(&format!("{place}.target"), &target)?;
            if !targets.insert(target.to_ascii_lowercase()) {
                return Err(wrong(
                    &place,
                    format!("another table becomes `{target}` too; name another `target`"),
                ));
            }
            table.guild.check(&format!("{place}.guild"), &mapping)?;
            if mapping.left_behind.contains_key(name) {
                return Err(wrong(
                    &place,
                    "it stands in `left_behind` too; take it out of one".into(),
                ));
            }
        }
        Ok(mapping)
    }

    /// The table that this one becomes.
    pub(crate) fn target(&self, table: &str) -> String {
        let named = self.tables.get(table).and_then(|mapping| mapping.target.clone());
        named.unwrap_or_else(|| {
            let letters = table.chars().map(|letter| match letter {
                'a'..='z' | '0'..='9' | '_' => letter,
                'A'..='Z' => letter.to_ascii_lowercase(),
                _ => '_',
            });
            format!("{}{}", self.prefix, letters.collect::<String>())
        })
    }
}

impl GuildPath {
    fn check(&self, place: &str, mapping: &Mapping) -> Result<(), MappingError> {
        match (&self.column, &self.by, &self.lookup) {
            (Some(_), None, None) => Ok(()),
            (None, Some(_), Some(lookup)) if mapping.lookups.contains_key(lookup) => Ok(()),
            (None, Some(_), Some(lookup)) => Err(wrong(place, format!("there is no `lookups.{lookup}`"))),
            _ => Err(wrong(
                place,
                "write { column = \"guild_id\" }, or { by = \"channel_id\", lookup = \"channel\" }".into(),
            )),
        }
    }
}

fn check_target(place: &str, target: &str) -> Result<(), MappingError> {
    let fits = target.starts_with(|first: char| first.is_ascii_lowercase())
        && target.contains('_')
        && target
            .bytes()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if !fits {
        let reason =
            format!("{target:?} must be a plugin's id and an underscore, in small letters, digits and underscores");
        return Err(wrong(place, reason));
    }
    if let Some(reserved) = RESERVED.iter().find(|reserved| target.starts_with(**reserved)) {
        return Err(wrong(
            place,
            format!("{target:?}: names with `{reserved}` are not for plugins"),
        ));
    }
    Ok(())
}

pub(crate) fn wrong(place: &str, reason: String) -> MappingError {
    MappingError::Wrong {
        place: place.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Mapping::parse(text).expect_err("it is wrong").to_string()
    }

    #[test]
    fn the_default_is_right() {
        let mapping = Mapping::parse(DEFAULT_MAPPING).expect("it is right");
        assert_eq!(mapping.target("message_stats"), "modbot_message_stats");
        assert_eq!(mapping.target("Odd Name"), "modbot_odd_name");
    }

    #[test]
    fn a_complaint_names_the_key_and_what_it_wants() {
        let unknown = complaint("[tables.a]\nguild = { column = \"g\" }\ntarger = \"x_a\"");
        assert!(unknown.contains("targer"), "{unknown}");
        let missing = complaint("[tables.a]\ntarget = \"x_a\"");
        assert!(missing.contains("guild"), "{missing}");
        let half = complaint("[tables.a]\nguild = { by = \"g\" }");
        assert!(half.contains("tables.a.guild") && half.contains("lookup"), "{half}");
        let lookup = complaint("[tables.a]\nguild = { by = \"g\", lookup = \"nowhere\" }");
        assert!(lookup.contains("lookups.nowhere"), "{lookup}");
        let host = complaint("[tables.a]\nguild = { column = \"g\" }\ntarget = \"guildhall_outbox\"");
        assert!(host.contains("guildhall_"), "{host}");
        let conversion = complaint("[tables.a]\nguild = { column = \"g\" }\ncolumns = { at = \"date\" }");
        assert!(
            conversion.contains("date") && conversion.contains("milliseconds"),
            "{conversion}"
        );
        let twice = complaint(
            "[tables.a]\nguild = { column = \"g\" }\ntarget = \"x_a\"\n[tables.b]\nguild = { column = \"g\" }\ntarget = \"x_a\"",
        );
        assert!(twice.contains("x_a"), "{twice}");
    }
}
