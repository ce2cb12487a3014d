//! Activity: counts who writes where and how much, for moderators who want to know how their community is doing. It keeps
//! numbers and never a text, and everyone can have theirs, erase them, and be left out.

mod command;
mod counts;
mod erase;
mod export;
mod figures;
mod moment;
mod names;
mod place;
mod record;
mod schema;
mod settings;
mod upkeep;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Description, Error, EventKinds, Interaction, Message, MessageDelete,
    MessageDeleteBulk, MessageUpdate, Plugin, Reaction, Timer, is_judged,
};
use place::Place;
use settings::SETTINGS;

/// The plugin.
pub struct Activity;

impl Plugin for Activity {
    fn describe() -> Description {
        let description = Description::new("activity", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::MESSAGE_CREATE
                    | EventKinds::MESSAGE_UPDATE
                    | EventKinds::MESSAGE_DELETE
                    | EventKinds::MESSAGE_DELETE_BULK
                    | EventKinds::REACTION_ADD
                    | EventKinds::REACTION_REMOVE
                    | EventKinds::INTERACTION_CREATE
                    | EventKinds::TIMER
                    | EventKinds::ACTION_RESULT,
            )
            .capabilities(Capabilities::RESPOND_TO_INTERACTIONS | Capabilities::DIRECT_MESSAGES | Capabilities::TIMERS)
            .settings_schema(settings::SCHEMA)
            .command(command::COMMAND)
            .timer(upkeep::HOURLY, 3600);
        schema::steps()
            .iter()
            .fold(description, |description, step| description.migration(step))
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if !is_judged(message) {
            return Ok(());
        }
        let settings = SETTINGS.with(|kept| kept.read(context))?;
        match Place::of(context, &settings, message.channel) {
            Some(place) => record::sent(context, message, place),
            None => Ok(()),
        }
    }

    fn message_update(_: &Context, update: &MessageUpdate) -> Result<(), Error> {
        record::edited(update)
    }

    fn message_delete(_: &Context, deleted: &MessageDelete) -> Result<(), Error> {
        record::deleted(&[deleted.id])
    }

    fn message_delete_bulk(_: &Context, deleted: &MessageDeleteBulk) -> Result<(), Error> {
        record::deleted(&deleted.ids)
    }

    fn reaction_add(_: &Context, reaction: &Reaction) -> Result<(), Error> {
        record::reacted(reaction)
    }

    fn reaction_remove(_: &Context, reaction: &Reaction) -> Result<(), Error> {
        record::unreacted(reaction)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        let settings = SETTINGS.with(|kept| kept.read(context))?;
        command::run(context, &settings, interaction)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        match timer.name.as_str() {
            upkeep::HOURLY | upkeep::MORE => {
                let settings = SETTINGS.with(|kept| kept.read(context))?;
                upkeep::run(context, &settings)
            }
            _ => erase::go_on(context, timer),
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        export::sent(context, result)
    }
}

guildhall_sdk::export!(Activity);
