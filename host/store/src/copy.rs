//! A consistent copy of a guild's file, also of one that its worker is writing: page by page, on a connection of its
//! own, so that the worker does not wait. It never changes what the file says.

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Pages between two looks at whether the copy is still wanted: a mebibyte.
const PAGES: i32 = 256;
/// Another process may hold the file for as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no copy. What was written of it is for the caller to remove.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It is not wanted any more.
    #[error("the copy was given up")]
    GivenUp,
    /// SQLite cannot read the file, or cannot write the copy.
    #[error("the file cannot be copied: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Copies a guild's file as it is at one moment, what its WAL holds included. Gives up soon after `given_up` becomes true.
/// Blocks. The file must not be replaced or moved meanwhile; writing to it is fine.
pub fn copy_file(from: &Path, to: &Path, given_up: &AtomicBool) -> Result<(), CopyError> {
    // Not read-only: the last connection to close a file moves the WAL into it, and this one may be the last.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(PATIENCE)?;
    // One transaction over all steps: without it the copy begins anew whenever the guild is written to.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open(to)?;
    // The copy is synced by whoever keeps it.
    target.execute_batch("PRAGMA synchronous = OFF")?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        if given_up.load(Ordering::Relaxed) {
            return Err(CopyError::GivenUp);
        }
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // The target is nobody else's, so it is the source that is locked for a moment.
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;
    use crate::{GuildStore, StoreLimits};
    use guildhall_model::GuildId;

    #[test]
    fn a_copy_of_a_file_that_is_being_written_is_whole_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("a directory");
        let (guild, copy) = (GuildId(7), directory.path().join("copy"));
        let mut store = GuildStore::open(directory.path(), guild, &StoreLimits::default())
            .expect("it opens")
            .store;
        store.set_settings("before", "{}").expect("it is kept");
        let file = crate::guild_file(directory.path(), guild);
        copy_file(&file, &copy, &AtomicBool::new(false)).expect("it is copied while it is open");
        store.set_settings("after", "{}").expect("the worker goes on");
        store.checkpoint().expect("nobody reads any more");
        let copied = inspect(&copy).expect("it is a guild's file");
        assert_eq!(copied.problems, Vec::<String>::new());
        assert_eq!(copied.tables["guildhall_settings"], 1);
        let given_up = copy_file(&file, &directory.path().join("other"), &AtomicBool::new(true));
        assert!(matches!(given_up, Err(CopyError::GivenUp)));
    }
}
