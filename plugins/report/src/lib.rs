//! Report: hands messages to the log, anonymously for everyone and with name for staff, and shows staff what the log
//! knows of a user. It writes nothing into the log itself: `mod-log` does.

mod deletion;
mod filing;
mod months;
mod neighbours;
mod overview;
mod settings;
mod tracked;

use guildhall_sdk::mod_log::{self, FILED, Filed};
use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, Plugin, Signal, Timer,
};
use settings::Settings;

const PRUNE: &str = "prune";

/// The plugin.
pub struct ReportPlugin;

impl Plugin for ReportPlugin {
    fn describe() -> Description {
        Description::new("report", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::INTERACTION_CREATE | EventKinds::SIGNAL | EventKinds::TIMER | EventKinds::ACTION_RESULT)
            .capabilities(
                Capabilities::DELETE_MESSAGES
                    | Capabilities::RESPOND_TO_INTERACTIONS
                    | Capabilities::TIMERS
                    | Capabilities::SIGNALS,
            )
            .emits(mod_log::REPORT)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .migration(filing::MIGRATION)
            .migration(tracked::MIGRATION)
            .migration(deletion::MIGRATION)
            .command(filing::REPORT)
            .command(filing::TRACK)
            .command(overview::COMMAND)
            .topic(FILED)
            .timer(PRUNE, 3600)
            .reads("mod-log")
            .reads("mod-actions")
            .reads("message-log")
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if interaction.is_command("Report") {
            return filing::report(context, &context.settings()?, interaction);
        }
        let click = interaction
            .custom_id_of("report")
            .filter(|_| interaction.is_component());
        let is_command = interaction.is_command("Track") || interaction.is_command("modreport");
        if click.is_none() && !is_command {
            return Ok(());
        }
        let settings: Settings = context.settings()?;
        let member = &interaction.member;
        // Discord hides the commands from others; a guild can change that.
        if !context.is_staff(member.user.id, &member.roles, settings.moderator_role()) {
            return interaction.answer_privately("This is for staff only.").submit();
        }
        match click {
            Some(id) => deletion::click(context, interaction, &id),
            None if interaction.is_command("Track") => filing::track(context, interaction),
            None => overview::run(context, &settings, interaction),
        }
    }

    fn signal(context: &Context, signal: &Signal) -> Result<(), Error> {
        match Filed::read(signal)? {
            Some(filed) => tracked::filed(context, &filed),
            None => Ok(()),
        }
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name != PRUNE {
            return tracked::lost_patience(context, &timer.name);
        }
        let (database, now) = (Database::open()?, context.now());
        filing::prune(&database, now)?;
        tracked::prune(&database, now)?;
        deletion::prune(&database, now)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        match result.token.strip_prefix("deleted:").and_then(|id| id.parse().ok()) {
            Some(id) => deletion::deleted(context, id, &result.outcome),
            None => Ok(()),
        }
    }
}

guildhall_sdk::export!(ReportPlugin);
