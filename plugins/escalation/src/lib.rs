//! Escalation: staff votes on what to do with a user. It never acts before the vote says so, and never twice.

mod ballot;
mod board;
mod call;
mod carry_out;
mod choice;
mod ending;
mod guild;
mod settings;
mod storage;
mod tally;

use crate::guild::Guild;
use guildhall_sdk::{
    ActionResult, Capabilities, Context, Description, Error, EventKinds, Interaction, Plugin, Timer, mod_log,
};

/// Looks for votes whose timer was lost.
const CHECK: &str = "check";
const DAY: u64 = 24 * 3_600_000;

/// The plugin.
pub struct Escalation;

impl Plugin for Escalation {
    fn describe() -> Description {
        Description::new("escalation", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::INTERACTION_CREATE | EventKinds::TIMER | EventKinds::ACTION_RESULT)
            .capabilities(
                Capabilities::SEND_MESSAGES
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::KICK_MEMBERS
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::MANAGE_ROLES
                    | Capabilities::RESPOND_TO_INTERACTIONS
                    | Capabilities::TIMERS
                    | Capabilities::SIGNALS
                    | Capabilities::READ_DISCORD,
            )
            .emits(mod_log::REPORT)
            .emits(mod_log::ENTRY)
            .settings_schema(settings::SCHEMA)
            .migration(storage::MIGRATION)
            .timer(CHECK, 600)
            .reads("mod-log")
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if !interaction.is_component() {
            return Ok(());
        }
        let Some(id) = interaction.custom_id_of("escalation") else {
            return Ok(());
        };
        let (guild, member) = (Guild::of(context)?, &interaction.member);
        if !context.is_staff(member.user.id, &member.roles, guild.settings.moderator_role()) {
            return interaction
                .answer_privately("Only staff takes part in these votes.")
                .submit();
        }
        match (id.verb(), id.id(1)) {
            ("call", Some(user)) => call::call(&guild, interaction, user),
            ("vote" | "majority" | "expedite", _) => ballot::click(&guild, interaction, &id),
            _ => interaction
                .answer_privately("This button is of another version and does nothing any more.")
                .submit(),
        }
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        let guild = Guild::of(context)?;
        if timer.name == CHECK {
            let over_before = guild.now().saturating_sub(u64::from(guild.settings.keep_days) * DAY);
            storage::prune(&guild.database, guild.now(), over_before)?;
        }
        carry_out::check(&guild)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        let mut parts = result.token.split(':');
        let step = parts.next().unwrap_or_default();
        let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
        let (Some(case), tries) = (number(), number()) else {
            return Ok(());
        };
        let (guild, outcome) = (Guild::of(context)?, &result.outcome);
        match step {
            "posted" => call::posted(&guild, case, outcome),
            "there" => call::there(&guild, case, outcome),
            "shown" => carry_out::shown(&guild, case, outcome),
            "member" | "acted" => match carry_out::running(&guild, case, tries.unwrap_or(0))? {
                Some(case) if step == "member" => carry_out::found(&guild, case, outcome),
                Some(case) => carry_out::acted(&guild, case, outcome),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

guildhall_sdk::export!(Escalation);
