//! How long events took lately, from their receipt to their commit: enough for one figure in a table. The histogram of
//! the metrics is the one to draw.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds in milliseconds; what took longer is in the last.
const BOUNDS: [u32; 16] = [
    1,
    2,
    3,
    5,
    8,
    12,
    20,
    50,
    100,
    250,
    500,
    1000,
    5000,
    15_000,
    60_000,
    u32::MAX,
];

/// Counts since they were last read.
#[derive(Debug, Default)]
pub struct RecentLatencies([AtomicU64; BOUNDS.len()]);

impl RecentLatencies {
    pub(crate) fn record(&self, milliseconds: u64) {
        let place = BOUNDS.partition_point(|bound| u64::from(*bound) < milliseconds);
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    /// In how many milliseconds 99 of 100 events were committed since the last time; none where there was no event.
    pub fn take_p99(&self) -> Option<u32> {
        let counts = self.0.each_ref().map(|count| count.swap(0, Ordering::Relaxed));
        let wanted = (counts.iter().sum::<u64>() * 99).div_ceil(100);
        let mut seen = 0;
        let reached = counts.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        reached.map(|place| BOUNDS[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_hundredth_is_left_out_and_reading_begins_anew() {
        let latencies = RecentLatencies::default();
        assert_eq!(latencies.take_p99(), None);
        (0..99).for_each(|_| latencies.record(4));
        latencies.record(900);
        assert_eq!(latencies.take_p99(), Some(5));
        latencies.record(900);
        assert_eq!(latencies.take_p99(), Some(1000));
        assert_eq!(latencies.take_p99(), None);
    }
}
