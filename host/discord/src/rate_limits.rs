//! What Discord's answers say about rate limits: per bucket, and for the bot as a whole. It holds requests back before
//! Discord has to refuse them (Discord, Topics, Rate Limits).

use crate::request::Outgoing;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Buckets that are remembered before those that have long been reset are forgotten.
const BUCKETS: usize = 4096;

/// The `X-RateLimit-…` headers of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketHeaders {
    pub(crate) bucket: String,
    pub(crate) remaining: u32,
    pub(crate) reset_after: Duration,
}

/// What is known of the limits.
#[derive(Debug)]
pub(crate) struct RateLimits {
    per_second: Option<NonZeroU32>,
    /// When the requests of the last second left.
    sent: VecDeque<Instant>,
    blocked_until: Option<Instant>,
    /// The bucket that Discord named for a route.
    buckets: HashMap<String, String>,
    /// By bucket and the channel, guild or webhook that it is about.
    states: HashMap<(String, String), BucketState>,
}

#[derive(Debug)]
struct BucketState {
    remaining: u32,
    reset_at: Instant,
}

impl RateLimits {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self {
            per_second,
            sent: VecDeque::new(),
            blocked_until: None,
            buckets: HashMap::new(),
            states: HashMap::new(),
        }
    }

    /// Changes how many requests may leave in a second.
    pub(crate) fn set_per_second(&mut self, per_second: NonZeroU32) {
        self.per_second = Some(per_second);
    }

    /// Takes the room for a request now, or says when to ask again. The flag tells whether the bot as a whole is held
    /// back, and not just this route.
    pub(crate) fn reserve(&mut self, request: &Outgoing, now: Instant) -> Result<(), Held> {
        let counted = !request.is_interaction();
        if counted {
            if let Some(until) = self.blocked_until.filter(|until| *until > now) {
                return Err(Held { until, all: true });
            }
            while self
                .sent
                .front()
                .is_some_and(|sent| now.duration_since(*sent) >= Duration::from_secs(1))
            {
                self.sent.pop_front();
            }
            if let (Some(limit), Some(oldest)) = (self.per_second, self.sent.front())
                && self.sent.len() >= limit.get() as usize
            {
                return Err(Held {
                    until: *oldest + Duration::from_secs(1),
                    all: true,
                });
            }
        }
        let (route, resource) = route_of(request);
        if let Some(bucket) = self.buckets.get(&route)
            && let Some(state) = self.states.get_mut(&(bucket.clone(), resource))
            && state.reset_at > now
        {
            if state.remaining == 0 {
                return Err(Held {
                    until: state.reset_at,
                    all: false,
                });
            }
            state.remaining -= 1;
        }
        if counted && self.per_second.is_some() {
            self.sent.push_back(now);
        }
        Ok(())
    }

    /// The same for a request that nothing waits for: it leaves half of the requests of a second to others.
    pub(crate) fn reserve_spare(&mut self, request: &Outgoing, now: Instant) -> Result<(), Held> {
        if let Some(limit) = self.per_second {
            let half = (limit.get() as usize / 2).max(1);
            let second = Duration::from_secs(1);
            let earlier = self.sent.len().checked_sub(half).and_then(|index| self.sent.get(index));
            if let Some(until) = earlier.map(|sent| *sent + second).filter(|until| *until > now) {
                return Err(Held { until, all: true });
            }
        }
        self.reserve(request, now)
    }

    /// Takes in what an answer said of its bucket.
    pub(crate) fn learn(&mut self, request: &Outgoing, headers: BucketHeaders, now: Instant) {
        let (route, resource) = route_of(request);
        if self.states.len() >= BUCKETS {
            self.states.retain(|_, state| state.reset_at > now);
        }
        self.buckets.insert(route, headers.bucket.clone());
        let state = BucketState {
            remaining: headers.remaining,
            reset_at: now + headers.reset_after,
        };
        self.states.insert((headers.bucket, resource), state);
    }

    /// Holds every request of the bot back.
    pub(crate) fn block_all(&mut self, until: Instant) {
        self.blocked_until = Some(self.blocked_until.map_or(until, |known| known.max(until)));
    }
}

