//! Moderators' own actions: bans, unbans, kicks and timeouts that people set by hand go into the user's thread and into a
//! table that reports read. It never acts on anyone, and never writes of what the bot itself did: whoever did it has.

mod audit;
mod kind;
mod moment;
mod pending;
mod record;
mod settings;
mod timeouts;
mod words;

use guildhall_sdk::{
    ActionResult, AuditLogEntry, Capabilities, Context, Database, Description, Error, EventKinds, Member, Person,
    Plugin, Timer, User, mod_log,
};
use kind::Kind;
use pending::Seen;
use settings::Settings;
use timeouts::Change;

const PRUNE: &str = "prune";
const SIX_HOURS_SECONDS: u32 = 6 * 3600;
const DAY: u64 = 24 * 3_600_000;

/// The plugin.
pub struct ModActions;

impl Plugin for ModActions {
    fn describe() -> Description {
        Description::new("mod-actions", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::BAN_ADD
                    | EventKinds::BAN_REMOVE
                    | EventKinds::MEMBER_REMOVE
                    | EventKinds::MEMBER_UPDATE
                    | EventKinds::AUDIT_LOG_ENTRY
                    | EventKinds::ACTION_RESULT
                    | EventKinds::TIMER,
            )
            .capabilities(Capabilities::SIGNALS | Capabilities::READ_DISCORD | Capabilities::TIMERS)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .migration(record::MIGRATION)
            .migration(pending::MIGRATION)
            .migration(timeouts::MIGRATION)
            .timer(PRUNE, SIX_HOURS_SECONDS)
    }

    fn ban_add(context: &Context, user: &User) -> Result<(), Error> {
        seen(context, Kind::Ban, user, None)
    }

    fn ban_remove(context: &Context, user: &User) -> Result<(), Error> {
        seen(context, Kind::Unban, user, None)
    }

    fn member_remove(context: &Context, user: &User) -> Result<(), Error> {
        pending::left(context, &Database::open()?, &Person::from(user))
    }

    fn member_update(context: &Context, member: &Member) -> Result<(), Error> {
        let change = timeouts::change(
            &Database::open()?,
            member.user.id,
            member.timed_out_until,
            context.now(),
        )?;
        match change {
            Some(Change::Set(until)) => seen(context, Kind::Timeout, &member.user, Some(until)),
            Some(Change::Lifted) => seen(context, Kind::TimeoutLifted, &member.user, None),
            None => Ok(()),
        }
    }

    fn audit_log_entry(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
        match audit::deed_of(entry) {
            Some(deed) => pending::told(context, &Database::open()?, &context.settings()?, &deed),
            None => Ok(()),
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        pending::audited(context, &Database::open()?, &context.settings()?, result)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        let database = Database::open()?;
        if timer.name != PRUNE {
            return pending::due(context, &database, &timer.name);
        }
        let (settings, now): (Settings, _) = (context.settings()?, context.now());
        record::prune(&database, now.saturating_sub(u64::from(settings.keep_days) * DAY))?;
        pending::prune(&database, now)?;
        timeouts::prune(&database, now)
    }
}

fn seen(context: &Context, kind: Kind, user: &User, until: Option<u64>) -> Result<(), Error> {
    let seen = Seen {
        kind,
        user: user.into(),
        until,
    };
    pending::seen(context, &Database::open()?, &context.settings()?, &seen)
}

guildhall_sdk::export!(ModActions);
