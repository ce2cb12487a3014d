//! The vote message: who called the vote and on whom, who voted what, when it ends and with what, and the buttons. It
//! is written anew after every change and notifies nobody.

use crate::choice::{Choice, names};
use crate::storage::{Case, State};
use crate::tally::{Standing, Strategy, Tally};
use guildhall_sdk::component::Style;
use guildhall_sdk::component::{button, disabled, row, to_json};
use guildhall_sdk::{Action, Id, MessageBody, Timestamp, cut, one_line, relative_time};
use serde_json::Value;

/// Voters of one choice that are named; with more, a message of five choices would be too long.
const NAMED: usize = 10;
/// Bytes of a name.
const NAME: usize = 60;

/// A vote as it stands.
#[derive(Debug)]
pub(crate) struct Board<'call> {
    pub(crate) case: &'call Case,
    pub(crate) tally: Tally,
    /// Whether *Restrict* is offered.
    pub(crate) restrict: bool,
    pub(crate) now: Timestamp,
}

impl Board<'_> {
    pub(crate) fn standing(&self) -> Standing {
        self.tally.standing(self.case.strategy, self.case.quorum)
    }

    /// Whether a try to carry a result out has failed.
    fn has_failed(&self) -> bool {
        self.case.state == State::Open && self.case.tries > 0
    }

    /// Whether staff may have it carried out now.
    pub(crate) fn can_expedite(&self) -> bool {
        let is_due = self.case.due_at <= self.now;
        matches!(self.standing(), Standing::Confirmed(_)) || (self.has_failed() && is_due)
    }

    /// Whether this choice can be voted for, or a vote for it taken back.
    pub(crate) fn can_vote(&self, choice: Choice) -> bool {
        let is_open = self.case.state == State::Open;
        is_open
            && match self.standing() {
                Standing::Tied(tied) => tied.contains(&choice),
                Standing::Voting | Standing::Confirmed(_) => true,
            }
    }

    pub(crate) fn body(&self) -> MessageBody {
        MessageBody {
            components: to_json(&self.rows()),
            ..Action::body(self.content())
        }
    }

    pub(crate) fn content(&self) -> String {
        let case = self.case;
        let mut lines = vec![
            format!("**Escalation**: what is to be done with {}?", subject(case)),
            format!(
                "Called by <@{}> {}. {}",
                case.caller,
                relative_time(case.created_at),
                self.rule()
            ),
            String::new(),
            self.counts(),
        ];
        let record = self.tally.ranking().into_iter();
        lines.extend(record.map(|(choice, voters)| format!("- {}", record_line(choice, voters))));
        lines.push(String::new());
        lines.push(self.status());
        cut(&lines.join("\n"), 2000)
    }

    fn rule(&self) -> String {
        match self.case.strategy {
            Strategy::Simple => format!(
                "Quorum {}: the first choice with so many votes is confirmed, unless it is tied.",
                self.case.quorum
            ),
            Strategy::Majority => "A majority vote: nothing happens before its end, then the most votes win.".into(),
        }
    }

    fn counts(&self) -> String {
        match (self.tally.votes(), self.tally.voters()) {
            (0, _) => "No votes yet.".into(),
            (votes, voters) => format!("{} by {}:", many(votes, "vote"), many(voters, "voter")),
        }
    }

    fn status(&self) -> String {
        let case = self.case;
        let (result, leaders) = (self.tally.result(), self.tally.leaders());
        let end = case.next_at();
        let end = format!("<t:{}:f> ({})", end / 1000, relative_time(end));
        match case.state {
            State::Closed => return closed(case),
            State::Running => {
                let result = case.result.unwrap_or(result).name();
                return match case.expedited_by {
                    Some(by) => format!("**{result}** is being carried out; <@{by}> expedited it."),
                    None => format!("**{result}** is being carried out."),
                };
            }
            State::Open => {}
        }
        if let Some(reason) = &case.note {
            let (tried, next) = (case.result.unwrap_or(result).name(), relative_time(case.next_at()));
            return format!("**{tried} could not be carried out**: {reason}. Next try {next}.");
        }
        match self.standing() {
            Standing::Confirmed(choice) => format!(
                "**Confirmed: {}**. It is carried out {end}, or at once with *Expedite*. Until then votes can be changed.",
                choice.name()
            ),
            Standing::Tied(tied) => format!(
                "**Tied at quorum**: {}. Only these can be voted for now. Without another vote {end}: **{}**.",
                names(&tied),
                result.name()
            ),
            Standing::Voting if leaders.len() > 1 => format!(
                "Tied: {}. It ends by itself {end} with the more severe: **{}**.",
                names(&leaders),
                result.name()
            ),
            Standing::Voting => format!("It ends by itself {end} with: **{}**.", result.name()),
        }
    }

    /// The choices, and below them what else can be done. Nothing can be clicked that would be refused.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let case = self.case;
        let is_open = case.state == State::Open;
        let offered = Choice::ALL
            .into_iter()
            .filter(|choice| *choice != Choice::Restrict || self.restrict);
        let choices = offered.map(|choice| {
            let id = format!("escalation:vote:{}:{}", case.id, choice.word());
            enabled(button(choice.style(), choice.label(), &id), self.can_vote(choice))
        });
        let mut more = Vec::new();
        if case.strategy == Strategy::Simple {
            let id = format!("escalation:majority:{}", case.id);
            more.push(enabled(button(Style::Secondary, "Require majority vote", &id), is_open));
        }
        if is_open && self.can_expedite() {
            let label = if self.has_failed() { "Try again now" } else { "Expedite" };
            more.push(button(
                Style::Primary,
                label,
                &format!("escalation:expedite:{}", case.id),
            ));
        }
        let mut rows = vec![row(choices.collect())];
        if !more.is_empty() {
            rows.push(row(more));
        }
        rows
    }
}

