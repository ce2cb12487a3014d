//! How far each session is on disk, and in the bucket: the sequence up to which every event was applied or needed nothing.
//! A session is resumed from there, never from what was merely received.

use guildhall_model::SessionPosition;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by the router, which adds what it received, the workers, which report what they committed, and the replicator.
#[derive(Debug, Default)]
pub struct CommittedPositions {
    sessions: Mutex<BTreeMap<Arc<str>, Session>>,
    /// Whether anybody reports what is in the bucket.
    replicated: bool,
}

#[derive(Debug)]
struct Session {
    committed: Window,
    replicated: Option<Window>,
}

/// The sequences of one session that are not all done, from `first` on.
#[derive(Debug)]
struct Window {
    first: u64,
    done: VecDeque<bool>,
}

impl CommittedPositions {
    /// Of guilds whose files are replicated.
    pub fn with_replication() -> Self {
        Self {
            replicated: true,
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sequence was received; `done` when nothing has to be committed for it.
    pub(crate) fn received(&self, session: &Arc<str>, sequence: u64, done: bool) {
        let mut sessions = self.lock();
        if !sessions.contains_key(session) {
            let first = Session {
                committed: Window::from(sequence),
                replicated: self.replicated.then(|| Window::from(sequence)),
            };
            sessions.insert(session.clone(), first);
        }
        if let Some(known) = sessions.get_mut(session) {
            known.committed.received(sequence, done);
            if let Some(window) = &mut known.replicated {
                window.received(sequence, done);
            }
        }
    }

    /// These events are on disk.
    pub fn committed<'position>(&self, positions: impl Iterator<Item = &'position SessionPosition>) {
        let mut sessions = self.lock();
        for position in positions {
            if let Some(known) = sessions.get_mut(&position.session) {
                known.committed.finished(position.sequence);
            }
        }
    }

    /// What was committed for these events is in the bucket.
    pub fn replicated<'session>(&self, positions: impl Iterator<Item = (&'session Arc<str>, u64)>) {
        let mut sessions = self.lock();
        for (session, sequence) in positions {
            let known = sessions.get_mut(session);
            if let Some(window) = known.and_then(|known| known.replicated.as_mut()) {
                window.finished(sequence);
            }
        }
    }

    /// The last sequence of the session up to which all is committed; none where nothing is.
    pub fn up_to(&self, session: &str) -> Option<u64> {
        self.lock().get(session).and_then(|known| known.committed.up_to())
    }

    /// The last sequence of the session up to which all survives the loss of every disk: without replication, what is
    /// committed.
    pub fn replicated_up_to(&self, session: &str) -> Option<u64> {
        let sessions = self.lock();
        let known = sessions.get(session)?;
        known.replicated.as_ref().unwrap_or(&known.committed).up_to()
    }

    /// Whether everything that was received of the session is on disk.
    pub fn is_complete(&self, session: &str) -> bool {
        self.lock()
            .get(session)
            .is_none_or(|known| known.committed.done.is_empty())
    }

    /// Whether everything that was received of the session survives the loss of every disk.
    pub fn is_replicated(&self, session: &str) -> bool {
        let sessions = self.lock();
        let windows = sessions.get(session).into_iter();
        windows
            .map(|known| known.replicated.as_ref().unwrap_or(&known.committed))
            .all(|window| window.done.is_empty())
    }

    /// How many events were received and are not on disk.
    pub fn behind(&self) -> usize {
        let sessions = self.lock();
        let windows = sessions.values().flat_map(|known| &known.committed.done);
        windows.filter(|done| !**done).count()
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
    fn from(first: u64) -> Self {
        let done = VecDeque::new();
        Self { first, done }
    }

    fn up_to(&self) -> Option<u64> {
        self.first.checked_sub(1).filter(|sequence| *sequence > 0)
    }

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

    fn finished(&mut self, sequence: u64) {
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
    fn what_is_in_the_bucket_is_counted_apart() {
        let positions = CommittedPositions::with_replication();
        let session: Arc<str> = "s".into();
        for sequence in 1..=3 {
            positions.received(&session, sequence, sequence == 2);
        }
        positions.committed([position(&session, 1), position(&session, 3)].iter());
        assert_eq!((positions.up_to("s"), positions.replicated_up_to("s")), (Some(3), None));
        assert!(positions.is_complete("s") && !positions.is_replicated("s"));
        positions.replicated([(&session, 1)].into_iter());
        assert_eq!(positions.replicated_up_to("s"), Some(2), "2 needed nothing");
        positions.replicated([(&session, 3)].into_iter());
        assert!(positions.is_replicated("s"));
    }

    #[test]
    fn without_replication_what_is_on_disk_is_all_there_is() {
        let positions = CommittedPositions::default();
        let session: Arc<str> = "s".into();
        positions.received(&session, 1, false);
        assert!(!positions.is_replicated("s"));
        positions.committed([position(&session, 1)].iter());
        assert_eq!(positions.replicated_up_to("s"), Some(1));
        assert!(positions.is_replicated("s"));
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
