//! Tickets as they are kept, open and closed.

use guildhall_sdk::{Database, Error, FromRow, Id, Person, Timestamp, Value, params};

/// `interaction` and `token` answer the opener while the ticket opens. `log` waits until the mod-log has it.
pub(crate) const MIGRATION: &str = "CREATE TABLE tickets_tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, button INTEGER NOT NULL, opener INTEGER NOT NULL, opener_name TEXT NOT NULL,
    role INTEGER, channel INTEGER NOT NULL, thread INTEGER, concern TEXT NOT NULL, opened_at INTEGER NOT NULL,
    interaction INTEGER NOT NULL, token TEXT NOT NULL, closed_at INTEGER, closed_by INTEGER, closed_by_name TEXT,
    feedback TEXT, messages INTEGER, log TEXT, log_message INTEGER
);
CREATE INDEX tickets_tickets_opener ON tickets_tickets (opener, opened_at);
CREATE INDEX tickets_tickets_closed ON tickets_tickets (closed_at)";

/// What whoever closed it thought of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feedback {
    Up,
    Down,
}

impl Feedback {
    /// Its word in rows and custom ids.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Up, Self::Down]
            .into_iter()
            .find(|feedback| feedback.word() == word)
    }

    pub(crate) fn emoji(self) -> &'static str {
        match self {
            Self::Up => "👍",
            Self::Down => "👎",
        }
    }
}

/// How a ticket ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closed {
    pub(crate) by: Person,
    pub(crate) at: Timestamp,
    pub(crate) feedback: Option<Feedback>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) id: u64,
    pub(crate) button: u64,
    pub(crate) opener: Person,
    pub(crate) role: Option<Id>,
    pub(crate) channel: Id,
    pub(crate) thread: Option<Id>,
    pub(crate) concern: String,
    pub(crate) opened_at: Timestamp,
    pub(crate) interaction: Id,
    pub(crate) token: String,
    pub(crate) closed: Option<Closed>,
}

const COLUMNS: &str = "id, button, opener, opener_name, role, channel, thread, concern,
    opened_at, interaction, token, closed_at, closed_by, closed_by_name, feedback";

/// Columns from `opened_at` on.
type Rest = (
    Timestamp,
    Id,
    String,
    Option<Timestamp>,
    Option<Id>,
    Option<String>,
    Option<String>,
);

impl FromRow for Ticket {
    const COLUMNS: usize = 15;

    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
        let (id, button, opener, opener_name, role, channel, thread, concern) = FromRow::from_row(values)?;
        let (opened_at, interaction, token, closed_at, closed_by, closed_by_name, feedback) = Rest::from_row(values)?;
        Ok(Self {
            id,
            button,
            opener: Person {
                id: opener,
                name: opener_name,
            },
            role,
            channel,
            thread,
            concern,
            opened_at,
            interaction,
            token,
            closed: closed_at.map(|at| Closed {
                by: Person {
                    id: closed_by.unwrap_or(0),
                    name: closed_by_name.unwrap_or_default(),
                },
                at,
                feedback: feedback.as_deref().and_then(Feedback::of_word),
            }),
        })
    }
}

pub(crate) fn find(database: &Database, id: u64) -> Result<Option<Ticket>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM tickets_tickets WHERE id = ?1");
    database.query_first(&sql, params![id])
}

/// Keeps a ticket that is about to open, and answers its number.
pub(crate) fn insert(database: &Database, ticket: &Ticket) -> Result<u64, Error> {
    database.execute(
        "INSERT INTO tickets_tickets (button, opener, opener_name, channel, concern, opened_at, interaction, token)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            ticket.button,
            ticket.opener.id,
            &ticket.opener.name,
            ticket.channel,
            &ticket.concern,
            ticket.opened_at,
            ticket.interaction,
            &ticket.token
        ],
    )?;
    let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
    Ok(id.map_or(0, |(id,)| id))
}

