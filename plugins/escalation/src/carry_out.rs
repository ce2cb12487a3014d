//! Carrying a result out: is the user still here, the action, and what came of it. Each step waits for Discord's answer in
//! the case's row, so that a restart in between loses nothing and does nothing twice. A step whose answer never comes is
//! begun anew after an hour: timeouts, roles, kicks and bans can be repeated.

use crate::board::subject;
use crate::call::{is_gone, post};
use crate::choice::Choice;
use crate::ending::{counts, reply, tell};
use crate::guild::Guild;
use crate::storage::{Case, State};
use guildhall_sdk::{Action, Error, Interaction, Outcome, Refusal, one_line, relative_time};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// A try that Discord has not answered for so long counts as lost.
const LOST: u64 = HOUR;
/// Tries come every quarter of an hour, and after two hours of them every six hours.
const FIRST_TRIES: u64 = 8;
const GIVE_UP: u64 = 7 * 24 * HOUR;
/// Between the first tries, and after a change of the votes.
pub(crate) const PAUSE: u64 = 15 * MINUTE;

/// Discord: the user is not in the guild.
const UNKNOWN_MEMBER: u32 = 10_007;
/// Discord: the role was deleted.
const UNKNOWN_ROLE: u32 = 10_011;
/// Discord: the account was deleted.
const UNKNOWN_USER: u32 = 10_013;

/// What makes a result be carried out.
#[derive(Clone, Copy)]
pub(crate) enum By<'call> {
    /// The end of the vote, or the time of the next try.
    Time,
    /// Somebody expedited it: the click is answered with the vote message.
    Click(&'call Interaction),
}

/// The name of a case's timer.
pub(crate) fn timer(case: u64) -> String {
    format!("resolve:{case}")
}

/// The timer that looks at the case again when its time comes; it takes the place of an earlier one.
pub(crate) fn wake(guild: &Guild<'_>, case: &Case) -> Action {
    Action::schedule_timer(timer(case.id), case.next_at().max(guild.now()), "")
}

/// Takes up every case whose time has come.
pub(crate) fn check(guild: &Guild<'_>) -> Result<(), Error> {
    for case in Case::due(&guild.database, guild.now())? {
        begin(guild, case, By::Time)?;
    }
    Ok(())
}

/// Asks whether the user is still here; a vote for no action is over at once.
pub(crate) fn begin(guild: &Guild<'_>, mut case: Case, by: By<'_>) -> Result<(), Error> {
    let result = case.tally(&guild.database)?.result();
    case.result = Some(result);
    if result == Choice::NoAction {
        case.note = None;
        return close(guild, case, by);
    }
    case.state = State::Running;
    case.tries += 1;
    case.look_at = guild.now() + LOST;
    case.save(&guild.database)?;
    wake(guild, &case).submit()?;
    if let By::Click(interaction) = by {
        let board = guild.board(&case)?;
        interaction.update_message(&board.content(), &board.rows()).submit()?;
    }
    Action::fetch_member(case.user, token("member", &case)).submit()
}

/// Token of a step: an answer to an earlier try is not one to this.
fn token(step: &str, case: &Case) -> String {
    format!("{step}:{}:{}", case.id, case.tries)
}

/// The running case that an answer belongs to.
pub(crate) fn running(guild: &Guild<'_>, case: u64, tries: u64) -> Result<Option<Case>, Error> {
    let case = Case::load(&guild.database, case)?;
    Ok(case.filter(|case| case.state == State::Running && case.tries == tries))
}

/// Discord has said whether the user is here.
pub(crate) fn found(guild: &Guild<'_>, mut case: Case, outcome: &Outcome) -> Result<(), Error> {
    let words = match outcome {
        Outcome::Member(member) => {
            case.name.clone_from(&member.user.username);
            return act(guild, case);
        }
        Outcome::Refused(refusal) if is_user_gone(refusal) => return close_gone(guild, case, refusal),
        Outcome::Refused(refusal) => format!("{} (code {})", one_line(&refusal.message, 200), refusal.code),
        other => format!("{other:?}"),
    };
    fail(
        guild,
        case,
        &format!("Discord does not say whether the user is still here, but “{words}”"),
    )
}

