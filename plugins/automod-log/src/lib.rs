//! What Discord's own automod did: a report in the user's thread for whatever it blocked or flagged, and rows of its own. It
//! never acts on anyone: automod has.

mod execution;
mod filing;
mod rules;
mod settings;
mod words;

use guildhall_sdk::{
    ActionResult, AuditLogEntry, AutomodExecution, Capabilities, Context, Database, Description, Error, EventKinds,
    Plugin, Timer, mod_log,
};

const PRUNE: &str = "prune";
const SIX_HOURS_SECONDS: u32 = 6 * 3600;

/// The plugin.
pub struct AutomodLog;

impl Plugin for AutomodLog {
    fn describe() -> Description {
        Description::new("automod-log", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::AUTOMOD_EXECUTION
                    | EventKinds::AUDIT_LOG_ENTRY
                    | EventKinds::ACTION_RESULT
                    | EventKinds::TIMER,
            )
            .capabilities(Capabilities::SIGNALS | Capabilities::READ_DISCORD | Capabilities::TIMERS)
            .emits(mod_log::REPORT)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .migration(execution::MIGRATION)
            .migration(filing::MIGRATION)
            .migration(rules::MIGRATION)
            .timer(PRUNE, SIX_HOURS_SECONDS)
    }

    fn automod_execution(context: &Context, execution: &AutomodExecution) -> Result<(), Error> {
        filing::take(context, &Database::open()?, execution)
    }

    fn audit_log_entry(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
        rules::learn(context, entry)
    }

    fn action_result(_: &Context, result: &ActionResult) -> Result<(), Error> {
        filing::named(&Database::open()?, result)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        let database = Database::open()?;
        if timer.name == PRUNE {
            rules::prune(&database, context.now())?;
            execution::prune(context, &database)
        } else {
            filing::due(context, &database, &timer.name)
        }
    }
}

guildhall_sdk::export!(AutomodLog);
