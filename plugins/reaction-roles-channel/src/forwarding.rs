//! From a reaction to a forwarded message. A message that is done with stays known, so that it is never forwarded twice.
//!
//! Messages from after the emoji was set are counted by the plugin's own rows. For older ones Discord is asked, one question at
//! a time for each message.

use crate::counting::{self, Known, Verdict};
use crate::emoji;
use crate::progress::{
    ASKING, DONE, FORWARDING, Progress, drop_progress, find, find_by_id, set_again, set_state, set_unsure,
};
use crate::settings::Settings;
use crate::targets::{self, Target};
use guildhall_sdk::{
    Action, ActionResult, Context, Database, Error, Id, Message, Outcome, Reaction, Refusal, permission,
    snowflake_unix_ms,
};

/// After this time a question counts as lost.
const ANSWERED_WITHIN: u64 = 10 * 60_000;
/// So often a message is asked for that seems to be old news: events under way arrive within seconds.
const UNSURE_TIMES: u64 = 3;
/// Discord's type of a private thread.
const PRIVATE_THREAD: u8 = 12;

/// Discord's error codes: no access; no permission.
const MISSING_ACCESS: u32 = 50_001;
const MISSING_PERMISSIONS: u32 = 50_013;

/// Takes up a reaction with an emoji that has a channel.
pub(crate) fn reacted(
    context: &Context,
    database: &Database,
    target: &Target,
    reaction: &Reaction,
) -> Result<(), Error> {
    let (message, now) = (reaction.message, context.now());
    if reaction.channel == target.channel {
        return Ok(());
    }
    let progress = find(database, message, &target.emoji)?;
    if progress.as_ref().is_some_and(|progress| progress.state == DONE) {
        return Ok(());
    }
    let is_bot = reaction.member.as_ref().is_some_and(|member| member.user.bot)
        || context.info().is_some_and(|guild| guild.own_user == reaction.user);
    let is_new = counting::note(database, message, &target.emoji, reaction.user, is_bot, now)?;
    if is_bot || !is_new {
        return Ok(());
    }
    match progress {
        Some(progress) if progress.state == ASKING && progress.at + ANSWERED_WITHIN > now => {
            set_again(database, progress.id)
        }
        Some(progress) if progress.state == FORWARDING => Ok(()),
        _ if snowflake_unix_ms(message) >= target.known_since => {
            let Known { people, .. } = counting::known(database, message, &target.emoji)?;
            if people < target.threshold {
                return Ok(());
            }
            forward(context, database, target, reaction.channel, message, people)
        }
        _ => ask(context, database, &target.emoji, reaction.channel, message),
    }
}

/// Takes up what Discord answers.
pub(crate) fn result(context: &Context, database: &Database, result: &ActionResult) -> Result<(), Error> {
    let Some((verb, id)) = result.token.split_once(':') else {
        return Ok(());
    };
    let Some(progress) = id
        .parse()
        .ok()
        .map(|id| find_by_id(database, id))
        .transpose()?
        .flatten()
    else {
        return Ok(());
    };
    // Somebody may have taken the channel from the emoji meanwhile.
    let target = targets::find(database, &progress.emoji)?;
    match (verb, target) {
        ("count", Some(target)) => counted(context, database, &target, &progress, &result.outcome),
        ("count", None) => drop_progress(database, progress.id),
        ("forward", target) => forwarded(context, database, target.as_ref(), &progress, &result.outcome),
        _ => Ok(()),
    }
}

fn ask(context: &Context, database: &Database, emoji: &str, channel: Id, message: Id) -> Result<(), Error> {
    let id = set_state(context, database, emoji, channel, message, ASKING, 0)?;
    Action::fetch_message(channel, message, format!("count:{id}")).submit()
}

fn counted(
    context: &Context,
    database: &Database,
    target: &Target,
    progress: &Progress,
    outcome: &Outcome,
) -> Result<(), Error> {
    let message = match outcome {
        Outcome::Message(message) => message,
        Outcome::Refused(refusal) if refusal.is_gone() || refusal.is_channel_gone() => {
            counting::forget_message(database, progress.message, &progress.emoji)?;
            return drop_progress(database, progress.id);
        }
        // The question stays open for a while, so that not every reaction asks again in vain.
        refused => {
            context.warn(&format!(
                "the reactions to message {} in channel {} cannot be counted: {}",
                progress.message,
                progress.channel,
                words(refused)
            ));
            return Ok(());
        }
    };
    let known = counting::known(database, progress.message, &progress.emoji)?;
    let count = discords_count(message, &progress.emoji);
    let verdict = counting::judge(count, known, target.threshold);
    match verdict {
        Verdict::Reached => {
            let people = count.saturating_sub(known.bots);
            forward(context, database, target, progress.channel, progress.message, people)
        }
        Verdict::Unsure if progress.unsure + 1 >= UNSURE_TIMES => {
            done(context, database, &target.emoji, progress.channel, progress.message)
        }
        Verdict::Below | Verdict::Unsure if progress.again => {
            if verdict == Verdict::Unsure {
                set_unsure(database, progress.id)?;
            }
            ask(context, database, &progress.emoji, progress.channel, progress.message)
        }
        Verdict::Unsure => set_unsure(database, progress.id),
        Verdict::Below => drop_progress(database, progress.id),
        Verdict::Past => done(context, database, &target.emoji, progress.channel, progress.message),
    }
}

