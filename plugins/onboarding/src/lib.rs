//! Onboarding: sets up what all plugins share, says what moderation lacks in a guild and how to mend it, and greets once. It
//! judges nobody, and writes nothing but that.

mod check;
mod facts;
mod greeting;
mod lost;
mod requirements;
mod setting;
mod setup;

use guildhall_sdk::{
    ActionResult, AuditLogEntry, Capabilities, Context, Description, Error, EventKinds, Interaction, Plugin, Timer,
};

/// The recurring timer that looks for what is gone.
const LOOK: &str = "look";

/// The plugin.
pub struct Onboarding;

impl Plugin for Onboarding {
    fn describe() -> Description {
        Description::new("onboarding", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::INTERACTION_CREATE
                    | EventKinds::GUILD_CREATE
                    | EventKinds::AUDIT_LOG_ENTRY
                    | EventKinds::TIMER
                    | EventKinds::ACTION_RESULT,
            )
            .capabilities(
                Capabilities::RESPOND_TO_INTERACTIONS
                    | Capabilities::SEND_MESSAGES
                    | Capabilities::DIRECT_MESSAGES
                    | Capabilities::CONFIGURE_GUILD,
            )
            .command(setup::COMMAND)
            .command(check::COMMAND)
            .timer(LOOK, 3600)
            .migration(greeting::MIGRATION)
            .migration(lost::MIGRATION)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if interaction.is_command(setup::NAME) {
            return setup::run(context, interaction);
        }
        let checks_again = interaction.is_component() && interaction.custom_id == check::AGAIN;
        if checks_again || interaction.is_command(check::NAME) {
            return check::run(context, interaction);
        }
        Ok(())
    }

    fn guild_create(context: &Context) -> Result<(), Error> {
        greeting::greet(context)?;
        lost::look(context)
    }

    fn audit_log_entry(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
        lost::deleted(context, entry)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name == LOOK {
            lost::look(context)
        } else {
            Ok(())
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        greeting::sent(context, result)?;
        lost::sent(context, result)
    }
}

guildhall_sdk::export!(Onboarding);
