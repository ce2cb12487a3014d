//! Keyword strikes: a message with a keyword is deleted and costs a strike, and too many strikes are a timeout.

mod description;
mod settings;
mod strikes;
mod words;

use description::FORGIVE;
use guildhall_sdk::{
    Action, ActionResult, Context, Description, Error, Interaction, Message, Outcome, Plugin, Timer, metrics,
};
use settings::{Settings, is_staff};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

struct KeywordStrikes;

/// An error undoes the call's rows and actions.
impl Plugin for KeywordStrikes {
    fn describe() -> Description {
        description::describe()
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        // Webhooks are no members.
        let Some(member) = &message.member else { return Ok(()) };
        if message.author.bot || is_staff(context, member) {
            return Ok(());
        }
        let settings: Settings = context.settings()?;
        match words::find_keyword(&message.content, &settings.keywords) {
            Some(keyword) => judge(context, &settings, message, &keyword),
            None => Ok(()),
        }
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        if interaction.is_command("strikes") {
            show_strikes(context, interaction)
        } else {
            Ok(())
        }
    }

    fn timer(context: &Context, timer: &Timer) -> Result<(), Error> {
        if timer.name == FORGIVE {
            forgive(context)
        } else {
            Ok(())
        }
    }

    fn action_result(context: &Context, result: &ActionResult) -> Result<(), Error> {
        if let (Some(user), Outcome::Refused(refusal)) = (result.token.strip_prefix("timeout:"), &result.outcome) {
            context.warn(&format!(
                "The timeout of {user} was refused: {} ({})",
                refusal.message, refusal.code
            ));
        }
        Ok(())
    }
}

fn judge(context: &Context, settings: &Settings, message: &Message, keyword: &str) -> Result<(), Error> {
    metrics::count("matches", 1);
    let user = message.author.id;
    strikes::add(message, keyword, context.now())?;
    let count = strikes::of(user)?.len() as u64;
    let strike = format!("Strike {count} of {}, for \"{keyword}\"", settings.limit);
    context.log_with(&strike, &[("user", user.to_string())]);
    Action::delete_messages(message.channel, vec![message.id])
        .reason(&strike)
        .submit()?;
    if count < settings.limit {
        return Ok(());
    }
    let until = context.now() + settings.timeout_minutes * MINUTE;
    Action::timeout(user, until)
        .reason(&strike)
        .token(format!("timeout:{user}"))
        .submit()?;
    if let Some(channel) = settings.log_channel(context) {
        let text = format!("<@{user}> gets a timeout until <t:{}:t>. {strike}.", until / 1000);
        Action::send_message(channel, text).submit()?;
    }
    strikes::clear(user)
}

fn show_strikes(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    let user = interaction
        .command_data()?
        .id("user")
        .ok_or_else(|| Error::Invalid("no user is named".into()))?;
    let strikes = strikes::of(user)?;
    if strikes.is_empty() {
        return interaction
            .answer_privately(&format!("<@{user}> has no strikes."))
            .submit();
    }
    let settings: Settings = context.settings()?;
    let mut answer = format!("<@{user}> has {} of {} strikes:", strikes.len(), settings.limit);
    for (keyword, at) in strikes {
        answer += &format!("\n- \"{keyword}\" <t:{}:R>", at / 1000);
    }
    interaction.answer_privately(&answer).submit()
}

fn forgive(context: &Context) -> Result<(), Error> {
    let settings: Settings = context.settings()?;
    let forgiven = strikes::forgive(context.now() - settings.forgive_hours * HOUR)?;
    if forgiven > 0 {
        metrics::count("forgiven", forgiven);
        context.log(&format!("Strikes forgiven: {forgiven}"));
    }
    Ok(())
}

guildhall_sdk::export!(KeywordStrikes);
