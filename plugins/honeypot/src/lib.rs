//! Honeypot: whoever writes in a channel that says not to write in it is a bot, and is treated as one. Staff, bots, webhooks
//! and system messages are left alone. It writes no log itself: `mod-log` does.

mod channels;
mod hit;
mod settings;
mod setup;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, KeptSettings, Message,
    Plugin, Timer, is_judged, measure, mod_log,
};
use settings::Settings;
use std::rc::Rc;

/// Forgets deleted channels and what is old.
const FORGET: &str = "forget";

thread_local! {
    static SETTINGS: KeptSettings<Settings> = const { KeptSettings::new() };
}

/// The plugin.
pub struct Honeypot;

impl Plugin for Honeypot {
    fn describe() -> Description {
        Description::new("honeypot", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::MESSAGE_CREATE
                    | EventKinds::INTERACTION_CREATE
                    | EventKinds::ACTION_RESULT
                    | EventKinds::TIMER,
            )
            .capabilities(
                Capabilities::DELETE_MESSAGES
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::SEND_MESSAGES
                    | Capabilities::CREATE_CHANNELS
                    | Capabilities::RESPOND_TO_INTERACTIONS
                    | Capabilities::SIGNALS
                    | Capabilities::FLAG_USERS,
            )
            .emits(mod_log::REPORT)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .command(setup::COMMAND)
            .migration(channels::MIGRATION)
            .migration(hit::MIGRATION)
            .migration(hit::INDEX)
            .migration(setup::MIGRATION)
            .timer(FORGET, 3600)
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if !is_judged(message) {
            return Ok(());
        }
        let settings = settings(context)?;
        if !channels::is_honeypot(context, &settings, message.channel)? {
            return Ok(());
        }
        let roles = message.member.as_ref().map_or(&[][..], |member| &member.roles);
        if context.is_staff(message.author.id, roles, settings.moderator_role()) {
            return Ok(());
        }
        hit::answer(context, &settings, message)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        setup::run(context, &*settings(context)?, interaction)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        measure::tell_refusal(context, "honeypot", result)?;
        setup::result(context, result)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name != FORGET {
            return Ok(());
        }
        let database = Database::open()?;
        channels::forget_deleted(context, &database)?;
        hit::prune(&database, context.now())?;
        setup::prune(&database, context.now())
    }
}

fn settings(context: &Context) -> Result<Rc<Settings>, Error> {
    SETTINGS.with(|kept| kept.read(context))
}

guildhall_sdk::export!(Honeypot);
