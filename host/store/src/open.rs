//! Opening a guild's file: the host's schema, the bounds, and what is kept in memory of it.

use crate::authorizer::Authority;
use crate::cursor::Cursor;
use crate::deadline::SqlDeadline;
use crate::error::{OpenError, StoreError};
use crate::limits::{self, PAGE_BYTES, StoreLimits};
use crate::settings::Settings;
use crate::transaction::{CallState, Undo};
use crate::{gap, migration, schema, settings, timer};
use guildhall_model::{GuildId, UnixMilliseconds};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// VDBE steps between two looks at the deadline.
const PROGRESS_STEPS: i32 = 1000;
/// Bytes of a WAL that is left beside a file that is closed for a while.
const SHORT_WAL: u64 = 64 * PAGE_BYTES;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 24;

/// One guild's open file.
pub struct GuildStore {
    pub(crate) guild: GuildId,
    pub(crate) connection: Connection,
    pub(crate) authority: Authority,
    pub(crate) deadline: SqlDeadline,
    pub(crate) limits: StoreLimits,
    pub(crate) cursor: Cursor,
    pub(crate) call: CallState,
    pub(crate) undo: Undo,
    /// Reused for every statement of a plugin.
    pub(crate) tagged: String,
    /// The last migration of each plugin.
    pub(crate) migrated: BTreeMap<String, u32>,
    pub(crate) settings: BTreeMap<String, Settings>,
    /// Settings that the open transaction changes.
    pub(crate) changed_settings: Vec<(String, Settings)>,
    /// When the earliest timer is due.
    pub(crate) next_timer: Option<UnixMilliseconds>,
    pub(crate) timers_changed: bool,
    /// Whether some history is not caught up; never false by mistake.
    pub(crate) has_gaps: bool,
    pub(crate) gaps_changed: bool,
}

/// A store, and what had to be done to open it.
pub struct Opened {
    /// The store.
    pub store: Box<GuildStore>,
    /// Where a corrupt file was kept; the store is a new, empty one then.
    pub set_aside: Option<PathBuf>,
}

/// The file of a guild in this directory.
pub fn guild_file(directory: &Path, guild: GuildId) -> PathBuf {
    directory.join(format!("{guild}.db"))
}

impl GuildStore {
    /// Opens the guild's file in this directory, making it where there is none. A corrupt one is set aside.
    pub fn open(directory: &Path, guild: GuildId, limits: &StoreLimits) -> Result<Opened, OpenError> {
        let path = guild_file(directory, guild);
        let failed = |source| OpenError::Sqlite {
            guild,
            path: path.clone(),
            source,
        };
        match Self::open_file(&path, guild, limits) {
            Ok(store) => Ok(Opened { store, set_aside: None }),
            Err(Failure::Newer(found)) => Err(OpenError::Newer {
                guild,
                found,
                known: schema::VERSION,
            }),
            Err(Failure::Sqlite(error)) if is_corrupt(&error) => {
                let kept = set_aside(&path).map_err(|source| OpenError::SetAside {
                    guild,
                    path: path.clone(),
                    source,
                })?;
                match Self::open_file(&path, guild, limits) {
                    Ok(store) => Ok(Opened {
                        store,
                        set_aside: Some(kept),
                    }),
                    Err(Failure::Sqlite(error)) => Err(failed(error)),
                    Err(Failure::Newer(found)) => Err(OpenError::Newer {
                        guild,
                        found,
                        known: schema::VERSION,
                    }),
                }
            }
            Err(Failure::Sqlite(error)) => Err(failed(error)),
        }
    }

    fn open_file(path: &Path, guild: GuildId, limits: &StoreLimits) -> Result<Box<Self>, Failure> {
        // One thread at a time uses a store, so SQLite's own locks are left out.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        let synchronous = if limits.synchronous_full { "FULL" } else { "NORMAL" };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = {synchronous};
             PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -{};
             PRAGMA wal_autocheckpoint = {};
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = ON;
             PRAGMA max_page_count = {};",
            limits.cache_kib,
            limits.checkpoint_pages,
            limits.quota_bytes / PAGE_BYTES,
        ))?;
        let found = schema::version(&connection)?;
        if found > schema::VERSION {
            return Err(Failure::Newer(found));
        }
        schema::upgrade(&connection, found)?;
        let cursor = Cursor::load(&connection)?;
        let migrated = migration::load(&connection)?;
        let settings = settings::load(&connection)?;
        let next_timer = timer::next_due(&connection)?;
        let has_gaps = gap::any(&connection)?;

        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Without the planner's stability guarantee SQLite prepares a cached SELECT with a bound LIMIT or range anew
        // at every call, as a parameter's value might allow a better plan: more work than the query itself.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // The replicator reads the WAL, and moves it into the file itself.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, limits.checkpoint_pages == 0)?;
        limits::apply_to(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let authority = Authority::default();
        let judge = authority.clone();
        connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
            judge.authorize(&context)
        }))?;
        let deadline = SqlDeadline::default();
        let watched = deadline.clone();
        connection.progress_handler(PROGRESS_STEPS, Some(move || watched.is_past()))?;
        Ok(Box::new(Self {
            guild,
            connection,
            authority,
            deadline,
            limits: limits.clone(),
            cursor,
            call: CallState::default(),
            undo: Undo::default(),
            tagged: String::new(),
            migrated,
            settings,
            changed_settings: Vec::new(),
            next_timer,
            timers_changed: false,
            has_gaps,
            gaps_changed: false,
        }))
    }

    /// The guild.
    pub fn guild(&self) -> GuildId {
        self.guild
    }

    /// Moves what the WAL holds into the file and empties the WAL.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|source| self.failed(source))
    }

    /// Closes a file that will soon be opened again. A short WAL stays: moving it into the file, with the disk's syncs, takes
    /// longer than reading it again.
    pub(crate) fn close_for_a_while(self) {
        let wal = self.connection.path().map(|path| format!("{path}-wal"));
        let short = wal.is_some_and(|wal| std::fs::metadata(wal).is_ok_and(|wal| wal.len() <= SHORT_WAL));
        let kept = short || self.limits.checkpoint_pages == 0;
        let setting = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        if let Err(error) = self.connection.set_db_config(setting, kept) {
            tracing::warn!(guild = %self.guild, %error, "what becomes of the WAL cannot be chosen");
        }
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> StoreError {
        let guild = self.guild;
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt {
                guild,
                reason: source.to_string(),
            },
            Some(ErrorCode::DiskFull) => StoreError::TransactionLost {
                guild,
                reason: source.to_string(),
            },
            _ => StoreError::Sqlite { guild, source },
        }
    }
}

enum Failure {
    Newer(u32),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Moves a corrupt file and its WAL out of the way, so that nothing of it is lost. The store must be closed.
pub fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let kept = with_suffix(path, &format!(".corrupt-{}", now.as_millis()));
    std::fs::rename(path, &kept)?;
    for companion in ["-wal", "-shm"] {
        match std::fs::rename(with_suffix(path, companion), with_suffix(&kept, companion)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(kept)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
