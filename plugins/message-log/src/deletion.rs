//! Deletions that wait until the audit log has told who did them. It is asked three times, half a second apart, and one
//! question serves all that wait. Nothing is lost where it cannot be asked.

use crate::audit_log::{Deleter, Ledger, MESSAGE_BULK_DELETE, MESSAGE_DELETE, Seen, Wanted};
use crate::cache::{self, Kept};
use crate::entries::{self, By};
use crate::settings::Settings;
use guildhall_sdk::{
    Action, ActionResult, AuditLogEntry, Context, Database, Error, Id, Outcome, Timestamp, params, permission,
};
use std::collections::BTreeMap;

/// `asked` numbers the question that a deletion waits for; none while it waits for its next turn.
pub(crate) const MIGRATION: &str = "CREATE TABLE message_log_pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel INTEGER NOT NULL, bulk INTEGER NOT NULL, kept TEXT NOT NULL,
    unknown INTEGER NOT NULL, deleted_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, ask_at INTEGER NOT NULL,
    asked INTEGER
);
CREATE TABLE message_log_audit (
    entry INTEGER PRIMARY KEY, count INTEGER NOT NULL, told INTEGER NOT NULL, seen_at INTEGER NOT NULL
)";

/// The timer of the next question.
pub(crate) const TIMER: &str = "audit";
/// Entries of the audit log that one question looks at.
const ENTRIES: u8 = 50;
/// Deletions that one answer ends, single ones and bulk ones: a call's actions are bounded, and a bulk deletion may have
/// many authors. The others are asked for again.
const ENDED_AT_ONCE: (u32, u32) = (8, 1);
/// A question that was not answered for so long never will be: the plugin was away.
const LOST: Timestamp = 120_000;
/// How long it is remembered what an entry has told.
const REMEMBERED: Timestamp = 3_600_000;

/// Messages of one channel that were deleted in one go.
#[derive(Debug)]
pub(crate) struct Deletion {
    id: u64,
    pub(crate) channel: Id,
    /// Whether Discord told it as a bulk deletion.
    pub(crate) bulk: bool,
    pub(crate) kept: Vec<Kept>,
    /// Messages of which nothing was kept.
    pub(crate) unknown: u64,
    pub(crate) deleted_at: Timestamp,
    tries: u64,
}

/// Takes deleted messages out of what is kept, and sets the questions going.
pub(crate) fn begin(
    context: &Context,
    settings: &Settings,
    channel: Id,
    messages: &[Id],
    bulk: bool,
) -> Result<(), Error> {
    let database = Database::open()?;
    let mut kept = Vec::new();
    for message in messages {
        kept.extend(cache::take(&database, *message)?);
    }
    let unknown = (messages.len() - kept.len()) as u64;
    let deletion = Deletion {
        id: 0,
        channel,
        bulk,
        kept,
        unknown,
        deleted_at: context.received_at,
        tries: 0,
    };
    if settings.audit_tries == 0 {
        return entries::deleted(context, &database, settings, &deletion, &By::NotAsked);
    }
    if !may_read_audit_log(context) {
        return entries::deleted(context, &database, settings, &deletion, &By::Hidden);
    }
    let text = serde_json::to_string(&deletion.kept).map_err(|error| Error::Invalid(error.to_string()))?;
    database.execute(
        "INSERT INTO message_log_pending (channel, bulk, kept, unknown, deleted_at, ask_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![channel, bulk, text, unknown, deletion.deleted_at, context.now() + settings.audit_delay()],
    )?;
    schedule(&database)
}

fn may_read_audit_log(context: &Context) -> bool {
    context.own_member().is_none_or(|own| {
        let own = context.permissions(own.user.id, &own.roles, None);
        permission::allows(own, permission::VIEW_AUDIT_LOG)
    })
}

/// Sets the timer for whatever comes next.
fn schedule(database: &Database) -> Result<(), Error> {
    let sql = "SELECT min(ask_at) FROM message_log_pending WHERE asked IS NULL";
    match database.query_first::<(Option<Timestamp>,)>(sql, params![])? {
        Some((Some(next),)) => Action::schedule_timer(TIMER, next, "").submit(),
        _ => Ok(()),
    }
}

/// Asks for everything whose turn it is: one question for single messages, one for bulk deletions.
pub(crate) fn ask(context: &Context) -> Result<(), Error> {
    let (database, now) = (Database::open()?, context.now());
    for (bulk, action) in [(false, MESSAGE_DELETE), (true, MESSAGE_BULK_DELETE)] {
        let asked = database.execute(
            "UPDATE message_log_pending SET asked = ?1, tries = tries + 1
             WHERE asked IS NULL AND ask_at <= ?1 AND bulk = ?2",
            params![now, bulk],
        )?;
        if asked > 0 {
            Action::fetch_audit_log(Some(action), None, ENTRIES, format!("audit:{now}:{}", u8::from(bulk))).submit()?;
        }
    }
    schedule(&database)
}

