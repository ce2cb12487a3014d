//! [Escalate]: opens a vote on a user, or leads to the one that is open.

use crate::carry_out;
use crate::guild::Guild;
use crate::storage::{self, Case, NewCase, State, Waiting};
use crate::tally::ends_at;
use guildhall_sdk::{Action, Context, Error, Id, Interaction, Outcome, message_link, permission};

/// How long Discord may take to answer where the vote message stands.
const ANSWER: u64 = 10 * 60 * 1000;

/// Answers when the vote message stands there: only then there is a link to give.
pub(crate) fn call(guild: &Guild<'_>, interaction: &Interaction, user: Id) -> Result<(), Error> {
    let Some(channel) = interaction.channel else {
        let answer = "A vote can only be called in a channel or thread.";
        return interaction.answer_privately(answer).submit();
    };
    let open = Case::about(&guild.database, user)?;
    let is_new = open.is_none();
    let case = match open {
        Some(case) => case,
        None => begin(guild, interaction, channel, user)?,
    };
    let waiting = Waiting {
        interaction: interaction.id,
        token: interaction.token.clone(),
        channel,
    };
    storage::wait(&guild.database, &waiting, case.id, guild.now())?;
    interaction.defer_privately().submit()?;
    match case.message {
        // Discord is about to answer where it stands; when it did not for so long, its answer was lost.
        None if !is_new && guild.now() < case.created_at + ANSWER => Ok(()),
        None => post(guild, &case),
        // Somebody may have deleted it: then it is posted again.
        Some(message) => Action::fetch_message(case.thread, message, format!("there:{}", case.id)).submit(),
    }
}

fn begin(guild: &Guild<'_>, interaction: &Interaction, thread: Id, user: Id) -> Result<Case, Error> {
    let (settings, created_at) = (&guild.settings, guild.now());
    let name = storage::known_name(&guild.database, user);
    let case = NewCase {
        user,
        name: &name,
        caller: interaction.member.user.id,
        thread,
        quorum: settings.quorum(guild.context),
        created_at,
        due_at: ends_at(created_at, 0, settings.longest_hours, settings.hours_per_vote),
    };
    let case = case.insert(&guild.database)?;
    carry_out::wake(guild, &case).submit()?;
    Ok(case)
}

/// Posts the vote message, or posts it again.
pub(crate) fn post(guild: &Guild<'_>, case: &Case) -> Result<(), Error> {
    let message = Action::send(case.thread, guild.board(case)?.body());
    message.token(format!("posted:{}", case.id)).submit()
}

/// The vote message stands there, or cannot.
pub(crate) fn posted(guild: &Guild<'_>, case: u64, outcome: &Outcome) -> Result<(), Error> {
    let Some(mut case) = Case::load(&guild.database, case)? else {
        return Ok(());
    };
    let context = guild.context;
    if let Outcome::Message(message) = outcome {
        case.message = Some(message.id);
        case.save(&guild.database)?;
        if case.state == State::Closed {
            carry_out::show(guild, &case)?;
        }
        let link = message_link(context.guild, message.channel, message.id);
        return answer_waiting(guild, case.id, &format!("The vote is open: {link}"));
    }
    let reason = reason(context, &case, outcome);
    context.warn(&format!("the vote on user {} was not posted: {reason}", case.user));
    answer_waiting(
        guild,
        case.id,
        &format!("The vote could not be posted in <#{}>: {reason}.", case.thread),
    )?;
    // Votes that nobody can see must not decide; one that was seen goes on.
    if case.message.is_none() && case.state == State::Open {
        Action::cancel_timer(carry_out::timer(case.id)).submit()?;
        case.forget(&guild.database)?;
    }
    Ok(())
}

/// Whether the message of an open vote is still there.
pub(crate) fn there(guild: &Guild<'_>, id: u64, outcome: &Outcome) -> Result<(), Error> {
    let case = Case::load(&guild.database, id)?.filter(|case| case.state != State::Closed);
    let Some(mut case) = case else {
        return answer_waiting(guild, id, "This vote has just ended.");
    };
    if is_gone(outcome) {
        if let Some(channel) = storage::last_channel(&guild.database, case.id)? {
            case.thread = channel;
            case.save(&guild.database)?;
        }
        return post(guild, &case);
    }
    let link = |message| message_link(guild.context.guild, case.thread, message);
    let link = case.message.map(link).unwrap_or_default();
    answer_waiting(guild, case.id, &format!("There is a vote on this user already: {link}"))
}

/// Whether Discord says that a message or its channel was deleted.
pub(crate) fn is_gone(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.is_gone() || refusal.is_channel_gone())
}

fn answer_waiting(guild: &Guild<'_>, case: u64, answer: &str) -> Result<(), Error> {
    for waiting in storage::take_waiting(&guild.database, case)? {
        Action::respond_privately(waiting.interaction, &waiting.token, answer).submit()?;
    }
    Ok(())
}

fn reason(context: &Context, case: &Case, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) if refusal.is_channel_gone() => "the channel is gone".into(),
        Outcome::Refused(_) if !may_post(context, case.thread) => "I may not send messages there".into(),
        Outcome::Refused(refusal) => format!("Discord says “{}” (code {})", refusal.message, refusal.code),
        other => format!("an unexpected answer, {other:?}"),
    }
}

fn may_post(context: &Context, channel: Id) -> bool {
    let own = context.own_permissions(channel).unwrap_or(u64::MAX);
    let sends = [permission::SEND_MESSAGES, permission::SEND_MESSAGES_IN_THREADS];
    permission::allows(own, permission::VIEW_CHANNEL) && sends.iter().any(|sends| permission::allows(own, *sends))
}