fn act(guild: &Guild<'_>, case: Case) -> Result<(), Error> {
    case.save(&guild.database)?;
    let settings = &guild.settings;
    let action = match case.result.unwrap_or(Choice::NoAction) {
        Choice::NoAction => return close(guild, case, By::Time),
        Choice::Timeout => Action::timeout(case.user, guild.now() + u64::from(settings.timeout_hours) * HOUR),
        Choice::Restrict => match settings.restricted_role(guild.context) {
            Some(role) => Action::add_role(case.user, role),
            None => return fail(guild, case, "there is no restricted role in this server any more"),
        },
        Choice::Kick => Action::kick(case.user),
        Choice::Ban => Action::ban(case.user, settings.ban_delete_hours.min(168) * 3600),
    };
    let counts = counts(&case.tally(&guild.database)?);
    let action = action
        .reason(&format!("vote of the staff ({counts}), escalation {}", case.id))
        .token(token("acted", &case));
    match action.submit() {
        Err(Error::Action(error)) => fail(guild, case, &format!("the host refuses it ({})", Error::Action(error))),
        other => other,
    }
}

/// Discord has done it, or not.
pub(crate) fn acted(guild: &Guild<'_>, mut case: Case, outcome: &Outcome) -> Result<(), Error> {
    let wanted = case.result.unwrap_or(Choice::NoAction);
    let reason = match outcome {
        Outcome::Refused(refusal) if is_user_gone(refusal) => return close_gone(guild, case, refusal),
        Outcome::Refused(refusal) if refusal.code == UNKNOWN_ROLE => "the restricted role was deleted".into(),
        Outcome::Refused(refusal) => refusal.cause(guild.context, case.user, wanted.permission()),
        _ => {
            case.note = None;
            return close(guild, case, By::Time);
        }
    };
    fail(guild, case, &reason)
}

fn is_user_gone(refusal: &Refusal) -> bool {
    [UNKNOWN_MEMBER, UNKNOWN_USER].contains(&refusal.code)
}

/// Nobody is here to act upon.
fn close_gone(guild: &Guild<'_>, mut case: Case, refusal: &Refusal) -> Result<(), Error> {
    let wanted = case.result.unwrap_or(Choice::NoAction).name();
    let is_deleted = refusal.code == UNKNOWN_USER;
    let gone = if is_deleted {
        "the account was deleted"
    } else {
        "the user has left"
    };
    case.note = Some(format!("{gone}, and the vote was for {wanted}"));
    case.result = Some(Choice::NoAction);
    close(guild, case, By::Time)
}

/// Says why, and leaves the vote open for the next try.
fn fail(guild: &Guild<'_>, mut case: Case, reason: &str) -> Result<(), Error> {
    let now = guild.now();
    let wanted = case.result.unwrap_or(Choice::NoAction);
    if now > case.due_at + GIVE_UP {
        case.result = Some(Choice::NoAction);
        let name = wanted.name();
        case.note = Some(format!(
            "{name} could not be carried out for 7 days and is left to you: {reason}"
        ));
        return close(guild, case, By::Time);
    }
    let is_news = case.note.as_deref() != Some(reason);
    case.state = State::Open;
    case.note = Some(reason.into());
    case.look_at = now + if case.tries < FIRST_TRIES { PAUSE } else { 6 * HOUR };
    case.save(&guild.database)?;
    wake(guild, &case).submit()?;
    if is_news {
        let (vote, user) = (case.id, case.user);
        guild.context.warn(&format!(
            "vote {vote}: {} of user {user} failed: {reason}",
            wanted.word()
        ));
        let text = format!(
            "**{}** of {} could not be carried out: {reason}. The vote stays open; next try {}.",
            wanted.name(),
            subject(&case),
            relative_time(case.look_at)
        );
        reply(&case, &text).submit()?;
    }
    show(guild, &case)
}

/// It is over: a reply tells everything, the vote message says so, and the log hears of it.
fn close(guild: &Guild<'_>, mut case: Case, by: By<'_>) -> Result<(), Error> {
    case.state = State::Closed;
    case.closed_at = Some(guild.now());
    case.save(&guild.database)?;
    Action::cancel_timer(timer(case.id)).submit()?;
    // It comes before the edit: it opens a thread that was archived, in which nothing can be edited.
    tell(guild, &case)?;
    match by {
        By::Time => show(guild, &case),
        By::Click(interaction) => {
            let board = guild.board(&case)?;
            interaction.update_message(&board.content(), &board.rows()).submit()
        }
    }
}

/// Brings the vote message up to date.
pub(crate) fn show(guild: &Guild<'_>, case: &Case) -> Result<(), Error> {
    let Some(message) = case.message else { return Ok(()) };
    let edit = Action::edit(case.thread, message, guild.board(case)?.body());
    edit.token(format!("shown:{}", case.id)).submit()
}

/// Where somebody deleted the message of a vote that is still open, it is posted again: staff must see what is to come.
pub(crate) fn shown(guild: &Guild<'_>, case: u64, outcome: &Outcome) -> Result<(), Error> {
    if !is_gone(outcome) {
        return Ok(());
    }
    match Case::load(&guild.database, case)? {
        Some(case) if case.state == State::Open => post(guild, &case),
        _ => Ok(()),
    }
}
