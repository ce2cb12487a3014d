//! A copy of a guild's file that takes the place of the guild's live one: an import, a restore, a migration. It begins
//! without an epoch, so that it is never taken for the guild before it was put in place; and from the file that it
//! replaces it takes over where the guild stands with Discord.

use crate::error::{OpenError, StoreError};
use crate::limits::StoreLimits;
use crate::open::GuildStore;
use guildhall_model::GuildId;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// What becomes of actions in the copy that had not left for Discord when it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitingActions {
    /// They are sent once the copy is in place: for a copy of a guild that stands still.
    Send,
    /// They are left out: the live guild has sent them since.
    LeaveOut,
}

/// Why a copy cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be synced.
    #[error("the guild's file cannot be synced to the disk: {0}")]
    Sync(#[from] std::io::Error),
}

/// Makes the copy `<directory>/<guild>.db` ready to be put in place: brings its schema up to date, takes the epoch out
/// of it, and syncs it. Answers how many actions were left out. Blocks.
pub fn ready_to_place(
    directory: &Path,
    guild: GuildId,
    limits: &StoreLimits,
    actions: WaitingActions,
) -> Result<u64, ReadyError> {
    let mut store = GuildStore::open(directory, guild, limits)?.store;
    let waiting = store.count_actions()?;
    if actions == WaitingActions::LeaveOut {
        store.run("DELETE FROM guildhall_outbox")?;
    }
    store.run("DELETE FROM guildhall_owner")?;
    store.checkpoint()?;
    drop(store);
    std::fs::File::open(crate::guild_file(directory, guild))?.sync_all()?;
    Ok(if actions == WaitingActions::LeaveOut {
        waiting
    } else {
        0
    })
}

impl GuildStore {
    /// Takes over from the file that this one replaces where the guild stands with Discord: which events and
    /// interactions were applied (they stay applied), how Discord last described it, and which numbers actions have had (the next one must not
    /// be taken for an earlier one). The store is to be opened anew afterwards.
    pub fn take_over(&mut self, replaced: &Self) -> Result<(), StoreError> {
        let standing = Standing::of(&replaced.connection).map_err(|source| replaced.failed(source))?;
        if let Some(json) = replaced.snapshot()? {
            self.keep_snapshot(&json)?;
        }
        standing.write(&self.connection).map_err(|source| self.failed(source))
    }
}

/// Where a guild stands with Discord, as rows that are written as they were read.
struct Standing {
    cursor: Vec<(String, i64, i64)>,
    interactions: Vec<(i64, i64)>,
    last_action: Option<i64>,
}

impl Standing {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let cursor = connection
            .prepare("SELECT session, sequence, advanced_at FROM guildhall_cursor")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let interactions = connection
            .prepare("SELECT id, taken_at FROM guildhall_interactions")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let last_action = connection
            .query_row(
                "SELECT seq FROM sqlite_sequence WHERE name = 'guildhall_outbox'",
                [],
                |row| row.get(0),
            )
            .optional()?;
        Ok(Self {
            cursor,
            interactions,
            last_action,
        })
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for row in &self.cursor {
            connection.execute(
                "INSERT INTO guildhall_cursor (session, sequence, advanced_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (session) DO UPDATE SET sequence = max(sequence, ?2), advanced_at = ?3",
                (&row.0, row.1, row.2),
            )?;
        }
        for row in &self.interactions {
            connection.execute(
                "INSERT OR IGNORE INTO guildhall_interactions (id, taken_at) VALUES (?1, ?2)",
                *row,
            )?;
        }
        if let Some(last_action) = self.last_action {
            // A table has no row here before it has given a number.
            connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'guildhall_outbox', 0
                 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'guildhall_outbox')",
                [],
            )?;
            connection.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'guildhall_outbox'",
                [last_action],
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::{Action, SessionPosition, SubmittedAction};

    const GUILD: GuildId = GuildId(7);

    fn open(directory: &Path) -> Box<GuildStore> {
        GuildStore::open(directory, GUILD, &StoreLimits::default())
            .expect("it opens")
            .store
    }

    fn act(store: &mut GuildStore, sequence: u64) -> i64 {
        let action = SubmittedAction {
            action: Action::DeleteMessages {
                channel: Default::default(),
                messages: Vec::new(),
            },
            reason: None,
            token: None,
        };
        store.begin(crate::Undo::Batch).expect("it begins");
        let entry = store.add_action("a", action, "n".into(), 1).expect("it is added");
        store.advance(&SessionPosition {
            session: "s".into(),
            sequence,
        });
        store.commit(1).expect("it commits");
        entry.id
    }

    #[test]
    fn a_copy_goes_on_where_the_replaced_file_stood_and_sends_nothing_again() {
        let (live, copy) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let mut store = open(live.path());
        act(&mut store, 5);
        let file = crate::guild_file(live.path(), GUILD);
        let copied = crate::guild_file(copy.path(), GUILD);
        crate::copy_file(&file, &copied, &Default::default()).expect("it is copied");
        let last = act(&mut store, 9);
        store.set_epoch(4).expect("it is kept");
        let left_out = ready_to_place(copy.path(), GUILD, &StoreLimits::default(), WaitingActions::LeaveOut);
        assert_eq!(left_out.expect("it is ready"), 1);
        let mut placed = open(copy.path());
        placed.take_over(&store).expect("it takes over");
        drop(placed);
        let mut placed = open(copy.path());
        assert_eq!(placed.epoch().expect("it is read"), 0);
        assert_eq!(placed.count_actions().expect("it is read"), 0);
        assert!(placed.is_applied(&SessionPosition {
            session: "s".into(),
            sequence: 9
        }));
        assert!(act(&mut placed, 10) > last, "its number was never given before");
    }
}