/// Until when a request must wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) until: Instant,
    pub(crate) all: bool,
}

/// The route without ids but for its top-level resource, and that resource: what Discord's buckets are about.
fn route_of(request: &Outgoing) -> (String, String) {
    let path = request.path.split('?').next().unwrap_or_default();
    let mut route = request.method.to_owned();
    let mut resource = String::new();
    for (index, segment) in path.split('/').enumerate() {
        route.push('/');
        if segment.bytes().all(|byte| byte.is_ascii_digit()) {
            if index == 1 {
                resource = segment.to_owned();
            }
        } else {
            route.push_str(segment);
        }
    }
    (route, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Outgoing {
        Outgoing {
            method: "POST",
            path: path.into(),
            body: None,
            files: Vec::new(),
            reason: None,
        }
    }

    fn headers(remaining: u32) -> BucketHeaders {
        BucketHeaders {
            bucket: "b".into(),
            remaining,
            reset_after: Duration::from_secs(5),
        }
    }

    #[test]
    fn an_empty_bucket_holds_its_channel_back_and_no_other() {
        let mut limits = RateLimits::new(None);
        let now = Instant::now();
        let (first, second) = (request("channels/1/messages"), request("channels/2/messages"));
        limits.learn(&first, headers(1), now);
        assert_eq!(limits.reserve(&first, now), Ok(()));
        let held = Held {
            until: now + Duration::from_secs(5),
            all: false,
        };
        assert_eq!(limits.reserve(&first, now), Err(held));
        assert_eq!(limits.reserve(&second, now), Ok(()));
        assert_eq!(limits.reserve(&first, now + Duration::from_secs(5)), Ok(()));
    }

    #[test]
    fn the_bots_requests_per_second_are_counted_over_any_second() {
        let mut limits = RateLimits::new(NonZeroU32::new(2));
        let start = Instant::now();
        let later = start + Duration::from_millis(900);
        assert_eq!(limits.reserve(&request("channels/1/messages"), start), Ok(()));
        assert_eq!(limits.reserve(&request("channels/2/messages"), later), Ok(()));
        let held = Held {
            until: start + Duration::from_secs(1),
            all: true,
        };
        assert_eq!(limits.reserve(&request("channels/3/messages"), later), Err(held));
        assert_eq!(
            limits.reserve(&request("interactions/1/token/callback"), later),
            Ok(()),
            "these do not count"
        );
        assert_eq!(
            limits.reserve(&request("channels/3/messages"), start + Duration::from_secs(1)),
            Ok(())
        );
    }

    #[test]
    fn spare_requests_leave_half_of_a_second_to_others() {
        let mut limits = RateLimits::new(NonZeroU32::new(4));
        let now = Instant::now();
        let (spare, urgent) = (request("channels/1/messages"), request("guilds/1/bans/2"));
        assert_eq!(limits.reserve_spare(&spare, now), Ok(()));
        assert_eq!(limits.reserve_spare(&spare, now), Ok(()));
        assert!(limits.reserve_spare(&spare, now).is_err_and(|held| held.all));
        assert_eq!(limits.reserve(&urgent, now), Ok(()));
        assert_eq!(limits.reserve(&urgent, now), Ok(()));
        assert_eq!(limits.reserve_spare(&spare, now + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn a_global_limit_holds_everything_back_but_interactions() {
        let mut limits = RateLimits::new(None);
        let now = Instant::now();
        limits.block_all(now + Duration::from_secs(3));
        assert!(
            limits
                .reserve(&request("channels/1/messages"), now)
                .is_err_and(|held| held.all)
        );
        assert_eq!(limits.reserve(&request("interactions/1/token/callback"), now), Ok(()));
    }
}
