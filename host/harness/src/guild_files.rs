//! The guilds' files as they lie on the disk after a pod has stopped.

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// A directory of guild files.
pub struct GuildFiles {
    files: Vec<PathBuf>,
}

/// What the `tally` plugin counted, over all guilds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Messages that were applied at least once.
    pub messages: u64,
    /// Messages that were applied more than once.
    pub repeated: u64,
}

impl GuildFiles {
    /// Finds them.
    pub fn open(directory: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).with_context(|| format!("{}", directory.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "db") {
                files.push(path);
            }
        }
        files.sort();
        Ok(Self { files })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// What `tally` counted.
    pub fn tally(&self) -> Result<Tally> {
        self.files.iter().try_fold(Tally::default(), |sum, file| {
            let (messages, repeated) = connect(file)?
                .query_row(
                    "SELECT count(*), coalesce(sum(times > 1), 0) FROM tally_messages",
                    [],
                    |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)),
                )
                .with_context(|| format!("{} has no tally", file.display()))?;
            Ok(Tally {
                messages: sum.messages + messages,
                repeated: sum.repeated + repeated,
            })
        })
    }

    /// Rows in all tables of plugins.
    pub fn plugin_rows(&self) -> Result<u64> {
        let mut rows = 0;
        for file in &self.files {
            let connection = connect(file)?;
            let tables = connection
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'guildhall!_%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")?
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            for table in tables {
                rows += connection.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| {
                    row.get::<_, u64>(0)
                })?;
            }
        }
        Ok(rows)
    }

    /// Actions that wait in the outboxes.
    pub fn waiting_actions(&self) -> Result<u64> {
        self.sum("SELECT count(*) FROM guildhall_outbox")
    }

    /// The sum of a query's one number over all files.
    pub fn sum(&self, sql: &str) -> Result<u64> {
        self.files.iter().try_fold(0, |sum, file| {
            Ok(sum + connect(file)?.query_row(sql, [], |row| row.get::<_, u64>(0))?)
        })
    }
}

fn connect(file: &Path) -> Result<Connection> {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).with_context(|| format!("{}", file.display()))
}
