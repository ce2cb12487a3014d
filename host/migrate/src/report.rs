//! What a migration tells: for people line by line while it runs, for programs as one JSON value at its end.

use guildhall_model::GuildId;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What came of a database.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether nothing was put in place because nothing should be.
    pub dry_run: bool,
    /// Every guild that was looked at, in the order of ids.
    pub guilds: Vec<GuildReport>,
    /// Tables that stay where they are.
    pub left_behind: Vec<LeftBehind>,
    /// Rows whose guild cannot be told; they stay where they are.
    pub without_guild: Vec<WithoutGuild>,
    /// Tables of the mapping that the database does not have.
    pub absent: Vec<String>,
    /// Rows that were carried over, or would be.
    pub rows: u64,
    /// Whether every guild that was asked for is migrated, or would be.
    pub complete: bool,
}

/// What came of a guild.
#[derive(Debug, Serialize)]
pub struct GuildReport {
    /// The guild.
    #[serde(serialize_with = "as_text")]
    pub guild: GuildId,
    /// In one word.
    pub outcome: Outcome,
    /// Where it is, or why it is not.
    pub detail: String,
    /// Bytes of its file.
    pub bytes: u64,
    /// Its tables; those without rows are not made.
    pub tables: Vec<TableReport>,
}

/// What came of a guild, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in place.
    Migrated,
    /// It would be: this was a dry run.
    WouldMigrate,
    /// An earlier run has done it.
    DoneBefore,
    /// It has data where it would go, or has changed since it was done.
    Refused,
    /// It could not be built, checked or put in place.
    Failed,
}

/// What came of a table in a guild.
#[derive(Debug, Serialize)]
pub struct TableReport {
    /// The old table.
    pub source: String,
    /// The table in the guild's file.
    pub target: String,
    /// Rows of the guild in the old table.
    pub rows_in_source: u64,
    /// Rows in the guild's file.
    pub rows_written: u64,
    /// Over the old rows, converted.
    pub checksum_of_source: String,
    /// Over the rows in the guild's file.
    pub checksum_written: String,
    /// Values that did not fit their conversion and were kept as they are, by column.
    pub kept_as_found: BTreeMap<String, u64>,
}

/// A table that stays where it is.
#[derive(Debug, Serialize)]
pub struct LeftBehind {
    /// The table.
    pub table: String,
    /// Its rows; none where it has none of its own.
    pub rows: Option<u64>,
    /// Why.
    pub reason: String,
}

/// Rows of a table whose guild cannot be told.
#[derive(Debug, Serialize)]
pub struct WithoutGuild {
    /// The table.
    pub table: String,
    /// How many.
    pub rows: u64,
    /// What stands where the guild should, as SQL writes it: the most frequent first, a few of them.
    pub examples: Vec<String>,
}

impl TableReport {
    /// Whether what was written is what was read.
    pub fn is_equal(&self) -> bool {
        self.rows_in_source == self.rows_written && self.checksum_of_source == self.checksum_written
    }
}

impl GuildReport {
    /// Whether this run has migrated it, or would.
    pub fn is_carried(&self) -> bool {
        matches!(self.outcome, Outcome::Migrated | Outcome::WouldMigrate)
    }

    /// Rows that were written into its file.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows_written).sum()
    }
}

impl Report {
    /// Guilds of this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.guilds.iter().filter(|guild| guild.outcome == outcome).count()
    }
}

fn as_text<S: Serializer>(id: &GuildId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
