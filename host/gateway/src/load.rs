//! How busy a guild was lately: events of this minute and the one before.

use guildhall_model::UnixMilliseconds;

const MINUTE: u64 = 60_000;

/// Counts of one guild.
#[derive(Debug, Default)]
pub(crate) struct RecentEvents {
    minute: u64,
    this: u32,
    before: u32,
}

impl RecentEvents {
    /// So many events were applied now.
    pub(crate) fn count(&mut self, now: UnixMilliseconds, events: usize) {
        self.turn(now);
        self.this = self.this.saturating_add(u32::try_from(events).unwrap_or(u32::MAX));
    }

    /// Events lately.
    pub(crate) fn lately(&mut self, now: UnixMilliseconds) -> u64 {
        self.turn(now);
        u64::from(self.this) + u64::from(self.before)
    }

    fn turn(&mut self, now: UnixMilliseconds) {
        let minute = now / MINUTE;
        if minute != self.minute {
            let follows = minute == self.minute + 1;
            self.before = if follows { self.this } else { 0 };
            (self.minute, self.this) = (minute, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_minute_before_is_forgotten() {
        let mut events = RecentEvents::default();
        events.count(10 * MINUTE, 3);
        events.count(11 * MINUTE - 1, 2);
        assert_eq!(events.lately(11 * MINUTE), 5);
        events.count(11 * MINUTE, 1);
        assert_eq!(events.lately(12 * MINUTE), 1);
        assert_eq!(events.lately(14 * MINUTE), 0);
    }
}