/// Takes up what the audit log tells. False where the result is of something else.
pub(crate) fn result(
    context: &Context,
    database: &Database,
    settings: &Settings,
    result: &ActionResult,
) -> Result<bool, Error> {
    let Some((asked, bulk)) = result
        .token
        .strip_prefix("audit:")
        .and_then(|token| token.split_once(':'))
    else {
        return Ok(false);
    };
    let (asked, bulk) = (asked.parse::<Timestamp>().unwrap_or(0), bulk == "1");
    let deletions = load(database, "asked = ?1 AND bulk = ?2", asked, bulk)?;
    if let Outcome::AuditLog(found) = &result.outcome {
        explain(context, database, settings, deletions, found)?;
    } else {
        if let Outcome::Refused(refusal) = &result.outcome {
            context.warn(&format!(
                "the audit log cannot be read: {} (code {})",
                refusal.message, refusal.code
            ));
        }
        for deletion in deletions {
            end(context, database, settings, &deletion, &By::Hidden)?;
        }
    }
    database.execute(
        "UPDATE message_log_pending SET asked = NULL, ask_at = ?3, tries = tries - 1 WHERE asked = ?1 AND bulk = ?2",
        params![asked, bulk, context.now()],
    )?;
    schedule(database)?;
    Ok(true)
}

fn explain(
    context: &Context,
    database: &Database,
    settings: &Settings,
    mut deletions: Vec<Deletion>,
    found: &[AuditLogEntry],
) -> Result<(), Error> {
    let seen: Vec<(Id, u64, u64, Timestamp)> =
        database.query("SELECT entry, count, told, seen_at FROM message_log_audit", params![])?;
    let seen: BTreeMap<_, _> = seen
        .into_iter()
        .map(|(entry, count, told, at)| (entry, Seen { count, told, at }))
        .collect();
    let mut ledger = Ledger::of(found, &seen, settings.audit_window(), context.now());
    // Those whose author is known choose first.
    deletions.sort_by_key(|deletion| (deletion.kept.is_empty(), deletion.id));
    for deletion in deletions {
        match deletion.deleter(&mut ledger) {
            Some(deleter) => end(context, database, settings, &deletion, &By::Somebody(deleter))?,
            None if deletion.tries >= u64::from(settings.audit_tries) => {
                end(context, database, settings, &deletion, &By::Themselves)?
            }
            None => {
                let ask_at = context.now() + settings.audit_pause();
                let sql = "UPDATE message_log_pending SET asked = NULL, ask_at = ?2 WHERE id = ?1";
                database.execute(sql, params![deletion.id, ask_at])?;
            }
        }
    }
    for (entry, seen) in ledger.seen() {
        database.execute(
            "INSERT INTO message_log_audit (entry, count, told, seen_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (entry) DO UPDATE SET count = ?2, told = ?3, seen_at = ?4",
            params![entry, seen.count, seen.told, seen.at],
        )?;
    }
    Ok(())
}

impl Deletion {
    fn deleter(&self, ledger: &mut Ledger) -> Option<Deleter> {
        let wanted = Wanted {
            author: self.kept.first().map(|kept| kept.author.id),
            channel: self.channel,
            at: self.deleted_at,
            messages: self.kept.len() as u64 + self.unknown,
        };
        if self.bulk {
            ledger.take_bulk(wanted)
        } else {
            ledger.take_one(wanted)
        }
    }
}

fn end(context: &Context, database: &Database, settings: &Settings, deletion: &Deletion, by: &By) -> Result<(), Error> {
    database.execute("DELETE FROM message_log_pending WHERE id = ?1", params![deletion.id])?;
    entries::deleted(context, database, settings, deletion, by)
}

/// Deletions for which the condition holds of a moment (`?1`) and of whether they were bulk deletions (`?2`).
fn load(database: &Database, condition: &str, moment: Timestamp, bulk: bool) -> Result<Vec<Deletion>, Error> {
    type Row = (u64, Id, String, u64, Timestamp, u64);
    let sql = format!(
        "SELECT id, channel, kept, unknown, deleted_at, tries FROM message_log_pending WHERE {condition} ORDER BY id LIMIT ?3"
    );
    let most = if bulk { ENDED_AT_ONCE.1 } else { ENDED_AT_ONCE.0 };
    let rows: Vec<Row> = database.query(&sql, params![moment, bulk, most])?;
    let deletion = |(id, channel, kept, unknown, deleted_at, tries): Row| Deletion {
        id,
        channel,
        bulk,
        kept: serde_json::from_str(&kept).unwrap_or_default(),
        unknown,
        deleted_at,
        tries,
    };
    Ok(rows.into_iter().map(deletion).collect())
}

/// Ends deletions whose question was lost, and forgets old entries of the audit log.
pub(crate) fn prune(context: &Context, database: &Database, settings: &Settings) -> Result<(), Error> {
    let now = context.now();
    for bulk in [false, true] {
        for deletion in load(
            database,
            "deleted_at < ?1 AND bulk = ?2",
            now.saturating_sub(LOST),
            bulk,
        )? {
            end(context, database, settings, &deletion, &By::NotAsked)?;
        }
    }
    let sql = "DELETE FROM message_log_audit WHERE seen_at + ?1 < ?2";
    database.execute(sql, params![REMEMBERED, now]).map(drop)
}
