//! Counting: what the votes decide, and when. Nothing here knows of Discord or of rows.

use crate::choice::Choice;
use guildhall_sdk::{Id, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const HOUR: u64 = 3_600_000;

/// How a vote is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Strategy {
    /// The first choice that reaches the quorum untied is confirmed; each vote brings the end nearer.
    Simple,
    /// Nothing before the end, which is fixed; then the most votes win.
    Majority,
}

impl Strategy {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Majority => "majority",
        }
    }

    /// A word that is not known is the careful one: nothing early.
    pub(crate) fn of(word: &str) -> Self {
        if word == "simple" { Self::Simple } else { Self::Majority }
    }
}

/// The votes, by choice; the voters of each in the order of their votes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally(BTreeMap<Choice, Vec<Id>>);

/// Where a vote stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// Nothing is decided before the end.
    Voting,
    /// Several choices have the quorum: one more vote for one of them decides.
    Tied(Vec<Choice>),
    /// One choice has the quorum and the most votes.
    Confirmed(Choice),
}

impl Tally {
    pub(crate) fn of(votes: impl IntoIterator<Item = (Id, Choice)>) -> Self {
        let mut tally = Self::default();
        for (voter, choice) in votes {
            tally.0.entry(choice).or_default().push(voter);
        }
        tally
    }

    /// All votes; somebody who votes for two choices has two.
    pub(crate) fn votes(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// People who voted.
    pub(crate) fn voters(&self) -> usize {
        self.0.values().flatten().collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn has(&self, voter: Id, choice: Choice) -> bool {
        self.0.get(&choice).is_some_and(|voters| voters.contains(&voter))
    }

    /// Choices that have votes, those with the most first, the more severe before the less.
    pub(crate) fn ranking(&self) -> Vec<(Choice, &[Id])> {
        let mut ranking: Vec<_> = self
            .0
            .iter()
            .map(|(choice, voters)| (*choice, voters.as_slice()))
            .collect();
        ranking.sort_by_key(|(choice, voters)| std::cmp::Reverse((voters.len(), *choice)));
        ranking
    }

    /// Choices that have the most votes; none where nobody voted.
    pub(crate) fn leaders(&self) -> Vec<Choice> {
        let most = self.0.values().map(Vec::len).max().unwrap_or(0);
        let leads = self.0.iter().filter(|(_, voters)| voters.len() == most);
        leads.map(|(choice, _)| *choice).collect()
    }

    /// What happens at the end: the most severe of the leaders; nothing where nobody voted.
    pub(crate) fn result(&self) -> Choice {
        self.leaders().into_iter().max().unwrap_or(Choice::NoAction)
    }

    pub(crate) fn standing(&self, strategy: Strategy, quorum: u64) -> Standing {
        let leaders = self.leaders();
        let most = leaders.first().map_or(0, |leader| self.0[leader].len() as u64);
        match leaders.as_slice() {
            _ if strategy == Strategy::Majority || most < quorum.max(1) => Standing::Voting,
            [leader] => Standing::Confirmed(*leader),
            _ => Standing::Tied(leaders),
        }
    }
}

/// When a vote with so many votes ends by itself.
pub(crate) fn ends_at(created_at: Timestamp, votes: usize, longest_hours: u32, hours_per_vote: u32) -> Timestamp {
    let sooner = u64::from(hours_per_vote).saturating_mul(votes as u64);
    created_at + u64::from(longest_hours).saturating_sub(sooner) * HOUR
}

#[cfg(test)]
mod tests {
    use super::*;
    use Choice::{Ban, Kick, NoAction, Timeout};

    fn tally(votes: &[(Id, Choice)]) -> Tally {
        Tally::of(votes.iter().copied())
    }

    fn hours(votes: usize) -> u64 {
        ends_at(1000 * HOUR, votes, 36, 4) / HOUR - 1000
    }

    #[test]
    fn two_for_a_ban_and_one_for_a_kick_are_no_quorum_of_three() {
        let tally = tally(&[(1, Ban), (2, Ban), (3, Kick)]);
        assert_eq!(tally.standing(Strategy::Simple, 3), Standing::Voting);
        assert_eq!((tally.result(), hours(tally.votes())), (Ban, 24));
        assert_eq!(tally.ranking(), [(Ban, &[1, 2][..]), (Kick, &[3][..])]);
    }

    #[test]
    fn a_tie_is_the_most_severe_of_the_tied() {
        let tally = tally(&[(1, Ban), (2, Kick)]);
        assert_eq!(tally.leaders(), [Kick, Ban]);
        assert_eq!((tally.result(), hours(2)), (Ban, 28));
    }

    #[test]
    fn a_tie_at_quorum_waits_for_one_of_the_tied() {
        let mut votes = vec![(1, Ban), (2, Ban), (3, Kick), (4, Kick), (5, Timeout)];
        assert_eq!(
            tally(&votes).standing(Strategy::Simple, 2),
            Standing::Tied(vec![Kick, Ban])
        );
        assert_eq!(tally(&votes).standing(Strategy::Simple, 3), Standing::Voting);
        votes.push((5, Kick));
        assert_eq!(tally(&votes).standing(Strategy::Simple, 2), Standing::Confirmed(Kick));
        assert_eq!(tally(&votes).standing(Strategy::Majority, 2), Standing::Voting);
    }

    #[test]
    fn nobody_votes_and_nothing_happens_after_36_hours() {
        let tally = tally(&[]);
        assert_eq!(tally.standing(Strategy::Simple, 0), Standing::Voting);
        assert_eq!((tally.result(), hours(0), tally.voters()), (NoAction, 36, 0));
    }

    #[test]
    fn nine_votes_end_it_at_once_and_more_no_earlier() {
        assert_eq!((hours(8), hours(9), hours(40)), (4, 0, 0));
    }

    #[test]
    fn one_voter_may_vote_for_several() {
        let tally = tally(&[(1, Ban), (1, Kick), (2, Kick)]);
        assert_eq!((tally.votes(), tally.voters(), tally.result()), (3, 2, Kick));
        assert!(tally.has(1, Ban) && !tally.has(2, Ban));
    }
}
