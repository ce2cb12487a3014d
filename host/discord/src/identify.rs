//! When a shard may IDENTIFY. twilight asks before every IDENTIFY and waits for nothing else, so this is the only brake
//! on a loop of them; the daily budget, once spent, costs the bot its token (Discord, Gateway, Session Start Limit).

use crate::rest::SessionStartLimit;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use twilight_gateway_queue::Queue;

/// Discord lets each key of `shard_id % max_concurrency` start one session per this period.
const PERIOD: Duration = Duration::from_secs(5);
/// Session starts that are left to people for emergencies.
const RESERVE: u32 = 50;

/// Paces the IDENTIFYs of all shards of a process.
#[derive(Clone)]
pub struct IdentifyPace(Source);

#[derive(Clone)]
enum Source {
    /// This process is all there is.
    Alone(Arc<Alone>),
    /// Turns are granted elsewhere, for all processes of a fleet.
    Granted(Arc<Grant>),
}

/// Waits for the turn of a shard.
type Grant = dyn Fn(u32) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

impl fmt::Debug for IdentifyPace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentifyPace")
    }
}

struct Alone {
    state: Mutex<State>,
    max_concurrency: u32,
    period: Duration,
}

#[derive(Debug)]
struct State {
    /// When each key may start its next session.
    next: HashMap<u32, Instant>,
    remaining: u32,
    total: u32,
    resets_at: Instant,
}

impl IdentifyPace {
    /// A pace within what Discord grants.
    pub fn new(limit: &SessionStartLimit) -> Self {
        Self::with_period(limit, PERIOD)
    }

    /// A pace with another period than Discord's, for a simulation that has one.
    pub fn with_period(limit: &SessionStartLimit, period: Duration) -> Self {
        let state = State {
            next: HashMap::new(),
            remaining: limit.remaining,
            total: limit.total,
            resets_at: Instant::now() + Duration::from_millis(limit.reset_after),
        };
        Self(Source::Alone(Arc::new(Alone {
            state: Mutex::new(state),
            max_concurrency: limit.max_concurrency.max(1),
            period,
        })))
    }

    /// A pace that somebody else keeps: the future ends when the shard may IDENTIFY.
    pub fn granted_by<F: Future<Output = ()> + Send + 'static>(
        grant: impl Fn(u32) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Granted(Arc::new(move |shard| Box::pin(grant(shard)))))
    }
}

impl Alone {
    /// Takes the next turn of this shard.
    fn turn(&self, shard: u32) -> Instant {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.resets_at <= now {
            state.remaining = state.total;
            state.resets_at = now + Duration::from_secs(24 * 3600);
        }
        let mut turn = state
            .next
            .get(&(shard % self.max_concurrency))
            .map_or(now, |next| now.max(*next));
        if state.remaining <= RESERVE.min(state.total / 2) {
            tracing::error!(
                shard,
                remaining = state.remaining,
                "the bot has nearly spent its session starts; new sessions wait until Discord grants more"
            );
            turn = turn.max(state.resets_at);
        } else {
            state.remaining -= 1;
        }
        state.next.insert(shard % self.max_concurrency, turn + self.period);
        turn
    }
}

impl Queue for IdentifyPace {
    fn enqueue(&self, shard: u32) -> oneshot::Receiver<()> {
        let (permit, granted) = oneshot::channel();
        let turn: Pin<Box<dyn Future<Output = ()> + Send>> = match &self.0 {
            Source::Alone(alone) => Box::pin(tokio::time::sleep_until(alone.turn(shard))),
            Source::Granted(grant) => grant(shard),
        };
        // The task keeps the sender until the turn comes: twilight takes a dropped one for "ask again at once".
        tokio::spawn(async move {
            turn.await;
            metrics::counter!("guildhall_gateway_identifies_total").increment(1);
            // The shard may have been dropped meanwhile.
            let _ = permit.send(());
        });
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(remaining: u32, max_concurrency: u32) -> SessionStartLimit {
        SessionStartLimit {
            total: 1000,
            remaining,
            reset_after: 3_600_000,
            max_concurrency,
        }
    }

    fn alone(limit: &SessionStartLimit) -> Arc<Alone> {
        match IdentifyPace::new(limit).0 {
            Source::Alone(alone) => alone,
            Source::Granted(_) => unreachable!("`new` makes one that is alone"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_session_per_key_and_period() {
        let pace = alone(&limit(1000, 2));
        let start = Instant::now();
        for (shard, seconds) in [(0, 0), (1, 0), (2, 5), (0, 10), (1, 5)] {
            assert_eq!(pace.turn(shard) - start, Duration::from_secs(seconds), "shard {shard}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_session_starts_are_kept() {
        let pace = alone(&limit(51, 1));
        let start = Instant::now();
        assert_eq!(pace.turn(0), start);
        assert_eq!(pace.turn(0) - start, Duration::from_secs(3600));
    }
}
