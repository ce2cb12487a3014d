//! How far each session is on disk: the sequence up to which every event was applied or needed nothing. A session is
//! resumed from there, never from what was merely received.

use guildhall_model::SessionPosition;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by the router, which adds what it received, and the workers, which report what they committed.
#[derive(Debug, Default)]
pub struct CommittedPositions {
    sessions: Mutex<BTreeMap<Arc<str>, Window>>,
}

/// The sequences of one session that are not all committed, from `first` on.
#[derive(Debug)]
struct Window {
    first: u64,
    done: VecDeque<bool>,
}

impl CommittedPositions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Window>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sequence was received; `done` when nothing has to be committed for it.
    pub(crate) fn received(&self, session: &Arc<str>, sequence: u64, done: bool) {
        let mut sessions = self.lock();
        if !sessions.contains_key(session) {
            sessions.insert(
                session.clone(),
                Window {
                    first: sequence,
                    done: VecDeque::new(),
                },
            );
        }
        if let Some(window) = sessions.get_mut(session) {
            window.received(sequence, done);
        }
    }

    /// These events are on disk.
    pub fn committed<'position>(&self, positions: impl Iterator<Item = &'position SessionPosition>) {
        let mut sessions = self.lock();
        for position in positions {
            if let Some(window) = sessions.get_mut(&position.session) {
                window.committed(position.sequence);
            }
        }
    }

    /// The last sequence of the session up to which all is committed; none where nothing is.
    pub fn up_to(&self, session: &str) -> Option<u64> {
        self.lock()
            .get(session)
            .and_then(|window| window.first.checked_sub(1))
            .filter(|sequence| *sequence > 0)
    }

    /// Whether everything that was received of the session is on disk.
    pub fn is_complete(&self, session: &str) -> bool {
        self.lock().get(session).is_none_or(|window| window.done.is_empty())
    }

    /// How many events were received and are not on disk.
    pub fn behind(&self) -> usize {
        let sessions = self.lock();
        let waiting = sessions.values().flat_map(|window| &window.done).filter(|done| !**done);
        waiting.count()
    }

    /// Forgets one session: it goes on elsewhere.
    pub fn forget(&self, session: &str) {
        self.lock().remove(session);
    }

    /// Forgets sessions but this one: Discord has ended them.
    pub fn retain(&self, session: &str) {
        self.lock().retain(|known, _| **known == *session);
    }
}

impl Window {
    fn received(&mut self, sequence: u64, done: bool) {
        let Some(offset) = sequence.checked_sub(self.first) else {
            // A replay of something committed long ago.
            return;
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if offset < self.done.len() {
            self.done[offset] |= done;
        } else {
            // Discord counts by one; were it to leave a number out, nothing would ever come for it.
            self.done.resize(offset, true);
            self.done.push_back(done);
        }
        self.slide();
    }

    fn committed(&mut self, sequence: u64) {
        let offset = sequence
            .checked_sub(self.first)
            .and_then(|offset| usize::try_from(offset).ok());
        if let Some(done) = offset.and_then(|offset| self.done.get_mut(offset)) {
            *done = true;
        }
        self.slide();
    }

    fn slide(&mut self) {
        while self.done.front() == Some(&true) {
            self.done.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(session: &Arc<str>, sequence: u64) -> SessionPosition {
        SessionPosition {
            session: session.clone(),
            sequence,
        }
    }

    #[test]
    fn only_an_unbroken_run_of_commits_counts() {
        let positions = CommittedPositions::default();
        let session: Arc<str> = "s".into();
        assert_eq!(positions.up_to("s"), None);
        positions.received(&session, 1, true);
        for sequence in 2..=5 {
            positions.received(&session, sequence, false);
        }
        assert_eq!(positions.up_to("s"), Some(1));
        positions.committed([position(&session, 3), position(&session, 5)].iter());
        assert_eq!(positions.up_to("s"), Some(1), "2 is not on disk");
        assert_eq!(positions.behind(), 2, "2 and 4");
        positions.committed([position(&session, 2)].iter());
        assert_eq!(positions.up_to("s"), Some(3));
        positions.received(&session, 2, false);
        positions.committed([position(&session, 4)].iter());
        assert_eq!(
            positions.up_to("s"),
            Some(5),
            "a replay of what is on disk holds nothing up"
        );
    }

    #[test]
    fn a_resumed_session_counts_from_where_it_was_resumed() {
        let positions = CommittedPositions::default();
        let session: Arc<str> = "s".into();
        positions.received(&session, 41, false);
        assert_eq!(positions.up_to("s"), Some(40));
        positions.retain("another");
        assert_eq!(positions.up_to("s"), None);
    }
}
