//! A plugin for the tests of what comes later: timers, answers of Discord and of other hosts, refusals, signals of other
//! plugins, interactions, and what moderators did. It repeats in a channel or in the log what came, and its settings.

use guildhall_sdk::{
    Action, ActionResult, AuditLogEntry, Capabilities, Context, Description, Error, EventKinds, Interaction, Message,
    Outcome, Plugin, Signal, Timer, User,
};
use serde_json::Value;

const SETTINGS: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "texts": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "greeting": { "type": "string", "minLength": 1, "default": "hello" },
                "farewell": { "type": "string", "default": "bye" }
            }
        }
    }
}"#;

/// The plugin.
pub struct Echo;

impl Plugin for Echo {
    fn describe() -> Description {
        Description::new("echo", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE | EventKinds::TIMER | EventKinds::ACTION_RESULT | EventKinds::SIGNAL)
            .events(EventKinds::BAN_ADD | EventKinds::BAN_REMOVE | EventKinds::AUDIT_LOG_ENTRY)
            .events(EventKinds::INTERACTION_CREATE)
            .capabilities(Capabilities::SEND_MESSAGES | Capabilities::TIMERS | Capabilities::READ_DISCORD)
            .capabilities(Capabilities::RESPOND_TO_INTERACTIONS | Capabilities::HTTP_REQUESTS)
            .command(r#"{ "name": "echo", "description": "Answers at once" }"#)
            .command(r#"{ "name": "echo-member", "description": "Answers when Discord has told who asks" }"#)
            .settings_schema(SETTINGS)
            .settings_migration(&[("/greeting", "/texts/greeting")], &["/obsolete"])
            .http_host("api.example.org")
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
            "settings" => Action::send_message(channel, context.settings::<Value>()?.to_string()).submit(),
            text => match text.strip_prefix("ask ") {
                Some(url) => Action::http_request(Action::http_get(url), channel.to_string()).submit(),
                None => Ok(()),
            },
        }
    }

    fn interaction_create(_context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if interaction.is_command("echo-member") {
            let token = format!("{} {}", interaction.id, interaction.token);
            return Action::fetch_member(interaction.member.user.id, token).submit();
        }
        if interaction.is_command("echo") {
            return interaction.answer_privately("at once").submit();
        }
        Ok(())
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
        if let (Outcome::Member(member), Some((interaction, token))) = (&result.outcome, result.token.split_once(' '))
            && let Ok(interaction) = interaction.parse()
        {
            return Action::respond_privately(interaction, token, &format!("member {}", member.user.id)).submit();
        }
        match (&result.outcome, result.token.parse()) {
            (Outcome::Member(member), Ok(channel)) => {
                Action::send_message(channel, format!("member {}", member.user.id)).submit()
            }
            (Outcome::HttpResponse(response), Ok(channel)) => {
                let body = String::from_utf8_lossy(&response.body);
                Action::send_message(channel, format!("answer {} {body}", response.status)).submit()
            }
            (Outcome::Failed(reason), Ok(channel)) => {
                Action::send_message(channel, format!("failed: {reason}")).submit()
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
