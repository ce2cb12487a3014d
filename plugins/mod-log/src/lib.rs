//! Mod-log: one private thread per user, in which everything about that user stands: reports, what moderators did, what
//! other plugins tell. It files reports and counts them, and carries out what moderators click below them. It judges
//! nobody by itself, and no entry ever notifies anybody.

mod clicks;
mod controls;
mod deletion;
mod direct_action;
mod entries;
mod hierarchy;
mod posted;
mod reports;
mod settings;
mod texts;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, MessageDelete,
    MessageDeleteBulk, Outcome, Plugin, Signal, Timer, UserThreads, mod_log,
};
use settings::Settings;

/// The plugin's id, which its custom ids begin with.
const ID: &str = "mod-log";
const PRUNE: &str = "prune";
pub(crate) const THREADS: UserThreads = UserThreads { prefix: "mod_log" };

/// The plugin.
pub struct ModLog;

impl Plugin for ModLog {
    fn describe() -> Description {
        Description::new(ID, env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::SIGNAL
                    | EventKinds::ACTION_RESULT
                    | EventKinds::INTERACTION_CREATE
                    | EventKinds::MESSAGE_DELETE
                    | EventKinds::MESSAGE_DELETE_BULK
                    | EventKinds::TIMER,
            )
            .topic(mod_log::REPORT)
            .topic(mod_log::ENTRY)
            .capabilities(
                Capabilities::SEND_MESSAGES
                    | Capabilities::CREATE_THREADS
                    | Capabilities::DELETE_MESSAGES
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::KICK_MEMBERS
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::MANAGE_ROLES
                    | Capabilities::RESPOND_TO_INTERACTIONS
                    | Capabilities::READ_DISCORD
                    | Capabilities::SIGNALS,
            )
            .emits(mod_log::FILED)
            .settings_schema(settings::SCHEMA)
            .migration(&UserThreads::migration(THREADS.prefix))
            .migration(reports::MIGRATION)
            .migration(entries::MIGRATION)
            .migration(clicks::MIGRATION)
            .timer(PRUNE, 3600)
    }

    fn signal(context: &Context, signal: &Signal) -> Result<(), Error> {
        let settings = Settings::of(context);
        let outcome = match signal.topic.as_str() {
            mod_log::REPORT => mod_log::Report::read(signal)
                .map(|report| report.map(|report| reports::file(context, &settings, &report))),
            mod_log::ENTRY => {
                mod_log::Entry::read(signal).map(|entry| entry.map(|entry| entries::add(context, &settings, &entry)))
            }
            _ => Ok(None),
        };
        match outcome {
            Ok(done) => done.unwrap_or(Ok(())),
            // The other plugin is of another version; what else it does must not fail for this.
            Err(error) => {
                context.warn(&format!("a signal was left out: {error}"));
                Ok(())
            }
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        let database = Database::open()?;
        let settings = Settings::of(context);
        if let Some(posted) = THREADS.result(context, &database, result)? {
            return posted::stands(context, &database, &settings, &posted);
        }
        if clicks::result(context, &database, &settings, result)? {
            return Ok(());
        }
        if let (Outcome::Refused(refusal), "") = (&result.outcome, result.token.as_str()) {
            context.warn(&format!("Discord refused: {} (code {})", refusal.message, refusal.code));
        }
        Ok(())
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        match interaction.custom_id_of(ID) {
            Some(custom_id) if interaction.is_component() => {
                clicks::take(context, &Settings::of(context), interaction, &custom_id)
            }
            _ => Ok(()),
        }
    }

    fn message_delete(context: &Context, deleted: &MessageDelete) -> Result<(), Error> {
        reports::mark_deleted(&Database::open()?, &[deleted.id], context.now())
    }

    fn message_delete_bulk(context: &Context, deleted: &MessageDeleteBulk) -> Result<(), Error> {
        reports::mark_deleted(&Database::open()?, &deleted.ids, context.now())
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name == PRUNE {
            let database = Database::open()?;
            entries::prune(&database, context.now())?;
            clicks::prune(&database, context.now())?;
        }
        Ok(())
    }
}

guildhall_sdk::export!(ModLog);
