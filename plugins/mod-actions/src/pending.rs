//! The two halves of an action: the gateway tells whom it befell and what they are called, the audit log who did it and why.
//! They come in any order and within seconds of each other; the first waits here for the second, never longer than the settings
//! say.

use crate::audit::{Deed, deed_of};
use crate::kind::Kind;
use crate::record::{self, Record, record};
use crate::settings::Settings;
use guildhall_sdk::{
    Action, ActionResult, AuditLogEntry, Context, Database, Error, Id, Outcome, Person, Timestamp, params, permission,
};

/// A row has the name from the gateway, or the entry from the audit log, never both. Those who left are remembered by
/// name only: an entry of a kick may follow.
pub(crate) const MIGRATION: &str = "CREATE TABLE mod_actions_pending (
    action TEXT NOT NULL, user INTEGER NOT NULL, name TEXT, entry INTEGER, executor INTEGER, reason TEXT,
    until INTEGER, at INTEGER NOT NULL, PRIMARY KEY (action, user)
) WITHOUT ROWID;
CREATE TABLE mod_actions_left (
    user INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID";

/// Entries to look through: in five seconds no more are written, but in a raid.
const ENTRIES: u8 = 50;
const HOUR: u64 = 3_600_000;

/// What the gateway tells.
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) user: Person,
    pub(crate) until: Option<Timestamp>,
}

/// A half that waits.
enum Half {
    Gateway(Record),
    AuditLog(Record),
}

/// Takes up what the gateway tells.
pub(crate) fn seen(context: &Context, database: &Database, settings: &Settings, seen: &Seen) -> Result<(), Error> {
    let (kind, user, now) = (seen.kind, seen.user.id, context.now());
    if let Some(Half::AuditLog(half)) = waiting(database, kind, user)? {
        return complete(context, database, half, seen.user.clone(), seen.until);
    }
    let since = now.saturating_sub(settings.wait());
    if record::is_recorded_since(database, kind, user, seen.until, since)? {
        return Ok(());
    }
    let half = Record {
        kind,
        user: seen.user.clone(),
        until: seen.until,
        executor: None,
        reason: None,
        entry: None,
        at: now,
    };
    if !can_read_audit_log(context) {
        return record(context, database, &half);
    }
    keep(database, &half, Some(&seen.user.name))?;
    Action::schedule_timer(timer_name(kind, user), now + settings.wait(), "").submit()
}

/// Somebody left: that alone is nothing, unless the audit log calls it a kick.
pub(crate) fn left(context: &Context, database: &Database, user: &Person) -> Result<(), Error> {
    if let Some(Half::AuditLog(half)) = waiting(database, Kind::Kick, user.id)? {
        return complete(context, database, half, user.clone(), None);
    }
    if !can_read_audit_log(context) {
        return Ok(());
    }
    database.execute(
        "INSERT INTO mod_actions_left (user, name, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (user) DO UPDATE SET name = ?2, at = ?3",
        params![user.id, &user.name, context.now()],
    )?;
    Ok(())
}

/// Takes up what the audit log tells.
pub(crate) fn told(context: &Context, database: &Database, settings: &Settings, deed: &Deed) -> Result<(), Error> {
    if record::is_recorded(database, deed.entry)? {
        return Ok(());
    }
    let half = Record::from(deed);
    match waiting(database, deed.kind, deed.user)? {
        Some(Half::Gateway(seen)) => return complete(context, database, half, seen.user, seen.until),
        // Done twice within seconds: each counts.
        Some(Half::AuditLog(earlier)) if earlier.entry != half.entry => {
            let user = earlier.user.clone();
            complete(context, database, earlier, user, None)?;
        }
        Some(Half::AuditLog(_)) | None => {}
    }
    if record::supplement(context, database, &half)? {
        return Ok(());
    }
    if record::is_own(context, deed.executor) {
        return record(context, database, &half);
    }
    if deed.kind == Kind::Kick
        && let Some(user) = take_left(database, deed.user)?
    {
        return record(context, database, &Record { user, ..half });
    }
    keep(database, &half, None)?;
    Action::schedule_timer(timer_name(deed.kind, deed.user), context.now() + settings.wait(), "").submit()
}

/// The other half has not come in time.
pub(crate) fn due(context: &Context, database: &Database, timer: &str) -> Result<(), Error> {
    let Some((kind, user)) = read_name("wait", timer) else {
        return Ok(());
    };
    match waiting(database, kind, user)? {
        Some(Half::AuditLog(half)) => {
            let user = half.user.clone();
            complete(context, database, half, user, None)
        }
        // The entry may have been lost on its way: asking once costs little, as bans and timeouts are rare.
        Some(Half::Gateway(_)) => Action::fetch_audit_log(
            kind.audit_type(),
            None,
            ENTRIES,
            format!("audit:{}:{user}", kind.word()),
        )
        .submit(),
        None => Ok(()),
    }
}

/// The audit log has answered.
pub(crate) fn audited(
    context: &Context,
    database: &Database,
    settings: &Settings,
    result: &ActionResult,
) -> Result<(), Error> {
    let Some((kind, user)) = read_name("audit", &result.token) else {
        return Ok(());
    };
    let Some(Half::Gateway(seen)) = waiting(database, kind, user)? else {
        return Ok(());
    };
    let deed = match &result.outcome {
        Outcome::AuditLog(entries) => find(entries, &seen, settings.wait()),
        Outcome::Refused(refusal) => {
            context.warn(&format!(
                "the audit log cannot be read: {} (code {})",
                refusal.message, refusal.code
            ));
            return complete(context, database, seen.clone(), seen.user, seen.until);
        }
        _ => None,
    };
    match deed {
        Some(deed) => complete(context, database, Record::from(&deed), seen.user, seen.until),
        None if kind.is_proven_by_event() => complete(context, database, seen.clone(), seen.user, seen.until),
        // The timeout is older than what this plugin knows.
        None => forget(database, kind, user),
    }
}

pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let before = now.saturating_sub(HOUR);
    database.execute("DELETE FROM mod_actions_left WHERE at < ?1", params![before])?;
    database.execute("DELETE FROM mod_actions_pending WHERE at < ?1", params![before])?;
    Ok(())
}

/// The newest entry that tells of what was seen.
fn find(entries: &[AuditLogEntry], seen: &Record, wait: u64) -> Option<Deed> {
    entries
        .iter()
        .filter_map(deed_of)
        .find(|deed| deed.kind == seen.kind && deed.user == seen.user.id && deed.at.abs_diff(seen.at) <= wait)
}

/// Both halves are there, or one is all that there will be.
fn complete(
    context: &Context,
    database: &Database,
    half: Record,
    user: Person,
    until: Option<Timestamp>,
) -> Result<(), Error> {
    forget(database, half.kind, user.id)?;
    let until = half.until.or(until);
    record(context, database, &Record { user, until, ..half })
}

fn forget(database: &Database, kind: Kind, user: Id) -> Result<(), Error> {
    database.execute(
        "DELETE FROM mod_actions_pending WHERE action = ?1 AND user = ?2",
        params![kind.word(), user],
    )?;
    Action::cancel_timer(timer_name(kind, user)).submit()
}

fn keep(database: &Database, half: &Record, name: Option<&String>) -> Result<(), Error> {
    database.execute(
        "INSERT OR REPLACE INTO mod_actions_pending (action, user, name, entry, executor, reason, until, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            half.kind.word(),
            half.user.id,
            name,
            half.entry,
            half.executor,
            half.reason.clone(),
            half.until,
            half.at
        ],
    )?;
    Ok(())
}

type HalfRow = (
    Option<String>,
    Option<Id>,
    Option<Id>,
    Option<String>,
    Option<Timestamp>,
    Timestamp,
);

fn waiting(database: &Database, kind: Kind, user: Id) -> Result<Option<Half>, Error> {
    let sql =
        "SELECT name, entry, executor, reason, until, at FROM mod_actions_pending WHERE action = ?1 AND user = ?2";
    let row: Option<HalfRow> = database.query_first(sql, params![kind.word(), user])?;
    Ok(row.map(|(name, entry, executor, reason, until, at)| {
        let half = Record {
            kind,
            user: Person {
                id: user,
                name: name.unwrap_or_default(),
            },
            until,
            executor,
            reason,
            entry,
            at,
        };
        if entry.is_some() {
            Half::AuditLog(half)
        } else {
            Half::Gateway(half)
        }
    }))
}

fn take_left(database: &Database, user: Id) -> Result<Option<Person>, Error> {
    let sql = "SELECT name FROM mod_actions_left WHERE user = ?1";
    let Some((name,)) = database.query_first::<(String,)>(sql, params![user])? else {
        return Ok(None);
    };
    database.execute("DELETE FROM mod_actions_left WHERE user = ?1", params![user])?;
    Ok(Some(Person { id: user, name }))
}

/// While the bot's own membership is not known, the log is worth asking.
fn can_read_audit_log(context: &Context) -> bool {
    context.own_member().is_none_or(|own| {
        let permissions = context.permissions(own.user.id, &own.roles, None);
        permission::allows(permissions, permission::VIEW_AUDIT_LOG)
    })
}

fn timer_name(kind: Kind, user: Id) -> String {
    format!("wait:{}:{user}", kind.word())
}

fn read_name(verb: &str, name: &str) -> Option<(Kind, Id)> {
    let (kind, user) = name.strip_prefix(verb)?.strip_prefix(':')?.split_once(':')?;
    Some((Kind::of_word(kind)?, user.parse().ok()?))
}

impl From<&Deed> for Record {
    fn from(deed: &Deed) -> Self {
        Self {
            kind: deed.kind,
            user: Person {
                id: deed.user,
                name: String::new(),
            },
            until: deed.until,
            executor: deed.executor,
            reason: deed.reason.clone(),
            entry: Some(deed.entry),
            at: deed.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::MEMBER_BAN_ADD;

    #[test]
    fn names_of_timers_lead_back() {
        assert_eq!(
            read_name("wait", &timer_name(Kind::TimeoutLifted, 7)),
            Some((Kind::TimeoutLifted, 7))
        );
        assert_eq!(read_name("audit", "audit:ban:8"), Some((Kind::Ban, 8)));
        for other in ["", "prune", "wait:ban", "wait:warn:8", "audit:ban:8"] {
            assert_eq!(read_name("wait", other), None, "{other}");
        }
    }

    #[test]
    fn an_entry_tells_only_of_what_was_seen_within_seconds_of_it() {
        let entry = |id: u64, target: Id| AuditLogEntry {
            id,
            action: MEMBER_BAN_ADD,
            executor: Some(2),
            target: Some(target),
            reason: None,
            changes: "[]".into(),
            options: "{}".into(),
        };
        let at = guildhall_sdk::snowflake_unix_ms(0);
        let seen = Record {
            kind: Kind::Ban,
            user: Person {
                id: 3,
                name: "ann".into(),
            },
            until: None,
            executor: None,
            reason: None,
            entry: None,
            at: at + 6000,
        };
        let entries = [entry(7000 << 22, 4), entry(6500 << 22, 3), entry(500 << 22, 3)];
        assert_eq!(find(&entries, &seen, 5000).map(|deed| deed.entry), Some(6500 << 22));
        assert_eq!(find(&entries[2..], &seen, 5000), None);
    }
}
