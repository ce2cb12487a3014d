//! Spam guard: judges every message by what it says, where its links lead, how fast and where its author writes, and how new
//! the author is. It explains each decision, and prefers to miss spam over punishing a regular. It never judges staff, bots,
//! webhooks or system messages, and it writes nothing itself: `mod-log` does.

mod content;
mod flagged;
mod history;
mod hosts;
mod identity;
mod judgement;
#[cfg(test)]
mod labelled;
mod links;
mod newcomer;
mod reports;
mod response;
mod settings;
mod signal;
#[cfg(test)]
mod testing;
mod text;

use guildhall_sdk::{
    ActionResult, Capabilities, Context, Database, Description, Error, EventKinds, FlaggedUser, KeptSettings, Message,
    Plugin, Timer, is_judged, measure, mod_log, params,
};
use history::History;
use identity::Identity;
use response::Response;
use settings::Settings;
use signal::Tier;
use std::rc::Rc;
use text::Text;

/// Forgets messages.
const PRUNE: &str = "prune";
/// Forgets decisions.
const FORGET: &str = "forget";

thread_local! {
    static SETTINGS: KeptSettings<Settings> = const { KeptSettings::new() };
}

/// The plugin.
pub struct SpamGuard;

impl Plugin for SpamGuard {
    fn describe() -> Description {
        Description::new("spam-guard", env!("CARGO_PKG_VERSION"))
            .events(
                EventKinds::MESSAGE_CREATE | EventKinds::TIMER | EventKinds::ACTION_RESULT | EventKinds::USER_FLAGGED,
            )
            .capabilities(
                Capabilities::DELETE_MESSAGES
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::KICK_MEMBERS
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::MANAGE_ROLES
                    | Capabilities::SIGNALS
                    | Capabilities::READ_DISCORD
                    | Capabilities::DIRECT_MESSAGES
                    | Capabilities::FLAG_USERS,
            )
            .emits(mod_log::REPORT)
            .emits(mod_log::ENTRY)
            .settings_schema(&settings::schema())
            .migration(history::FIRST_MIGRATION)
            .migration(reports::MIGRATION)
            .migration(history::MIGRATION)
            .migration(flagged::MIGRATION)
            .reads("honeypot")
            .timer(PRUNE, 600)
            .timer(FORGET, 86_400)
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if !is_judged(message) {
            return Ok(());
        }
        let settings = settings(context)?;
        let text = Text::of(message);
        let database = Database::open()?;
        let history = History::with(&database, message, Identity::of(message, &text))?;
        let score = judgement::judge(&settings, message, &text, &history);
        if score.tier(&settings) == Tier::None {
            return Ok(());
        }
        // Asked last: few messages come so far, and most of them are not staff's.
        let roles = message.member.as_ref().map_or(&[][..], |member| &member.roles);
        if context.is_staff(message.author.id, roles, settings.moderator_role()) {
            return Ok(());
        }
        if is_honeypots(&database, message)? {
            return Ok(());
        }
        Response {
            context,
            database: &database,
            settings: &settings,
            message,
            history: &history,
            score: &score,
        }
        .give()
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        let (database, now) = (Database::open()?, context.now());
        match timer.name.as_str() {
            PRUNE => history::prune(&database, now),
            FORGET => reports::prune(&database, now).and_then(|()| flagged::prune(&database, now)),
            _ => Ok(()),
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        measure::tell_refusal(context, "spam-guard", result)?;
        flagged::result(context, &*settings(context)?, result)
    }

    fn user_flagged(context: &Context, flagged: &FlaggedUser) -> Result<(), Error> {
        flagged::flagged(&*settings(context)?, flagged)
    }
}

/// Whether the honeypot plugin has answered the message already: nothing else counts then.
fn is_honeypots(database: &Database, message: &Message) -> Result<bool, Error> {
    let there: Option<(String,)> =
        database.query_first("SELECT name FROM sqlite_master WHERE name = 'honeypot_hits'", params![])?;
    if there.is_none() {
        return Ok(false);
    }
    let hit: Option<(u64,)> = database.query_first(
        "SELECT message FROM honeypot_hits WHERE message = ?1",
        params![message.id],
    )?;
    Ok(hit.is_some())
}

fn settings(context: &Context) -> Result<Rc<Settings>, Error> {
    SETTINGS.with(|kept| kept.read(context))
}

guildhall_sdk::export!(SpamGuard);
