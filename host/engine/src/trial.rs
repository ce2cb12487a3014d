//! A new version beside the one before: in which guilds it is tried, what the calls of both came to, and what follows
//! from that. Only calls of a plugin that is under trial are measured.

use guildhall_catalogue::CallFigures;
use guildhall_model::GuildId;
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failed calls after which a bad version goes before its time is up.
const EARLY: u64 = 3;
/// Microseconds that a call may take longer whatever it took before: what a scheduler makes of a short one.
const MARGIN_US: f64 = 200.0;

/// How updates of installed plugins are tried.
#[derive(Clone, Copy, Debug)]
pub struct UpdateRules {
    /// The share of the events whose guilds try a new version, from 0 to 1.
    pub share: f64,
    /// How long they do.
    pub trial: Duration,
    /// Calls without which nothing is decided yet.
    pub min_calls: u64,
    /// How long is waited for guilds that are active, and for so many calls.
    pub patience: Duration,
    /// The share of calls that may fail beyond twice what failed of the version before.
    pub failures: f64,
    /// How many times as long as before a call may take.
    pub slowdown: f64,
}

/// Two versions under measurement.
#[derive(Debug)]
pub struct Trial {
    /// Guilds that take the newer version; none where all do, and it is still watched.
    pub guilds: Option<BTreeSet<GuildId>>,
    /// Calls of the newer version.
    pub newer: Measured,
    /// Calls of the one before.
    pub older: Measured,
}

impl Trial {
    pub(crate) fn in_guilds(guilds: BTreeSet<GuildId>) -> Self {
        Self {
            guilds: Some(guilds),
            newer: Measured::default(),
            older: Measured::default(),
        }
    }

    pub(crate) fn watch() -> Self {
        Self {
            guilds: None,
            newer: Measured::default(),
            older: Measured::default(),
        }
    }

    /// Whether the guild takes the newer version.
    pub fn takes_newer(&self, guild: GuildId) -> bool {
        self.guilds.as_ref().is_none_or(|guilds| guilds.contains(&guild))
    }
}

/// What the calls of one version came to, over all workers.
#[derive(Debug, Default)]
pub struct Measured(Mutex<Calls>);

#[derive(Debug)]
struct Calls {
    succeeded: u64,
    failed: u64,
    switched_off: u64,
    microseconds: Histogram<u64>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            succeeded: 0,
            failed: 0,
            switched_off: 0,
            // It grows as needed; two digits tell a slow version from a fast one.
            microseconds: Histogram::new(2).expect("two digits are among those that it knows"),
        }
    }
}

impl Measured {
    /// So many calls counted.
    pub fn succeeded(&self, calls: u64) {
        self.lock().succeeded += calls;
    }

    /// A call failed.
    pub fn failed(&self) {
        self.lock().failed += 1;
    }

    /// The version is switched off in a guild, as it kept failing there.
    pub fn switched_off(&self) {
        self.lock().switched_off += 1;
    }

    /// A call took so long, whatever came of it.
    pub fn took(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        // It grows with what it is told: the longest deadline is far from what it can hold.
        let _ = self.lock().microseconds.record(microseconds);
    }

    pub(crate) fn figures(&self) -> CallFigures {
        let calls = self.lock();
        CallFigures {
            calls: calls.succeeded + calls.failed,
            failures: calls.failed,
            p50_us: calls.microseconds.value_at_quantile(0.5),
            p99_us: calls.microseconds.value_at_quantile(0.99),
        }
    }

