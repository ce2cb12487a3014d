//! A pod's right to act, on its own monotonic clock: counted from before a renewal was sent, so that it ends here before
//! the config service gives the pod's guilds to another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared by the renewing task and everything that acts.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    until: Option<Instant>,
    incarnation: i64,
}

/// Where a lease stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaseState {
    /// The pod may act.
    Valid,
    /// It may not.
    Ended,
}

impl Lease {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The config service granted a lease to a request that was sent at `sent`.
    pub fn renew(&self, sent: Instant, lasts: Duration, incarnation: i64) {
        let mut held = self.lock();
        held.incarnation = incarnation;
        held.until = held.until.max(Some(sent + lasts));
    }

    /// The config service says that it has ended.
    pub fn end(&self) {
        self.lock().until = None;
    }

    /// Whether the pod may act now.
    pub fn state(&self) -> LeaseState {
        match self.lock().until {
            Some(until) if Instant::now() < until => LeaseState::Valid,
            _ => LeaseState::Ended,
        }
    }

    /// Whether the pod may act now.
    pub fn is_valid(&self) -> bool {
        self.state() == LeaseState::Valid
    }

    /// The registration that it belongs to.
    pub fn incarnation(&self) -> i64 {
        self.lock().incarnation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_before_the_request_and_ends_when_told() {
        let lease = Lease::default();
        assert!(!lease.is_valid(), "none was granted");
        let long_ago = Instant::now().checked_sub(Duration::from_secs(11)).expect("uptime");
        lease.renew(long_ago, Duration::from_secs(10), 1);
        assert!(!lease.is_valid(), "the answer took longer than the lease");
        lease.renew(Instant::now(), Duration::from_secs(10), 1);
        lease.renew(long_ago, Duration::from_secs(10), 1);
        assert!(lease.is_valid(), "a late answer shortens nothing");
        lease.end();
        assert!(!lease.is_valid());
    }
}