/// Threads of the tickets that somebody opened since then, the newest first; none for one that is just opening.
pub(crate) fn opened_since(database: &Database, opener: Id, since: Timestamp) -> Result<Vec<Option<Id>>, Error> {
    let rows: Vec<(Option<Id>,)> = database.query(
        "SELECT thread FROM tickets_tickets WHERE opener = ?1 AND opened_at > ?2 ORDER BY opened_at DESC LIMIT 100",
        params![opener, since],
    )?;
    Ok(rows.into_iter().map(|(thread,)| thread).collect())
}

pub(crate) fn set_thread(database: &Database, id: u64, thread: Id, role: Option<Id>) -> Result<(), Error> {
    database.execute(
        "UPDATE tickets_tickets SET thread = ?2, role = ?3 WHERE id = ?1",
        params![id, thread, role],
    )?;
    Ok(())
}

/// The opener has been answered.
pub(crate) fn forget_token(database: &Database, id: u64) -> Result<(), Error> {
    database.execute("UPDATE tickets_tickets SET token = '' WHERE id = ?1", params![id])?;
    Ok(())
}

/// Closes it; false where somebody has before.
pub(crate) fn close(database: &Database, id: u64, closed: &Closed) -> Result<bool, Error> {
    let changed = database.execute(
        "UPDATE tickets_tickets SET closed_at = ?2, closed_by = ?3, closed_by_name = ?4, feedback = ?5
         WHERE id = ?1 AND closed_at IS NULL",
        params![
            id,
            closed.at,
            closed.by.id,
            &closed.by.name,
            closed.feedback.map(Feedback::word)
        ],
    )?;
    Ok(changed > 0)
}

pub(crate) fn set_log(database: &Database, id: u64, messages: Option<u64>, log: &str) -> Result<(), Error> {
    database.execute(
        "UPDATE tickets_tickets SET messages = ?2, log = ?3 WHERE id = ?1",
        params![id, messages, log],
    )?;
    Ok(())
}

pub(crate) fn log_of(database: &Database, id: u64) -> Result<Option<String>, Error> {
    let row: Option<(Option<String>,)> =
        database.query_first("SELECT log FROM tickets_tickets WHERE id = ?1", params![id])?;
    Ok(row.and_then(|(log,)| log))
}

pub(crate) fn set_logged(database: &Database, id: u64, message: Option<Id>) -> Result<(), Error> {
    database.execute(
        "UPDATE tickets_tickets SET log = NULL, log_message = ?2 WHERE id = ?1",
        params![id, message],
    )?;
    Ok(())
}

pub(crate) fn remove(database: &Database, id: u64) -> Result<(), Error> {
    database.execute("DELETE FROM tickets_tickets WHERE id = ?1", params![id])?;
    Ok(())
}

/// Forgets tickets that were closed before then. Of open ones only the text goes: their buttons have to work for ever.
pub(crate) fn prune(database: &Database, before: Timestamp) -> Result<(), Error> {
    database.execute("DELETE FROM tickets_tickets WHERE closed_at < ?1", params![before])?;
    database.execute(
        "UPDATE tickets_tickets SET concern = '' WHERE closed_at IS NULL AND opened_at < ?1 AND concern <> ''",
        params![before],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_whole() {
        let values = params![
            3,
            1,
            7_u64,
            "ann",
            None::<i64>,
            5,
            6,
            "help",
            1000,
            8,
            "token",
            2000,
            9,
            "ben",
            "down"
        ];
        let values: Vec<Value> = values.to_vec();
        let mut values = values.into_iter();
        let ticket = Ticket::from_row(&mut values).expect("a ticket");
        assert_eq!(
            (ticket.id, ticket.opener.id, ticket.role, ticket.thread),
            (3, 7, None, Some(6))
        );
        let closed = ticket.closed.expect("closed");
        assert_eq!(
            (closed.by.id, closed.at, closed.feedback),
            (9, 2000, Some(Feedback::Down))
        );
        assert_eq!(values.len(), 0);
    }
}
