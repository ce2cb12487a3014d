//! Rows: one per vote that was called (a case), one per voter and choice, and interactions that wait for an answer.

use crate::choice::Choice;
use crate::tally::{Strategy, Tally};
use guildhall_sdk::{Database, Error, FromRow, Id, Timestamp, Value, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE escalation_cases (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, name TEXT NOT NULL, caller INTEGER NOT NULL,
    thread INTEGER NOT NULL, message INTEGER, quorum INTEGER NOT NULL, strategy TEXT NOT NULL,
    created_at INTEGER NOT NULL, due_at INTEGER NOT NULL, state TEXT NOT NULL, look_at INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0, note TEXT, expedited_by INTEGER, result TEXT, closed_at INTEGER
);
CREATE UNIQUE INDEX escalation_cases_open ON escalation_cases (user) WHERE state <> 'closed';
CREATE TABLE escalation_votes (
    case_id INTEGER NOT NULL, voter INTEGER NOT NULL, choice TEXT NOT NULL, voted_at INTEGER NOT NULL,
    PRIMARY KEY (case_id, voter, choice)
) WITHOUT ROWID;
CREATE TABLE escalation_answers (
    interaction INTEGER PRIMARY KEY, token TEXT NOT NULL, case_id INTEGER NOT NULL, channel INTEGER NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID";

const COLUMNS: &str = "id, user, name, caller, thread, message, quorum, strategy, created_at, due_at, state, look_at, \
                       tries, note, expedited_by, result, closed_at";
/// Cases that one timer looks at: each takes up to four of a call's actions.
const AT_ONCE: u32 = 20;

/// What becomes of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    /// Votes are taken.
    Open,
    /// The result is being carried out.
    Running,
    /// It is over.
    Closed,
}

/// A vote on what to do with a user.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: u64,
    pub(crate) user: Id,
    pub(crate) name: String,
    pub(crate) caller: Id,
    pub(crate) thread: Id,
    /// The vote message; none while Discord has not answered.
    pub(crate) message: Option<Id>,
    pub(crate) quorum: u64,
    pub(crate) strategy: Strategy,
    pub(crate) created_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) state: State,
    /// Not before this moment is it tried (again); while it runs: when its results count as lost.
    pub(crate) look_at: Timestamp,
    pub(crate) tries: u64,
    /// Why the last try failed; when it is over: how it ended.
    pub(crate) note: Option<String>,
    pub(crate) expedited_by: Option<Id>,
    /// What is or was carried out.
    pub(crate) result: Option<Choice>,
    pub(crate) closed_at: Option<Timestamp>,
}

impl FromRow for Case {
    const COLUMNS: usize = 17;

    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
        let (id, user, name, caller, thread, message, quorum, strategy) = FromRow::from_row(values)?;
        let (created_at, due_at, state, look_at, tries, note) = FromRow::from_row(values)?;
        let (expedited_by, result, closed_at) = FromRow::from_row(values)?;
        let (strategy, state, result): (String, String, Option<String>) = (strategy, state, result);
        Ok(Self {
            id,
            user,
            name,
            caller,
            thread,
            message,
            quorum,
            strategy: Strategy::of(&strategy),
            created_at,
            due_at,
            state: match state.as_str() {
                "open" => State::Open,
                "running" => State::Running,
                _ => State::Closed,
            },
            look_at,
            tries,
            note,
            expedited_by,
            result: result.as_deref().and_then(Choice::of),
            closed_at,
        })
    }
}

impl Case {
    pub(crate) fn load(database: &Database, id: u64) -> Result<Option<Self>, Error> {
        database.query_first(
            &format!("SELECT {COLUMNS} FROM escalation_cases WHERE id = ?1"),
            params![id],
        )
    }

