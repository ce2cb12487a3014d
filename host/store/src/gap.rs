//! Gaps: stretches of Discord's histories that were not applied, because no session brought their events. They are noted
//! when a new session begins and closed by and by; how far each is closed commits with what the events caused, so that
//! whoever opens the file next goes on there.

use crate::error::StoreError;
use crate::open::GuildStore;
use crate::recent::{Ban, Seen, from_blob, to_blob};
use guildhall_model::{ChannelId, Gap, History, MessageId, UnixMilliseconds, snowflake_at};
use rusqlite::{Connection, OptionalExtension, Row};

/// What the audit log's rows have for a channel.
const AUDIT_LOG: i64 = 0;

/// An event that Discord's history tells too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Told {
    /// A message was sent.
    Message {
        /// Where.
        channel: ChannelId,
        /// The message.
        id: MessageId,
    },
    /// An entry of the audit log.
    AuditLogEntry(u64),
    /// A ban, or the end of one: the audit log has an entry for it.
    Ban(Ban),
}

/// The guild as a new session describes it.
#[derive(Clone, Debug, Default)]
pub struct SessionStart {
    /// The newest message of every channel that the bot sees; none where no plugin takes messages.
    pub newest: Option<Vec<(ChannelId, u64)>>,
    /// Whether a plugin takes what the audit log tells.
    pub audit_log: bool,
    /// When it came.
    pub at: UnixMilliseconds,
}

/// A row of the table.
struct Noted {
    gap: Gap,
    /// Ids after `gap.after` that were applied.
    applied: Vec<u64>,
}

impl GuildStore {
    /// Whether this would be the first event of its session that is applied.
    pub fn begins_session(&self, session: &str) -> bool {
        self.cursor.is_new(session)
    }

    /// Whether events of any session were applied.
    pub fn has_sessions(&self) -> bool {
        !self.cursor.is_empty()
    }

    /// Takes a new session's first event in, in the open transaction: what was applied under earlier sessions ends
    /// before it, and what lies between is noted. Answers the new gaps.
    pub fn begin_session(&mut self, start: &SessionStart) -> Result<Vec<Gap>, StoreError> {
        let recent = self.cursor.recent();
        let mut noted = Vec::new();
        let messages = start.newest.as_ref().map(|newest| {
            let highest = newest.iter().map(|(_, id)| *id).max().unwrap_or(0);
            let Some(mut seen) = recent.messages.clone() else {
                // What was said before it was followed concerns nobody.
                return Seen::from(highest);
            };
            let after = seen.after();
            for (channel, until) in newest.iter().copied() {
                // Within one channel messages come in order.
                if until > after && !seen.contains(until) {
                    let history = History::Messages { channel, until };
                    noted.push(Noted {
                        gap: Gap { history, after },
                        applied: seen.ids_after(after).collect(),
                    });
                }
            }
            seen.raise(highest);
            seen
        });
        let audit_log = start.audit_log.then(|| match &recent.audit_log {
            None => Seen::from(snowflake_at(start.at)),
            Some(seen) => {
                let after = seen.after();
                noted.push(Noted {
                    gap: Gap {
                        history: History::AuditLog,
                        after,
                    },
                    applied: seen.ids_after(after).collect(),
                });
                seen.clone()
            }
        });
        let recent = self.cursor.recent_mut();
        (recent.messages, recent.audit_log) = (messages, audit_log);
        if self.has_gaps {
            self.forget_unwanted(start).map_err(|source| self.failed(source))?;
            self.gaps_changed = true;
        }
        let mut gaps = Vec::new();
        for noted in noted {
            // An audit log that is still being caught up is caught up to its end anyway.
            if self.add_gap(&noted).map_err(|source| self.failed(source))? {
                gaps.push(noted.gap);
            }
        }
        if !gaps.is_empty() {
            (self.has_gaps, self.gaps_changed) = (true, true);
        }
        Ok(gaps)
    }

    /// Takes an event of a session in, in the open transaction; false when Discord's history told it before.
    pub fn take_live(&mut self, told: Told, at: UnixMilliseconds) -> Result<bool, StoreError> {
        let fresh = match told {
            Told::Message { channel, id } => {
                let fresh = !self.has_gaps || self.mark_in_gap(channel, id.0)?;
                let seen = &mut self.cursor.recent_mut().messages;
                if fresh {
                    seen.get_or_insert_with(|| Seen::from(id.0.saturating_sub(1)))
                        .insert(id.0);
                }
                fresh
            }
            Told::AuditLogEntry(id) => {
                let seen = self.cursor.recent().audit_log.as_ref();
                let told = seen.is_some_and(|seen| seen.contains(id));
                let long_ago = seen.is_some_and(|seen| id <= seen.floor());
                let fresh = !told && (!self.has_gaps || self.mark_in_audit_log(id, long_ago)?);
                if fresh {
                    let seen = &mut self.cursor.recent_mut().audit_log;
                    seen.get_or_insert_with(|| Seen::from(id.saturating_sub(1))).insert(id);
                }
                fresh
            }
            Told::Ban(ban) => self.cursor.recent_mut().take_live_ban(ban, at),
        };
        Ok(fresh)
    }

