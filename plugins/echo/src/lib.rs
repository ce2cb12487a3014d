//! A plugin for the tests of what comes later: timers, answers of Discord, refusals, signals of other plugins, and what
//! moderators did. It repeats in a channel or in the log what came.

use guildhall_sdk::{
    Action, ActionResult, AuditLogEntry, Capabilities, Context, Description, Error, EventKinds, Message, Outcome,
    Plugin, Signal, Timer, User,
};

/// The plugin.
pub struct Echo;

impl Plugin for Echo {
    fn describe() -> Description {
        Description::new("echo", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE | EventKinds::TIMER | EventKinds::ACTION_RESULT | EventKinds::SIGNAL)
            .events(EventKinds::BAN_ADD | EventKinds::BAN_REMOVE | EventKinds::AUDIT_LOG_ENTRY)
            .capabilities(Capabilities::SEND_MESSAGES | Capabilities::TIMERS | Capabilities::READ_DISCORD)
            .timer("every second", 1)
            .topic("echo")
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        let channel = message.channel;
        match message.content.as_str() {
            "later" => Action::schedule_timer("later", context.now() + 300, channel.to_string()).submit(),
            "never" => {
                Action::schedule_timer("never", context.now() + 300, channel.to_string()).submit()?;
                Action::cancel_timer("never").submit()
            }
            "who" => Action::fetch_member(message.author.id, channel.to_string()).submit(),
            "nowhere" => Action::send_message(1, "there is no such channel").submit(),
            _ => Ok(()),
        }
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        match timer.payload.parse() {
            Ok(channel) => Action::send_message(channel, format!("timer {}", timer.name)).submit(),
            Err(_) => {
                context.log(&format!("timer {}", timer.name));
                Ok(())
            }
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        match (&result.outcome, result.token.parse()) {
            (Outcome::Member(member), Ok(channel)) => {
                Action::send_message(channel, format!("member {}", member.user.id)).submit()
            }
            (Outcome::Refused(refusal), _) => {
                context.log(&format!("refused: {} {}", refusal.code, refusal.message));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ban_add(context: &Context, user: &User) -> Result<(), Error> {
        context.log(&format!("banned {} {}", user.id, user.username));
        Ok(())
    }

    fn ban_remove(context: &Context, user: &User) -> Result<(), Error> {
        context.log(&format!("unbanned {} {}", user.id, user.username));
        Ok(())
    }

    fn audit_log_entry(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
        context.log(&format!("entry {} of kind {}", entry.id, entry.action));
        Ok(())
    }

    fn signal(context: &Context, signal: &Signal) -> Result<(), Error> {
        context.log(&format!("signal from {}: {}", signal.from, signal.payload));
        Ok(())
    }
}

guildhall_sdk::export!(Echo);
