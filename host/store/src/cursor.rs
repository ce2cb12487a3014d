//! The last event applied, per session, and what was applied last of the events that have a history. Both are written
//! once a transaction, in one row, and read from memory.

use crate::recent::Recent;
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
    recent: Recent,
    /// Of the open transaction; none while nothing changed.
    pending_recent: Option<Recent>,
    /// The session whose row was written last: its row tells what is recent.
    latest: Option<Arc<str>>,
    latest_at: UnixMilliseconds,
}

impl Cursor {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut cursor = Self::default();
        let mut statement = connection.prepare(
            "SELECT session, sequence, advanced_at, messages, audit_log, bans FROM guildhall_cursor
             ORDER BY advanced_at DESC, sequence DESC",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let session: Arc<str> = row.get::<_, String>(0)?.into();
            if cursor.latest.is_none() {
                cursor.latest = Some(session.clone());
                cursor.latest_at = row.get(2)?;
                let column = |index| row.get_ref(index)?.as_blob_or_null().map_err(rusqlite::Error::from);
                cursor.recent = Recent::from_columns(column(3)?, column(4)?, column(5)?);
            }
            let sequence = row.get(1)?;
            cursor.committed.push(SessionPosition { session, sequence });
        }
        Ok(cursor)
    }

    fn known(&self) -> impl Iterator<Item = &SessionPosition> {
        self.pending.iter().chain(&self.committed)
    }

    /// Whether the event at this position, or a later one of its session, was applied.
    pub(crate) fn covers(&self, position: &SessionPosition) -> bool {
        self.known()
            .any(|known| known.session == position.session && position.sequence <= known.sequence)
    }

    /// Whether no event of this session was applied.
    pub(crate) fn is_new(&self, session: &str) -> bool {
        self.known().all(|known| *known.session != *session)
    }

    /// Whether no session's event was applied.
    pub(crate) fn is_empty(&self) -> bool {
        self.known().next().is_none()
    }

    pub(crate) fn advance(&mut self, position: &SessionPosition) {
        merge(&mut self.pending, position);
    }

    pub(crate) fn recent(&self) -> &Recent {
        self.pending_recent.as_ref().unwrap_or(&self.recent)
    }

    pub(crate) fn recent_mut(&mut self) -> &mut Recent {
        self.pending_recent.get_or_insert_with(|| self.recent.clone())
    }

    /// Writes what advanced; part of the running transaction.
    pub(crate) fn write(&self, connection: &Connection, now: UnixMilliseconds) -> rusqlite::Result<()> {
        if self.pending.is_empty() && self.pending_recent.is_none() {
            return Ok(());
        }
        let [messages, audit_log, bans] = self.recent().to_columns();
        if let (true, Some(latest)) = (self.pending.is_empty(), &self.latest) {
            connection
                .prepare_cached(
                    "UPDATE guildhall_cursor SET messages = ?2, audit_log = ?3, bans = ?4 WHERE session = ?1",
                )?
                .execute((&**latest, &messages, &audit_log, &bans))?;
        }
        let advanced_at = self.advanced_at(now);
        for position in &self.pending {
            connection
                .prepare_cached(
                    "INSERT INTO guildhall_cursor (session, sequence, advanced_at, messages, audit_log, bans)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (session) DO UPDATE
                     SET sequence = ?2, advanced_at = ?3, messages = ?4, audit_log = ?5, bans = ?6",
                )?
                .execute((
                    &*position.session,
                    position.sequence,
                    advanced_at,
                    &messages,
                    &audit_log,
                    &bans,
                ))?;
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

    /// Grows with every write, whatever the clock does: the highest marks the row that was written last.
    fn advanced_at(&self, now: UnixMilliseconds) -> UnixMilliseconds {
        now.max(self.latest_at + 1)
    }

    pub(crate) fn committed(&mut self, now: UnixMilliseconds) {
        if let Some(last) = self.pending.last() {
            self.latest_at = self.advanced_at(now);
            if self.latest.as_ref() != Some(&last.session) {
                self.latest = Some(last.session.clone());
            }
        }
        if let Some(recent) = self.pending_recent.take() {
            self.recent = recent;
        }
        for position in std::mem::take(&mut self.pending) {
            merge(&mut self.committed, &position);
        }
    }

    pub(crate) fn rolled_back(&mut self) {
        self.pending.clear();
        self.pending_recent = None;
    }
}

fn merge(positions: &mut Vec<SessionPosition>, position: &SessionPosition) {
    match positions.iter_mut().find(|known| known.session == position.session) {
        Some(known) => known.sequence = known.sequence.max(position.sequence),
        None => positions.push(position.clone()),
    }
}