    /// Takes an event of the history in, in the open transaction, and closes its gap up to there. `asked` is the gap as it
    /// was when Discord was asked. False when the event was applied before, or when this file is not so far.
    pub fn take_missed(&mut self, asked: &Gap, id: u64) -> Result<bool, StoreError> {
        let Some(noted) = self.noted(&asked.history)? else {
            return Ok(false);
        };
        if noted.gap.after < asked.after || id <= noted.gap.after {
            return Ok(false);
        }
        let mut fresh = !noted.applied.contains(&id);
        if asked.history == History::AuditLog {
            let seen = self.cursor.recent_mut().audit_log.get_or_insert_with(|| Seen::from(0));
            fresh &= !seen.contains(id);
            seen.insert(id);
        }
        self.keep_gap(&asked.history, id, &noted.applied)?;
        Ok(fresh)
    }

    /// Takes a ban in that an entry of the audit log tells of, in the open transaction; false when the gateway told it
    /// before.
    pub fn take_missed_ban(&mut self, ban: Ban, entry: u64) -> bool {
        self.cursor.recent_mut().take_made_ban(ban, entry)
    }

    /// Closes a gap, in the open transaction. `asked` is as in [`take_missed`](Self::take_missed).
    pub fn close_gap(&mut self, asked: &Gap) -> Result<(), StoreError> {
        if self
            .noted(&asked.history)?
            .is_some_and(|noted| noted.gap.after >= asked.after)
        {
            let (channel, until) = key(&asked.history);
            self.connection
                .prepare_cached("DELETE FROM guildhall_gaps WHERE channel = ?1 AND until = ?2")
                .and_then(|mut statement| statement.execute((channel, until)))
                .map_err(|source| self.failed(source))?;
            self.gaps_changed = true;
        }
        Ok(())
    }

    /// Every gap, the audit log's last.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Gap>> {
            self.connection
                .prepare_cached(
                    "SELECT channel, until, after, applied FROM guildhall_gaps ORDER BY channel = 0, channel, until",
                )?
                .query_map([], |row| Ok(read(row)?.gap))?
                .collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// A live message of a channel with a gap: false when the gap is closed beyond it; otherwise the gap leaves it out.
    fn mark_in_gap(&mut self, channel: ChannelId, id: u64) -> Result<bool, StoreError> {
        let noted = self
            .connection
            .prepare_cached(
                "SELECT channel, until, after, applied FROM guildhall_gaps WHERE channel = ?1 AND until >= ?2
                 ORDER BY until LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row((channel.0.cast_signed(), id.cast_signed()), read)
                    .optional()
            })
            .map_err(|source| self.failed(source))?;
        match noted {
            None => Ok(true),
            Some(noted) if id <= noted.gap.after => Ok(false),
            Some(noted) => self.mark(noted, id),
        }
    }

    /// The same for an entry of the audit log. Where so many followed that it is not remembered one by one, an entry up
    /// to where the gap is closed was applied.
    fn mark_in_audit_log(&mut self, id: u64, long_ago: bool) -> Result<bool, StoreError> {
        match self.noted(&History::AuditLog)? {
            Some(noted) if id <= noted.gap.after => Ok(!long_ago),
            Some(noted) => self.mark(noted, id),
            None => Ok(true),
        }
    }

    fn mark(&mut self, mut noted: Noted, id: u64) -> Result<bool, StoreError> {
        if noted.applied.contains(&id) {
            return Ok(false);
        }
        noted.applied.push(id);
        self.keep_gap(&noted.gap.history, noted.gap.after, &noted.applied)?;
        Ok(true)
    }

    fn noted(&self, history: &History) -> Result<Option<Noted>, StoreError> {
        let (channel, until) = key(history);
        self.connection
            .prepare_cached(
                "SELECT channel, until, after, applied FROM guildhall_gaps WHERE channel = ?1 AND until = ?2",
            )
            .and_then(|mut statement| statement.query_row((channel, until), read).optional())
            .map_err(|source| self.failed(source))
    }

    /// Gaps of what no plugin takes any more.
    fn forget_unwanted(&self, start: &SessionStart) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM guildhall_gaps WHERE (channel <> 0 AND ?1) OR (channel = 0 AND ?2)")?
            .execute((start.newest.is_none(), !start.audit_log))
            .map(drop)
    }

    fn add_gap(&self, noted: &Noted) -> rusqlite::Result<bool> {
        let (channel, until) = key(&noted.gap.history);
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO guildhall_gaps (channel, until, after, applied) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute((
                channel,
                until,
                noted.gap.after.cast_signed(),
                to_blob(noted.applied.iter().copied()),
            ))?;
        Ok(added > 0)
    }

    fn keep_gap(&mut self, history: &History, after: u64, applied: &[u64]) -> Result<(), StoreError> {
        let (channel, until) = key(history);
        let applied = to_blob(applied.iter().copied().filter(|id| *id > after));
        self.connection
            .prepare_cached("UPDATE guildhall_gaps SET after = ?3, applied = ?4 WHERE channel = ?1 AND until = ?2")
            .and_then(|mut statement| statement.execute((channel, until, after.cast_signed(), applied)))
            .map(drop)
            .map_err(|source| self.failed(source))
    }
}

/// Whether the file notes any gap.
pub(crate) fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM guildhall_gaps)")?
        .query_row([], |row| row.get(0))
}

fn key(history: &History) -> (i64, i64) {
    match history {
        History::Messages { channel, until } => (channel.0.cast_signed(), until.cast_signed()),
        History::AuditLog => (AUDIT_LOG, 0),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Noted> {
    let id = |index: usize| row.get(index).map(i64::cast_unsigned);
    let history = match id(0)? {
        0 => History::AuditLog,
        channel => History::Messages {
            channel: ChannelId(channel),
            until: id(1)?,
        },
    };
    Ok(Noted {
        gap: Gap { history, after: id(2)? },
        applied: from_blob(row.get_ref(3)?.as_blob()?).collect(),
    })
}