fn discords_count(message: &Message, key: &str) -> u64 {
    let reaction = message
        .reactions
        .iter()
        .find(|reaction| emoji::key(&reaction.emoji) == key);
    reaction.map_or(0, |reaction| u64::from(reaction.count))
}

fn forward(
    context: &Context,
    database: &Database,
    target: &Target,
    channel: Id,
    message: Id,
    people: u64,
) -> Result<(), Error> {
    let settings: Settings = context.settings()?;
    if !settings.forward_private && everyone_sees(context, target.channel) && !everyone_sees(context, channel) {
        context.log(&format!(
            "message {message} is not forwarded: everyone sees channel {}, but not channel {channel}",
            target.channel
        ));
        return done(context, database, &target.emoji, channel, message);
    }
    let id = set_state(context, database, &target.emoji, channel, message, FORWARDING, people)?;
    Action::forward(target.channel, channel, message)
        .token(format!("forward:{id}"))
        .submit()
}

fn forwarded(
    context: &Context,
    database: &Database,
    target: Option<&Target>,
    progress: &Progress,
    outcome: &Outcome,
) -> Result<(), Error> {
    match (outcome, target) {
        (Outcome::Message(sent), Some(target)) => {
            let settings: Settings = context.settings()?;
            let named = counting::people(database, progress.message, &progress.emoji, settings.names)?;
            let known = counting::known(database, progress.message, &progress.emoji)?;
            let line = line(&target.shown, &named, progress.people.max(known.people));
            Action::send_message(sent.channel, line).submit()?;
        }
        (Outcome::Refused(refusal), Some(target)) => refused(context, database, target, progress, refusal)?,
        _ => {}
    }
    done(context, database, &progress.emoji, progress.channel, progress.message)
}

/// `⭐ by @ann, @bob and 3 others`.
fn line(shown: &str, named: &[Id], people: u64) -> String {
    let names: Vec<_> = named.iter().map(|user| format!("<@{user}>")).collect();
    let others = people.saturating_sub(u64::try_from(named.len()).unwrap_or(u64::MAX));
    match (names.is_empty(), others) {
        (true, others) => format!("{shown} by {others}"),
        (false, 0) => format!("{shown} by {}", names.join(", ")),
        (false, 1) => format!("{shown} by {} and 1 other", names.join(", ")),
        (false, others) => format!("{shown} by {} and {others} others", names.join(", ")),
    }
}

/// What moderators can mend they hear of; a message that Discord does not forward is nobody's fault.
fn refused(
    context: &Context,
    database: &Database,
    target: &Target,
    progress: &Progress,
    refusal: &Refusal,
) -> Result<(), Error> {
    let Target {
        shown, channel, emoji, ..
    } = target;
    context.warn(&format!(
        "message {} of channel {} was not forwarded to channel {channel}: {} (code {})",
        progress.message, progress.channel, refusal.message, refusal.code
    ));
    let complaint = match refusal.code {
        _ if refusal.is_channel_gone() => {
            targets::remove(database, emoji)?;
            counting::forget_emoji(database, emoji)?;
            format!(
                "{shown} does not forward messages any more: its channel is gone. \
                 `/setup-reactji-channel` in another channel sets it again."
            )
        }
        MISSING_ACCESS | MISSING_PERMISSIONS if targets::may_complain(database, emoji, context.now())? => format!(
            "A message with {shown} could not be forwarded to <#{channel}>. I need View Channel and Send Messages there, \
             and View Channel and Read Message History in <#{}>.",
            progress.channel
        ),
        _ => return Ok(()),
    };
    match context.log_channel() {
        Some(log) => Action::send_message(log, complaint).submit(),
        None => Ok(()),
    }
}

/// Whether a member without any role sees what is written there.
fn everyone_sees(context: &Context, channel: Id) -> bool {
    let is_private_thread = context
        .channel(channel)
        .is_none_or(|channel| channel.kind == PRIVATE_THREAD);
    // Nobody has the guild's id: these are the permissions of @everyone.
    !is_private_thread
        && permission::allows(
            context.permissions(context.guild, &[], Some(channel)),
            permission::VIEW_CHANNEL,
        )
}

fn done(context: &Context, database: &Database, emoji: &str, channel: Id, message: Id) -> Result<(), Error> {
    set_state(context, database, emoji, channel, message, DONE, 0)?;
    counting::forget_message(database, message, emoji)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => format!("{} (code {})", refusal.message, refusal.code),
        other => format!("unexpected answer {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_some_and_counts_the_others() {
        assert_eq!(line("⭐", &[1, 2], 2), "⭐ by <@1>, <@2>");
        assert_eq!(line("⭐", &[1, 2], 3), "⭐ by <@1>, <@2> and 1 other");
        assert_eq!(line("⭐", &[1], 9), "⭐ by <@1> and 8 others");
        assert_eq!(line("⭐", &[], 9), "⭐ by 9");
        assert_eq!(
            line("⭐", &[1, 2], 1),
            "⭐ by <@1>, <@2>",
            "one was taken back meanwhile"
        );
    }
}
