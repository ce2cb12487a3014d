//! The last event applied, per session. It is written once a transaction and read from memory.

use guildhall_model::{SessionPosition, UnixMilliseconds};
use rusqlite::Connection;
use std::sync::Arc;

/// Sessions that a cursor remembers: the running one, and those before it that Discord may still replay.
const SESSIONS: u32 = 4;

#[derive(Debug, Default)]
pub(crate) struct Cursor {
    committed: Vec<SessionPosition>,
    /// Of the open transaction.
    pending: Vec<SessionPosition>,
}

impl Cursor {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let committed = connection
            .prepare("SELECT session, sequence FROM guildhall_cursor")?
            .query_map([], |row| {
                let session: Arc<str> = row.get::<_, String>(0)?.into();
                Ok(SessionPosition {
                    session,
                    sequence: row.get(1)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            committed,
            pending: Vec::new(),
        })
    }

    /// Whether the event at this position, or a later one of its session, was applied.
    pub(crate) fn covers(&self, position: &SessionPosition) -> bool {
        self.pending
            .iter()
            .chain(&self.committed)
            .any(|known| known.session == position.session && position.sequence <= known.sequence)
    }

    pub(crate) fn advance(&mut self, position: &SessionPosition) {
        merge(&mut self.pending, position);
    }

    /// Writes what advanced; part of the running transaction.
    pub(crate) fn write(&self, connection: &Connection, now: UnixMilliseconds) -> rusqlite::Result<()> {
        for position in &self.pending {
            connection
                .prepare_cached(
                    "INSERT INTO guildhall_cursor (session, sequence, advanced_at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (session) DO UPDATE SET sequence = ?2, advanced_at = ?3",
                )?
                .execute((&*position.session, position.sequence, now))?;
            if !self.committed.iter().any(|known| known.session == position.session) {
                connection.execute(
                    "DELETE FROM guildhall_cursor WHERE session NOT IN
                     (SELECT session FROM guildhall_cursor ORDER BY advanced_at DESC, sequence DESC LIMIT ?1)",
                    [SESSIONS],
                )?;
            }
        }
        Ok(())
    }

    pub(crate) fn committed(&mut self) {
        for position in std::mem::take(&mut self.pending) {
            merge(&mut self.committed, &position);
        }
    }

    pub(crate) fn rolled_back(&mut self) {
        self.pending.clear();
    }
}

fn merge(positions: &mut Vec<SessionPosition>, position: &SessionPosition) {
    match positions.iter_mut().find(|known| known.session == position.session) {
        Some(known) => known.sequence = known.sequence.max(position.sequence),
        None => positions.push(position.clone()),
    }
}
