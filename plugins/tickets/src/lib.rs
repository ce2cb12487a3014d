//! Tickets: a button opens a private thread between a member and the moderators, and other buttons close it again. Only here
//! the bot notifies somebody: the opener and the role, once, when a ticket opens. It never shows a ticket to anybody else,
//! but for the transcript in the mod-log.

mod button;
mod closing;
mod log;
mod opening;
mod settings;
mod setup;
mod ticket;
mod transcript;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, Plugin, Timer,
};
use settings::Settings;

/// The plugin's id, with which custom ids begin.
const ID: &str = "tickets";
const PRUNE: &str = "prune";
const DAY_SECONDS: u32 = 24 * 3600;

/// The plugin.
pub struct Tickets;

impl Plugin for Tickets {
    fn describe() -> Description {
        Description::new(ID, env!("CARGO_PKG_VERSION"))
            .events(EventKinds::INTERACTION_CREATE | EventKinds::ACTION_RESULT | EventKinds::TIMER)
            .capabilities(
                Capabilities::SEND_MESSAGES
                    | Capabilities::CREATE_THREADS
                    | Capabilities::READ_DISCORD
                    | Capabilities::RESPOND_TO_INTERACTIONS,
            )
            .settings_schema(settings::SCHEMA)
            .command(setup::COMMAND)
            .migration(button::MIGRATION)
            .migration(ticket::MIGRATION)
            .migration(transcript::MIGRATION)
            .timer(PRUNE, DAY_SECONDS)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if interaction.is_command("tickets-channel") {
            return setup::run(context, &Database::open()?, interaction);
        }
        let Some(custom_id) = interaction.custom_id_of(ID) else {
            return Ok(());
        };
        let (database, settings): (_, Settings) = (Database::open()?, context.settings()?);
        match (custom_id.verb(), custom_id.id(1)) {
            ("open", Some(button)) if interaction.is_component() => {
                opening::ask(context, &database, &settings, interaction, button)
            }
            ("concern", Some(button)) if interaction.is_modal() => {
                opening::open(context, &database, &settings, interaction, button)
            }
            ("close", Some(ticket)) if interaction.is_component() => {
                closing::close(context, &database, &settings, interaction, ticket, custom_id.part(2))
            }
            _ => interaction
                .answer_privately("This button belongs to another version of me and does nothing any more.")
                .submit(),
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        let mut parts = result.token.split(':');
        let verb = parts.next().unwrap_or_default();
        let Some(id) = parts.next().and_then(|id| id.parse::<u64>().ok()) else {
            return Ok(());
        };
        let (database, settings): (_, Settings) = (Database::open()?, context.settings()?);
        let outcome = &result.outcome;
        match verb {
            "button" => setup::posted(context, &database, &settings, id, outcome),
            "thread" => opening::thread_made(context, &database, &settings, id, outcome),
            "member" => opening::member_added(&database, id, outcome),
            "leave" => closing::opener_removed(&database, id, outcome),
            "page" => {
                let page = parts.next().and_then(|page| page.parse().ok()).unwrap_or(0);
                transcript::page(context, &database, &settings, id, page, outcome)
            }
            "log" => log::posted(context, &database, &settings, id, outcome),
            "plain" => log::posted_plain(context, &database, id, outcome),
            _ => Ok(()),
        }
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name != PRUNE {
            return Ok(());
        }
        let (database, settings): (_, Settings) = (Database::open()?, context.settings()?);
        ticket::prune(&database, context.now().saturating_sub(settings.keep()))?;
        transcript::prune(&database)
    }
}

guildhall_sdk::export!(Tickets);
