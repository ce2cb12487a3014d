//! Reaction forwarding: a message that enough people react to with an emoji is forwarded to the emoji's channel, once. It never
//! pings, counts no bots, and shows nothing to everyone that not everyone could see where it was written.

mod counting;
mod emoji;
mod forwarding;
mod progress;
mod settings;
mod setup;
mod targets;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, Plugin, Reaction, Timer,
};

/// The plugin's id.
const ID: &str = "reaction-roles-channel";
const PRUNE: &str = "prune";
const SIX_HOURS_SECONDS: u32 = 6 * 3600;

/// The plugin.
pub struct ReactionRolesChannel;

impl Plugin for ReactionRolesChannel {
    fn describe() -> Description {
        Description::new(ID, env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::REACTION_ADD
                    | EventKinds::REACTION_REMOVE
                    | EventKinds::INTERACTION_CREATE
                    | EventKinds::ACTION_RESULT
                    | EventKinds::TIMER,
            )
            .capabilities(
                Capabilities::SEND_MESSAGES | Capabilities::READ_DISCORD | Capabilities::RESPOND_TO_INTERACTIONS,
            )
            .settings_schema(settings::SCHEMA)
            .command(setup::COMMAND)
            .migration(targets::MIGRATION)
            .migration(counting::MIGRATION)
            .migration(progress::MIGRATION)
            .timer(PRUNE, SIX_HOURS_SECONDS)
    }

    fn reaction_add(context: &Context, reaction: &Reaction) -> Result<(), Error> {
        let key = emoji::key(&reaction.emoji);
        let database = Database::open()?;
        // Most emoji have no channel.
        match targets::find(&database, &key)? {
            Some(target) => forwarding::reacted(context, &database, &target, reaction),
            None => Ok(()),
        }
    }

    fn reaction_remove(_: &Context, reaction: &Reaction) -> Result<(), Error> {
        let key = emoji::key(&reaction.emoji);
        counting::forget(&Database::open()?, reaction.message, &key, reaction.user)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        setup::run(context, interaction)
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        forwarding::result(context, &Database::open()?, result)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name != PRUNE {
            return Ok(());
        }
        let (database, settings): (_, settings::Settings) = (Database::open()?, context.settings()?);
        counting::prune(&database, context.now().saturating_sub(settings.keep()))?;
        progress::prune(&database, context.now())
    }
}

guildhall_sdk::export!(ReactionRolesChannel);
