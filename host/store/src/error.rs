//! What can go wrong with a guild's file, sorted by what the caller does about it.

use guildhall_model::GuildId;
use std::path::PathBuf;

/// Why a guild's file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of Guildhall wrote the file.
    #[error(
        "guild {guild}: the file has schema {found}, this binary knows {known}; run the newer version of Guildhall"
    )]
    Newer {
        /// The guild.
        guild: GuildId,
        /// The file's schema.
        found: u32,
        /// The newest that this binary knows.
        known: u32,
    },
    /// SQLite cannot open it.
    #[error("guild {guild}: {path} cannot be opened ({source}); check the disk and the directory's permissions")]
    Sqlite {
        /// The guild.
        guild: GuildId,
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// A corrupt file cannot be moved aside.
    #[error("guild {guild}: {path} is corrupt and cannot be set aside ({source}); check the directory's permissions")]
    SetAside {
        /// The guild.
        guild: GuildId,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Why the host's own work on a guild's file failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite rolled the whole transaction back (a full disk or quota): run the batch again without the culprit.
    #[error("guild {guild}: SQLite gave the transaction up: {reason}")]
    TransactionLost {
        /// The guild.
        guild: GuildId,
        /// SQLite's words.
        reason: String,
    },
    /// A plugin's migration failed; the file is as it was before.
    #[error("guild {guild}: migration {version} of plugin `{plugin}` failed: {reason}")]
    Migration {
        /// The guild.
        guild: GuildId,
        /// The plugin.
        plugin: String,
        /// The migration.
        version: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is damaged: set it aside and go on with a new one.
    #[error("guild {guild}: the file is corrupt: {reason}")]
    Corrupt {
        /// The guild.
        guild: GuildId,
        /// SQLite's words.
        reason: String,
    },
    /// SQLite failed.
    #[error("guild {guild}: SQLite failed: {source}")]
    Sqlite {
        /// The guild.
        guild: GuildId,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// A stored action is unreadable.
    #[error("guild {guild}: outbox entry {id} is not an action that this version knows")]
    Action {
        /// The guild.
        guild: GuildId,
        /// The entry.
        id: i64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
