//! From the dispatch of a message to the first request about it, as the simulation sees both.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Instant;

/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

#[derive(Debug)]
pub(crate) struct Latencies {
    waiting: HashMap<u64, Instant>,
    microseconds: Histogram<u64>,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Messages that were measured.
    pub count: u64,
    /// Messages about which no request has come.
    pub waiting: u64,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// 999 of 1000 took no longer.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        let bounds = Histogram::new_with_bounds(1, LONGEST_US, 3);
        // The bounds are constants that the histogram accepts.
        Self {
            waiting: HashMap::new(),
            microseconds: bounds.expect("sound bounds"),
        }
    }
}

impl Latencies {
    pub(crate) fn dispatched(&mut self, message: u64) {
        self.waiting.insert(message, Instant::now());
    }

    pub(crate) fn acted_on(&mut self, message: u64) {
        if let Some(dispatched) = self.waiting.remove(&message) {
            let microseconds = u64::try_from(dispatched.elapsed().as_micros()).unwrap_or(LONGEST_US);
            self.microseconds.saturating_record(microseconds.max(1));
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn summary(&self) -> LatencySummary {
        let milliseconds = |microseconds: u64| microseconds as f64 / 1000.0;
        let at = |quantile| milliseconds(self.microseconds.value_at_quantile(quantile));
        LatencySummary {
            count: self.microseconds.len(),
            waiting: self.waiting.len() as u64,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(self.microseconds.max()),
        }
    }
}
