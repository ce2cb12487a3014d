//! The moment past which no SQL of a call runs on. SQLite asks between steps; one long function call is bounded by
//! the limits on text and patterns instead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
const NONE: u64 = u64::MAX;

/// Shared between a store and the progress handler on its connection.
#[derive(Clone, Debug)]
pub(crate) struct SqlDeadline {
    nanoseconds: Arc<AtomicU64>,
}

impl Default for SqlDeadline {
    fn default() -> Self {
        Self {
            nanoseconds: Arc::new(AtomicU64::new(NONE)),
        }
    }
}

impl SqlDeadline {
    pub(crate) fn set(&self, deadline: Option<Instant>) {
        let nanoseconds = deadline.map_or(NONE, since_start);
        self.nanoseconds.store(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn is_past(&self) -> bool {
        let deadline = self.nanoseconds.load(Ordering::Relaxed);
        deadline != NONE && since_start(Instant::now()) >= deadline
    }
}

fn since_start(moment: Instant) -> u64 {
    u64::try_from(moment.saturating_duration_since(*START).as_nanos()).unwrap_or(NONE - 1)
}