    pub(crate) fn is_switched_off(&self) -> bool {
        self.lock().switched_off > 0
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guilds that together bring about this share of the events, the busiest that fit first. Where not even the quietest fits,
/// it alone; none where nothing happens anywhere.
pub(crate) fn choose(events: &BTreeMap<GuildId, u64>, share: f64) -> BTreeSet<GuildId> {
    let mut active: Vec<_> = events.iter().filter(|(_, events)| **events > 0).collect();
    active.sort_by(|left, right| right.1.cmp(left.1));
    let total: u64 = active.iter().map(|(_, events)| **events).sum();
    let mut room = (total as f64 * share).floor() as u64;
    let mut chosen = BTreeSet::new();
    for (guild, events) in &active {
        if **events <= room {
            room -= **events;
            chosen.insert(**guild);
        }
    }
    if chosen.is_empty() {
        chosen.extend(active.last().map(|(guild, _)| **guild));
    }
    chosen
}

/// Why the newer version is worse so far, beyond doubt; none while there is doubt.
pub(crate) fn fails_early(newer: &CallFigures, older: &CallFigures, rules: &UpdateRules) -> Option<String> {
    fails(newer, older, rules).filter(|_| newer.failures >= EARLY)
}

/// Why the newer version is worse, now that there is no more time.
pub(crate) fn is_worse(newer: &CallFigures, older: &CallFigures, rules: &UpdateRules) -> Option<String> {
    fails(newer, older, rules).or_else(|| is_slower(newer, older, rules))
}

fn fails(newer: &CallFigures, older: &CallFigures, rules: &UpdateRules) -> Option<String> {
    let rate = |figures: &CallFigures| figures.failures as f64 / figures.calls.max(1) as f64;
    (rate(newer) > 2.0 * rate(older) + rules.failures).then(|| {
        format!(
            "{} of {} calls failed, and {} of {} of the version before",
            newer.failures, newer.calls, older.failures, older.calls
        )
    })
}

fn is_slower(newer: &CallFigures, older: &CallFigures, rules: &UpdateRules) -> Option<String> {
    let allowed = older.p50_us as f64 * rules.slowdown + MARGIN_US;
    (newer.calls > 0 && older.calls > 0 && newer.p50_us as f64 > allowed).then(|| {
        format!(
            "a call takes {} µs, and {} µs in the version before",
            newer.p50_us, older.p50_us
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: UpdateRules = UpdateRules {
        share: 0.05,
        trial: Duration::from_secs(60),
        min_calls: 20,
        patience: Duration::from_secs(900),
        failures: 0.02,
        slowdown: 2.0,
    };

    fn chosen(events: &[u64], share: f64) -> Vec<u64> {
        let events = events.iter().enumerate();
        let events = events.map(|(guild, events)| (GuildId(guild as u64), *events)).collect();
        choose(&events, share).into_iter().map(|guild| guild.0).collect()
    }

    #[test]
    fn the_busiest_guilds_that_fit_into_the_share_try_a_version() {
        assert_eq!(chosen(&[900, 60, 40, 0], 0.1), [1, 2]);
        assert_eq!(chosen(&[900, 60, 50, 0], 0.1), [1], "110 of 1010 would be more");
        assert_eq!(chosen(&[900, 60, 40, 0], 1.0), [0, 1, 2], "who is silent tells nothing");
        assert_eq!(chosen(&[900, 600], 0.05), [1], "one does, though it is more");
        assert_eq!(chosen(&[0, 0], 0.05), [0_u64; 0]);
    }

    fn figures(calls: u64, failures: u64, p50_us: u64) -> CallFigures {
        CallFigures {
            calls,
            failures,
            p50_us,
            p99_us: p50_us,
        }
    }

    #[test]
    fn a_version_that_fails_more_or_takes_longer_is_worse() {
        let judged = |newer, older| is_worse(&newer, &older, &RULES);
        assert_eq!(judged(figures(100, 0, 90), figures(1000, 0, 80)), None);
        assert_eq!(
            judged(figures(100, 2, 90), figures(1000, 0, 80)),
            None,
            "two of a hundred"
        );
        assert_eq!(
            judged(figures(100, 20, 90), figures(1000, 100, 80)),
            None,
            "as bad as it was before"
        );
        let failing = judged(figures(40, 3, 90), figures(1000, 1, 80)).expect("worse");
        assert_eq!(failing, "3 of 40 calls failed, and 1 of 1000 of the version before");
        let slow = judged(figures(40, 0, 4000), figures(1000, 0, 1800)).expect("worse");
        assert_eq!(slow, "a call takes 4000 µs, and 1800 µs in the version before");
        assert_eq!(
            judged(figures(40, 0, 250), figures(1000, 0, 40)),
            None,
            "too short to tell"
        );
        assert_eq!(
            judged(figures(40, 0, 4000), figures(0, 0, 0)),
            None,
            "nothing to compare with"
        );
    }

    #[test]
    fn before_the_time_is_up_some_failures_are_needed() {
        let older = figures(1000, 0, 80);
        assert_eq!(fails_early(&figures(2, 2, 80), &older, &RULES), None);
        assert!(fails_early(&figures(3, 3, 80), &older, &RULES).is_some());
        assert_eq!(fails_early(&figures(1000, 3, 80), &older, &RULES), None);
    }

    #[test]
    fn what_is_measured_is_told() {
        let measured = Measured::default();
        for time in [100, 100, 100, 9000] {
            measured.took(Duration::from_micros(time));
        }
        measured.succeeded(3);
        measured.failed();
        let CallFigures {
            calls,
            failures,
            p50_us,
            p99_us,
        } = measured.figures();
        assert_eq!((calls, failures), (4, 1));
        assert!((99..=101).contains(&p50_us) && p99_us >= 8900, "{p50_us} {p99_us}");
        assert!(!measured.is_switched_off());
        measured.switched_off();
        assert!(measured.is_switched_off());
    }
}