fn enabled(button: Value, enabled: bool) -> Value {
    if enabled { button } else { disabled(button) }
}

/// Whom the vote is about.
pub(crate) fn subject(case: &Case) -> String {
    match case.name.as_str() {
        "" => format!("<@{}>", case.user),
        name => format!("<@{}> ({})", case.user, one_line(name, NAME)),
    }
}

/// `**Ban**, 2: @ann, @bob`.
pub(crate) fn record_line(choice: Choice, voters: &[Id]) -> String {
    let mut named: Vec<_> = voters.iter().take(NAMED).map(|voter| format!("<@{voter}>")).collect();
    if voters.len() > NAMED {
        named.push(format!("{} more", voters.len() - NAMED));
    }
    format!("**{}**, {}: {}", choice.name(), voters.len(), named.join(", "))
}

/// `1 vote`, `2 votes`.
pub(crate) fn many(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// How it ended.
pub(crate) fn closed(case: &Case) -> String {
    let result = case.result.unwrap_or(Choice::NoAction).name();
    let when = relative_time(case.closed_at.unwrap_or(case.due_at));
    match &case.note {
        Some(note) => format!("**Over, {result}** {when}: {note}."),
        None => format!("**Decided: {result}** {when}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case {
            id: 7,
            user: 50,
            name: "sp*m".into(),
            caller: 1,
            thread: 60,
            message: Some(61),
            quorum: 2,
            strategy: Strategy::Simple,
            created_at: 1_000_000,
            due_at: 90_000_000,
            state: State::Open,
            look_at: 0,
            tries: 0,
            note: None,
            expedited_by: None,
            result: None,
            closed_at: None,
        }
    }

    fn clickable(board: &Board<'_>) -> Vec<String> {
        let rows = board.rows();
        let buttons = rows
            .iter()
            .flat_map(|row| row["components"].as_array().expect("buttons"));
        let enabled = buttons.filter(|button| button["disabled"] != true);
        enabled
            .map(|button| button["label"].as_str().expect("a label").to_owned())
            .collect()
    }

    fn board<'call>(case: &'call Case, tally: &Tally) -> Board<'call> {
        let (tally, restrict, now) = (tally.clone(), false, 2_000_000);
        Board {
            case,
            tally,
            restrict,
            now,
        }
    }

    #[test]
    fn restrict_is_offered_where_there_is_a_role() {
        let (case, tally) = (case(), Tally::default());
        let mut board = board(&case, &tally);
        assert!(!clickable(&board).contains(&"Restrict".to_owned()));
        board.restrict = true;
        let all = [
            "No action (abstain)",
            "Timeout overnight",
            "Restrict",
            "Kick",
            "Ban",
            "Require majority vote",
        ];
        assert_eq!(clickable(&board), all);
    }

    #[test]
    fn only_the_tied_are_clickable_at_quorum() {
        let case = case();
        let tally = Tally::of([(1, Choice::Ban), (2, Choice::Ban), (3, Choice::Kick), (4, Choice::Kick)]);
        assert_eq!(
            clickable(&board(&case, &tally)),
            ["Kick", "Ban", "Require majority vote"]
        );
        assert!(
            board(&case, &tally)
                .content()
                .contains("**Tied at quorum**: Kick and Ban")
        );
    }

    #[test]
    fn a_confirmed_result_can_be_expedited_and_not_under_majority() {
        let (mut case, tally) = (case(), Tally::of([(1, Choice::Ban), (2, Choice::Ban)]));
        assert!(clickable(&board(&case, &tally)).contains(&"Expedite".to_owned()));
        case.strategy = Strategy::Majority;
        let majority = board(&case, &tally);
        assert_eq!(
            clickable(&majority),
            ["No action (abstain)", "Timeout overnight", "Kick", "Ban"]
        );
    }

    #[test]
    fn nothing_is_clickable_when_it_is_over_or_running() {
        let (mut case, tally) = (case(), Tally::of([(1, Choice::Ban), (2, Choice::Ban)]));
        for state in [State::Running, State::Closed] {
            case.state = state;
            assert!(clickable(&board(&case, &tally)).is_empty());
        }
    }

    #[test]
    fn the_longest_message_fits() {
        let mut case = case();
        case.name = "@everyone ".repeat(20);
        let id = u64::MAX / 2;
        let votes = Choice::ALL
            .into_iter()
            .flat_map(|choice| (0..40).map(move |voter| (id + voter, choice)));
        let tally = Tally::of(votes);
        case.note = Some("x".repeat(200));
        let content = board(&case, &tally).content();
        assert!(
            content.len() < 2000 && content.contains("30 more"),
            "{} bytes",
            content.len()
        );
        assert!(!content.contains("@everyone"));
    }
}
