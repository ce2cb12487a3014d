//! Spam guard: judges every message by what it says, how fast and where its author writes, and how new the author is.
//! It explains each decision, and prefers to miss spam over punishing a regular.

mod content;
mod history;
mod links;
mod newcomer;
mod response;
mod settings;
mod signal;

use guildhall_sdk::{
    Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, Timer, snowflake_unix_ms,
};
use history::History;
use settings::Settings;
use signal::{Score, Signal};

/// Discord's types of messages that people write: ordinary, and replies.
const WRITTEN: [u8; 2] = [0, 19];
const PRUNE: &str = "prune";

/// The plugin.
pub struct SpamGuard;

impl Plugin for SpamGuard {
    fn describe() -> Description {
        Description::new("spam-guard", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE | EventKinds::TIMER)
            .capabilities(
                Capabilities::DELETE_MESSAGES
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::KICK_MEMBERS
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::MANAGE_ROLES
                    | Capabilities::SEND_MESSAGES,
            )
            .settings_schema(settings::SCHEMA)
            .migration(history::MIGRATION)
            .migration(response::MIGRATION)
            .timer(PRUNE, 600)
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if message.author.bot || message.webhook || !WRITTEN.contains(&message.kind) {
            return Ok(());
        }
        let settings: Settings = context.settings()?;
        let roles = message.member.as_ref().map_or(&[][..], |member| &member.roles);
        if context.is_staff(message.author.id, roles, settings.moderator_role()) {
            return Ok(());
        }
        let database = Database::open()?;
        let history = History::with(&database, message)?;
        let score = judge(&settings, message, &history);
        response::respond(context, &database, &settings, message, &history, &score)
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name == PRUNE {
            history::prune(&Database::open()?, context.now())?;
        }
        Ok(())
    }
}

fn judge(settings: &Settings, message: &Message, history: &History) -> Score {
    if settings
        .honeypot_channels
        .iter()
        .any(|channel| channel.0 == message.channel)
    {
        return Score::of(vec![Signal::new("honeypot_channel", 100)]);
    }
    let text = content::judged_text(message);
    let joined_at = message.member.as_ref().and_then(|member| member.joined_at);
    let tenure = joined_at.map(|joined_at| message.sent_at.saturating_sub(joined_at));
    let mut signals = content::signals(settings, &text, message);
    signals.extend(links::signals(&text));
    signals.extend(newcomer::signals(
        message.sent_at.saturating_sub(snowflake_unix_ms(message.author.id)),
        tenure,
    ));
    // Regulars paste the same code into several channels when they ask for help.
    let excused = tenure.is_some_and(|tenure| tenure > 7 * newcomer::DAY) && content::has_code_block(&text);
    signals.extend(history.signals(excused));
    Score::of(signals)
}

guildhall_sdk::export!(SpamGuard);
