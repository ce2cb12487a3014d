//! What is told when a vote is over: a reply to the vote message, and a report or entry for the log.

use crate::board::{many, record_line, subject};
use crate::choice::Choice;
use crate::guild::Guild;
use crate::storage::Case;
use crate::tally::Tally;
use guildhall_sdk::mod_log::{Entry, Reason, Report};
use guildhall_sdk::{Action, Error, MessageBody, Person, cut, message_link};

const HOUR: u64 = 3_600_000;

/// A message of the bot that is a reply to the vote message; where that was deleted, it stands alone.
pub(crate) fn reply(case: &Case, text: &str) -> Action {
    let body = MessageBody {
        reply_to: case.message,
        ..Action::body(cut(text, 2000))
    };
    Action::send(case.thread, body)
}

/// Tells the thread, and the log. A result that was carried out is a report of the user; a vote that did nothing is only
/// an entry, and counts as none.
pub(crate) fn tell(guild: &Guild<'_>, case: &Case) -> Result<(), Error> {
    let tally = case.tally(&guild.database)?;
    let headline = headline(case, &tally, guild.now());
    let mut lines = vec![headline.clone()];
    let record = tally.ranking().into_iter();
    lines.extend(record.map(|(choice, voters)| format!("- {}", record_line(choice, voters))));
    reply(case, &lines.join("\n")).submit()?;

    let mut more = Vec::new();
    if tally.votes() > 0 {
        more.push(counts(&tally));
    }
    if let Some(message) = case.message {
        let link = message_link(guild.context.guild, case.thread, message);
        more.push(format!("[the vote]({link})"));
    }
    let note = [headline, more.join(" · ")].join("\n");
    let user = Person {
        id: case.user,
        name: case.name.clone(),
    };
    if case.result.is_none_or(|result| result == Choice::NoAction) {
        return Entry {
            key: format!("escalation:{}", case.id),
            ..Entry::about(user, note)
        }
        .emit();
    }
    Report {
        reason: Reason::Vote,
        user,
        staff: None,
        message: None,
        note,
    }
    .emit()
}

/// Votes, voters, result, and hours since it was called.
fn headline(case: &Case, tally: &Tally, now: u64) -> String {
    let result = case.result.unwrap_or(Choice::NoAction).name();
    let mut text = format!("**{result}**: the vote on {} is over", subject(case));
    if let Some(note) = &case.note {
        text.push_str(&format!("; {note}"));
    }
    text.push_str(&format!(
        ". {} by {}, {} after <@{}> called it",
        many(tally.votes(), "vote"),
        many(tally.voters(), "voter"),
        hours(now.saturating_sub(case.created_at)),
        case.caller,
    ));
    if let Some(by) = case.expedited_by {
        text.push_str(&format!(", expedited by <@{by}>"));
    }
    text.push('.');
    text
}

/// `Ban 2, Kick 1`.
pub(crate) fn counts(tally: &Tally) -> String {
    let ranking = tally.ranking().into_iter();
    let counts: Vec<_> = ranking
        .map(|(choice, voters)| format!("{} {}", choice.name(), voters.len()))
        .collect();
    counts.join(", ")
}

/// `24 hours`, `0.5 hours`.
fn hours(milliseconds: u64) -> String {
    let tenths = milliseconds.saturating_add(HOUR / 20) / (HOUR / 10);
    match (tenths / 10, tenths % 10) {
        (0, 0) => "less than 0.1 hours".into(),
        (1, 0) => "1 hour".into(),
        (hours, 0) => format!("{hours} hours"),
        (hours, tenth) => format!("{hours}.{tenth} hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_to_a_tenth() {
        assert_eq!(hours(24 * HOUR), "24 hours");
        assert_eq!(hours(HOUR), "1 hour");
        assert_eq!(hours(HOUR * 3 / 2), "1.5 hours");
        assert_eq!(hours(HOUR / 60), "less than 0.1 hours");
    }

    #[test]
    fn counts_begin_with_the_leader() {
        assert_eq!(
            counts(&Tally::of([(1, Choice::Kick), (2, Choice::Ban), (3, Choice::Ban)])),
            "Ban 2, Kick 1"
        );
    }
}
