//! Message-log: what was deleted and what was edited stands in the author's deletion thread, with who deleted it, as far as
//! the audit log tells. It keeps what people write for an hour to be able to, where a deletion log is set at all. It never
//! judges, never punishes, and never notifies anybody.

mod audit_log;
mod cache;
mod deletion;
mod edit;
mod entries;
mod settings;
mod texts;
mod unknown;

use guildhall_sdk::{
    Action, ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Message, MessageDelete,
    MessageDeleteBulk, MessageUpdate, Outcome, Plugin, Timer, UserThreads, is_judged, mod_log,
};
use settings::Settings;

const PRUNE: &str = "prune";
/// The rest of a pruning that was too much for one call.
const PRUNE_ON: &str = "prune-on";
const BOUND: &str = "bound";
pub(crate) const THREADS: UserThreads = UserThreads { prefix: "message_log" };

/// The plugin.
pub struct MessageLog;

impl Plugin for MessageLog {
    fn describe() -> Description {
        Description::new("message-log", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::MESSAGE_CREATE
                    | EventKinds::MESSAGE_UPDATE
                    | EventKinds::MESSAGE_DELETE
                    | EventKinds::MESSAGE_DELETE_BULK
                    | EventKinds::ACTION_RESULT
                    | EventKinds::TIMER,
            )
            .capabilities(
                Capabilities::SEND_MESSAGES
                    | Capabilities::CREATE_THREADS
                    | Capabilities::READ_DISCORD
                    | Capabilities::TIMERS
                    | Capabilities::SIGNALS,
            )
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .migration(&UserThreads::migration(THREADS.prefix))
            .migration(cache::MIGRATION)
            .migration(deletion::MIGRATION)
            .migration(unknown::MIGRATION)
            .timer(PRUNE, 600)
            .timer(BOUND, 3600)
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if !is_judged(message) {
            return Ok(());
        }
        let settings = Settings::of(context);
        if !settings.is_on(context) || settings.ignores(context, message.channel) {
            return Ok(());
        }
        cache::keep(&Database::open()?, &settings, message, context.now())
    }

    fn message_update(context: &Context, update: &MessageUpdate) -> Result<(), Error> {
        edit::take(context, update)
    }

    fn message_delete(context: &Context, deleted: &MessageDelete) -> Result<(), Error> {
        deleted_in(context, deleted.channel, &[deleted.id], false)
    }

    fn message_delete_bulk(context: &Context, deleted: &MessageDeleteBulk) -> Result<(), Error> {
        deleted_in(context, deleted.channel, &deleted.ids, true)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        let (database, settings) = (Database::open()?, Settings::of(context));
        if let Some(posted) = THREADS.result(context, &database, result)? {
            return match settings.log_channel(context) {
                Some(log) if settings.forward && log != posted.thread => {
                    Action::forward(log, posted.thread, posted.message).submit()
                }
                _ => Ok(()),
            };
        }
        if deletion::result(context, &database, &settings, result)? {
            return Ok(());
        }
        if let (Outcome::Refused(refusal), "") = (&result.outcome, result.token.as_str()) {
            context.warn(&format!("Discord refused: {} (code {})", refusal.message, refusal.code));
        }
        Ok(())
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        let settings = Settings::of(context);
        match timer.name.as_str() {
            deletion::TIMER => deletion::ask(context),
            PRUNE | PRUNE_ON => {
                let database = Database::open()?;
                if cache::prune(&database, &settings, context.now())? {
                    Action::schedule_timer(PRUNE_ON, context.now() + 5000, "").submit()?;
                }
                deletion::prune(context, &database, &settings)
            }
            BOUND => cache::bound(&Database::open()?, &settings),
            name => unknown::quiet(context, &settings, name).map(drop),
        }
    }
}

fn deleted_in(context: &Context, channel: u64, messages: &[u64], bulk: bool) -> Result<(), Error> {
    let settings = Settings::of(context);
    if messages.is_empty() || !settings.is_on(context) || settings.ignores(context, channel) {
        return Ok(());
    }
    deletion::begin(context, &settings, channel, messages, bulk)
}

guildhall_sdk::export!(MessageLog);