    /// The vote on this user that is not over.
    pub(crate) fn about(database: &Database, user: Id) -> Result<Option<Self>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM escalation_cases WHERE user = ?1 AND state <> 'closed'");
        database.query_first(&sql, params![user])
    }

    /// Those whose time has come.
    pub(crate) fn due(database: &Database, now: Timestamp) -> Result<Vec<Self>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM escalation_cases WHERE state <> 'closed' AND due_at <= ?1 AND look_at <= ?1
             ORDER BY due_at LIMIT {AT_ONCE}"
        );
        database.query(&sql, params![now])
    }

    /// When it is carried out, as things stand.
    pub(crate) fn next_at(&self) -> Timestamp {
        self.due_at.max(self.look_at)
    }

    /// Writes what has changed.
    pub(crate) fn save(&self, database: &Database) -> Result<(), Error> {
        let state = match self.state {
            State::Open => "open",
            State::Running => "running",
            State::Closed => "closed",
        };
        database.execute(
            "UPDATE escalation_cases SET name = ?2, thread = ?3, message = ?4, strategy = ?5, due_at = ?6, state = ?7,
                 look_at = ?8, tries = ?9, note = ?10, expedited_by = ?11, result = ?12, closed_at = ?13
             WHERE id = ?1",
            params![
                self.id,
                &self.name,
                self.thread,
                self.message,
                self.strategy.word(),
                self.due_at,
                state,
                self.look_at,
                self.tries,
                self.note.clone(),
                self.expedited_by,
                self.result.map(Choice::word),
                self.closed_at,
            ],
        )?;
        Ok(())
    }

    pub(crate) fn tally(&self, database: &Database) -> Result<Tally, Error> {
        let votes: Vec<(Id, String)> = database.query(
            "SELECT voter, choice FROM escalation_votes WHERE case_id = ?1 ORDER BY voted_at, voter",
            params![self.id],
        )?;
        let known = votes
            .into_iter()
            .filter_map(|(voter, word)| Some((voter, Choice::of(&word)?)));
        Ok(Tally::of(known))
    }

    /// Casts the vote, or takes it back.
    pub(crate) fn toggle(&self, database: &Database, voter: Id, choice: Choice, now: Timestamp) -> Result<(), Error> {
        let vote = params![self.id, voter, choice.word()];
        let sql = "DELETE FROM escalation_votes WHERE case_id = ?1 AND voter = ?2 AND choice = ?3";
        if database.execute(sql, vote)? == 0 {
            database.execute(
                "INSERT INTO escalation_votes (case_id, voter, choice, voted_at) VALUES (?1, ?2, ?3, ?4)",
                params![self.id, voter, choice.word(), now],
            )?;
        }
        Ok(())
    }

    /// Forgets a vote that nobody ever saw.
    pub(crate) fn forget(&self, database: &Database) -> Result<(), Error> {
        database.execute("DELETE FROM escalation_votes WHERE case_id = ?1", params![self.id])?;
        database.execute("DELETE FROM escalation_cases WHERE id = ?1", params![self.id])?;
        Ok(())
    }
}

/// A vote that begins.
#[derive(Debug)]
pub(crate) struct NewCase<'call> {
    pub(crate) user: Id,
    pub(crate) name: &'call str,
    pub(crate) caller: Id,
    pub(crate) thread: Id,
    pub(crate) quorum: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) due_at: Timestamp,
}

impl NewCase<'_> {
    pub(crate) fn insert(&self, database: &Database) -> Result<Case, Error> {
        database.execute(
            "INSERT INTO escalation_cases (user, name, caller, thread, quorum, strategy, created_at, due_at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, 'simple', ?6, ?7, 'open')",
            params![
                self.user,
                self.name,
                self.caller,
                self.thread,
                self.quorum,
                self.created_at,
                self.due_at
            ],
        )?;
        let case = Case::about(database, self.user)?;
        case.ok_or_else(|| Error::Invalid("the vote that was just written is not there".into()))
    }
}

/// An interaction that waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) interaction: Id,
    pub(crate) token: String,
    /// Where it was used.
    pub(crate) channel: Id,
}

pub(crate) fn wait(database: &Database, waiting: &Waiting, case: u64, now: Timestamp) -> Result<(), Error> {
    database.execute(
        "INSERT OR IGNORE INTO escalation_answers (interaction, token, case_id, channel, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![waiting.interaction, &waiting.token, case, waiting.channel, now],
    )?;
    Ok(())
}

/// Where the last one that waits was used.
pub(crate) fn last_channel(database: &Database, case: u64) -> Result<Option<Id>, Error> {
    let row: Option<(Id,)> = database.query_first(
        "SELECT channel FROM escalation_answers WHERE case_id = ?1 ORDER BY at DESC, interaction DESC LIMIT 1",
        params![case],
    )?;
    Ok(row.map(|(channel,)| channel))
}

/// Those that wait; they wait no more.
pub(crate) fn take_waiting(database: &Database, case: u64) -> Result<Vec<Waiting>, Error> {
    let rows: Vec<(Id, String, Id)> = database.query(
        "SELECT interaction, token, channel FROM escalation_answers WHERE case_id = ?1 ORDER BY interaction",
        params![case],
    )?;
    database.execute("DELETE FROM escalation_answers WHERE case_id = ?1", params![case])?;
    let waiting = |(interaction, token, channel)| Waiting {
        interaction,
        token,
        channel,
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Forgets votes that were over before this moment, and interactions whose tokens are dead.
pub(crate) fn prune(database: &Database, now: Timestamp, over_before: Timestamp) -> Result<(), Error> {
    const TOKEN_LIFE: u64 = 15 * 60 * 1000;
    database.execute(
        "DELETE FROM escalation_votes WHERE case_id IN
             (SELECT id FROM escalation_cases WHERE state = 'closed' AND closed_at < ?1)",
        params![over_before],
    )?;
    database.execute(
        "DELETE FROM escalation_cases WHERE state = 'closed' AND closed_at < ?1",
        params![over_before],
    )?;
    let dead = now.saturating_sub(TOKEN_LIFE);
    database.execute("DELETE FROM escalation_answers WHERE at < ?1", params![dead])?;
    Ok(())
}

/// The user's name as the log knows it; empty where it does not, or is not there.
pub(crate) fn known_name(database: &Database, user: Id) -> String {
    let row: Result<Option<(String,)>, Error> =
        database.query_first("SELECT name FROM mod_log_threads WHERE user = ?1", params![user]);
    row.ok().flatten().map(|(name,)| name).unwrap_or_default()
}
