//! What an export says of itself, before the database that it is about.

use guildhall_model::{GuildId, UnixMilliseconds};
use guildhall_store::Inspection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the container that this binary writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// `manifest.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Manifest {
    /// The container's version.
    pub format: u32,
    /// The Guildhall that wrote it.
    pub guildhall: String,
    /// The guild, as text: JavaScript's numbers are too short for it.
    #[serde(with = "id_as_text")]
    pub guild: GuildId,
    /// When the copy was made, in milliseconds since the Unix epoch.
    pub exported_at: UnixMilliseconds,
    /// The host's schema in the database.
    pub schema: u32,
    /// The epoch in which the guild's owner had taken it up; 0 outside of a fleet.
    pub epoch: i64,
    /// The last migration of each plugin that has one.
    pub plugins: BTreeMap<String, u32>,
    /// Rows of every table.
    pub tables: BTreeMap<String, u64>,
    /// Bytes of `guild.db`.
    pub bytes: u64,
    /// SHA-256 of `guild.db`, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub(crate) fn new(
        guild: GuildId,
        found: &Inspection,
        exported_at: UnixMilliseconds,
        bytes: u64,
        sha256: String,
    ) -> Self {
        Self {
            format: FORMAT,
            guildhall: env!("CARGO_PKG_VERSION").into(),
            guild,
            exported_at,
            schema: found.schema,
            epoch: found.epoch,
            plugins: found.plugins.clone(),
            tables: found.tables.clone(),
            bytes,
            sha256,
        }
    }
}

/// A guild's id as text.
mod id_as_text {
    use guildhall_model::GuildId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(id: &GuildId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GuildId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is not a guild's id: a number as text")))
    }
}
