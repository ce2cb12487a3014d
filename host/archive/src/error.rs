//! What can be wrong with an export. Every message says what to do; nothing was changed by any of them.

use guildhall_model::GuildId;
use std::path::PathBuf;

/// Why an export was not written. No file of its name was touched.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database is not whole.
    #[error("the file of guild {guild} is not whole, so it is not exported: {}", .problems.join("; "))]
    NotWhole {
        /// The guild.
        guild: GuildId,
        /// What is wrong with it.
        problems: Vec<String>,
    },
    /// SQLite cannot read the database.
    #[error("the copy of the guild's file cannot be read: {0}")]
    Sqlite(String),
    /// The disk.
    #[error("{} cannot be written: {source}", .path.display())]
    Disk {
        /// The export.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// Why an export is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    File {
        /// The export.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// What was read cannot be kept.
    #[error("there is no room for what is in the export, at {}: {source}", .path.display())]
    Disk {
        /// Where it was to be unpacked.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{} is not an export of a guild ({reason}); `guildhall guild export` writes them", .path.display())]
    NotAnExport {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The end is missing.
    #[error("{} ends too soon: it was cut off, or is still being written; export or copy it again", .0.display())]
    Truncated(PathBuf),
    /// A later version wrote it.
    #[error("{} has {what} {found}, and this binary knows {known}; use the newer version of Guildhall", .path.display())]
    Newer {
        /// The export.
        path: PathBuf,
        /// The container's format, or the database's schema.
        what: &'static str,
        /// In the export.
        found: u32,
        /// In this binary.
        known: u32,
    },
    /// It is not what was exported.
    #[error("{} is damaged: {reason}; export or copy it again", .path.display())]
    Damaged {
        /// The export.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// It is about another guild.
    #[error("{} is an export of guild {found}, and not of guild {wanted}", .path.display())]
    OtherGuild {
        /// The export.
        path: PathBuf,
        /// Whose it is.
        found: GuildId,
        /// Whose it should be.
        wanted: GuildId,
    },
}
