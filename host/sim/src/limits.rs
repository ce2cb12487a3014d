//! REST limits as Discord applies them: 50 a second for the bot in a window that is not aligned to the client's, a
//! bucket per route and top-level resource, and an end to everything after too many invalid requests.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const INVALID_PERIOD: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(crate) struct Limits {
    sent: VecDeque<Instant>,
    buckets: HashMap<(&'static str, u64), Bucket>,
    invalid: VecDeque<Instant>,
}

#[derive(Debug)]
struct Bucket {
    remaining: u32,
    resets_at: Instant,
}

/// What the headers of an answer say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BucketState {
    pub(crate) name: &'static str,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_after: Duration,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    Global(Duration),
    Route(BucketState),
}

impl Limits {
    /// Counts a request against the bot as a whole.
    pub(crate) fn global(&mut self, limit: u32, now: Instant) -> Result<(), Refused> {
        while self
            .sent
            .front()
            .is_some_and(|sent| now - *sent >= Duration::from_secs(1))
        {
            self.sent.pop_front();
        }
        if let Some(oldest) = self.sent.front()
            && self.sent.len() >= limit as usize
        {
            return Err(Refused::Global(*oldest + Duration::from_secs(1) - now));
        }
        self.sent.push_back(now);
        Ok(())
    }

    /// Counts a request against its route.
    pub(crate) fn route(&mut self, route: &'static str, resource: u64, now: Instant) -> Result<BucketState, Refused> {
        let (name, limit, period) = bucket_of(route);
        let fresh = Bucket {
            remaining: limit,
            resets_at: now + period,
        };
        let bucket = self.buckets.entry((name, resource)).or_insert(fresh);
        if bucket.resets_at <= now {
            *bucket = Bucket {
                remaining: limit,
                resets_at: now + period,
            };
        }
        let state = |remaining| BucketState {
            name,
            limit,
            remaining,
            reset_after: bucket.resets_at - now,
        };
        if bucket.remaining == 0 {
            return Err(Refused::Route(state(0)));
        }
        let state = state(bucket.remaining - 1);
        bucket.remaining -= 1;
        Ok(state)
    }

    /// Counts a 401, 403 or 429 that is not shared.
    pub(crate) fn invalid(&mut self, now: Instant) {
        self.invalid.push_back(now);
    }

    pub(crate) fn is_banned(&mut self, limit: u32, now: Instant) -> bool {
        while self.invalid.front().is_some_and(|at| now - *at >= INVALID_PERIOD) {
            self.invalid.pop_front();
        }
        self.invalid.len() >= limit as usize
    }
}

/// Name, requests and period of a route's bucket. Discord publishes no numbers; these have been seen.
fn bucket_of(route: &'static str) -> (&'static str, u32, Duration) {
    let seconds = Duration::from_secs;
    match route {
        "send-message" => ("80c17d2f203122d936070c88c8d10f33", 5, seconds(5)),
        "edit-message" => ("50c17d2f203122d936070c88c8d10f34", 5, seconds(5)),
        "delete-message" => ("b05c0d8c2ab83895085006a8eae073a3", 5, seconds(1)),
        "bulk-delete" => ("c05c0d8c2ab83895085006a8eae073a4", 1, seconds(1)),
        "add-reaction" => ("d05c0d8c2ab83895085006a8eae073a5", 1, Duration::from_millis(250)),
        "edit-member" => ("e05c0d8c2ab83895085006a8eae073a6", 10, seconds(10)),
        "create-thread" => ("f05c0d8c2ab83895085006a8eae073a7", 50, seconds(300)),
        "ban" | "unban" => ("a15c0d8c2ab83895085006a8eae073a8", 30, seconds(30)),
        _ => ("a25c0d8c2ab83895085006a8eae073a9", 50, seconds(10)),
    }
}
