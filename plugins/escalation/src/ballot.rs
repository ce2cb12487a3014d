//! Clicks on the vote message: votes, the change to a majority vote, and expediting. Each is judged by the rows, never by
//! what the button looked like: two moderators click at once, and old messages keep their buttons.

use crate::board::closed;
use crate::carry_out::{self, By, PAUSE, wake};
use crate::choice::Choice;
use crate::guild::Guild;
use crate::storage::{Case, State};
use crate::tally::{Standing, Strategy, ends_at};
use guildhall_sdk::{Action, CustomId, Error, Interaction};

/// Whoever clicked is staff.
pub(crate) fn click(guild: &Guild<'_>, interaction: &Interaction, custom_id: &CustomId<'_>) -> Result<(), Error> {
    let refuse = |answer: &str| interaction.answer_privately(answer).submit();
    let case = match custom_id.id(1) {
        Some(id) => Case::load(&guild.database, id)?,
        None => None,
    };
    let Some(mut case) = case else {
        return refuse("This vote is long over, and not remembered any more.");
    };
    match case.state {
        State::Closed => {
            show_closed(guild, interaction, &case)?;
            return refuse(&format!("This vote is over. {}", closed(&case)));
        }
        State::Running => return refuse("The result is being carried out at this moment."),
        State::Open => {}
    }
    if interaction.member.user.id == case.user {
        return refuse("This vote is about you: you have no part in it.");
    }
    if case.message.is_none() {
        // The click was quicker than Discord's answer to the post.
        case.message = interaction.message;
    }
    match custom_id.verb() {
        "vote" => vote(guild, interaction, case, custom_id.part(2)),
        "majority" => require_majority(guild, interaction, case),
        _ => expedite(guild, interaction, case),
    }
}

fn vote(guild: &Guild<'_>, interaction: &Interaction, mut case: Case, word: Option<&str>) -> Result<(), Error> {
    let voter = interaction.member.user.id;
    let refuse = |answer: &str| interaction.answer_privately(answer).submit();
    let Some(choice) = word.and_then(Choice::of) else {
        return refuse("This choice does not exist any more.");
    };
    let before = guild.board(&case)?;
    if !before.can_vote(choice) {
        return refuse("The vote is tied at quorum: only the tied choices can be voted for now.");
    }
    if choice == Choice::Restrict && !before.restrict && !before.tally.has(voter, choice) {
        return refuse("There is no restricted role in this server any more: *Restrict* cannot be voted for.");
    }
    case.toggle(&guild.database, voter, choice, guild.now())?;
    let tally = case.tally(&guild.database)?;
    if case.strategy == Strategy::Simple {
        case.due_at = end(guild, &case, tally.votes());
    }
    if case.tries > 0 {
        // Whoever changes a vote that could not be carried out does so in several steps: none of them is the result.
        case.look_at = guild.now() + PAUSE;
        case.expedited_by = None;
        if case.result != Some(tally.result()) {
            case.note = None;
        }
    }
    show_changed(guild, interaction, &case)
}

/// The end that the votes have brought about so far stays.
fn require_majority(guild: &Guild<'_>, interaction: &Interaction, mut case: Case) -> Result<(), Error> {
    if case.strategy == Strategy::Majority {
        return interaction
            .answer_privately("This is a majority vote already.")
            .submit();
    }
    case.strategy = Strategy::Majority;
    case.due_at = end(guild, &case, case.tally(&guild.database)?.votes());
    case.expedited_by = None;
    show_changed(guild, interaction, &case)
}

fn expedite(guild: &Guild<'_>, interaction: &Interaction, mut case: Case) -> Result<(), Error> {
    let board = guild.board(&case)?;
    if !board.can_expedite() {
        let answer = match (case.strategy, board.standing()) {
            (Strategy::Majority, _) => "A majority vote is never carried out before its end.",
            (_, Standing::Tied(_)) => "The vote is tied: nothing can be expedited yet.",
            _ => "No choice has reached the quorum: nothing can be expedited yet.",
        };
        return interaction.answer_privately(answer).submit();
    }
    case.expedited_by = Some(interaction.member.user.id);
    case.due_at = case.due_at.min(guild.now());
    carry_out::begin(guild, case, By::Click(interaction))
}

fn end(guild: &Guild<'_>, case: &Case, votes: usize) -> u64 {
    let settings = &guild.settings;
    ends_at(case.created_at, votes, settings.longest_hours, settings.hours_per_vote)
}

fn show_changed(guild: &Guild<'_>, interaction: &Interaction, case: &Case) -> Result<(), Error> {
    case.save(&guild.database)?;
    wake(guild, case).submit()?;
    let board = guild.board(case)?;
    interaction.update_message(&board.content(), &board.rows()).submit()
}

/// An answer and an edit of the same message may reach Discord in either order: whoever clicks on what is left of it
/// puts it right.
fn show_closed(guild: &Guild<'_>, interaction: &Interaction, case: &Case) -> Result<(), Error> {
    match (interaction.channel, interaction.message) {
        (Some(channel), Some(message)) => Action::edit(channel, message, guild.board(case)?.body()).submit(),
        _ => Ok(()),
    }
}
