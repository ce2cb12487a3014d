//! How new an author is: on Discord, and in the guild.

use crate::signal::Signal;
use guildhall_sdk::Timestamp;

const HOUR: Timestamp = 3_600_000;
pub(crate) const DAY: Timestamp = 24 * HOUR;

/// `account_age` and `tenure` in milliseconds; none where Discord did not say when the member joined.
pub(crate) fn signals(account_age: Timestamp, tenure: Option<Timestamp>) -> Vec<Signal> {
    let mut signals = Vec::new();
    match account_age {
        age if age < 7 * DAY => signals.push(Signal::new("account_age", 2)),
        age if age < 30 * DAY => signals.push(Signal::new("account_age", 1)),
        _ => {}
    }
    match tenure {
        Some(tenure) if tenure < DAY => signals.push(Signal::new("server_tenure", 2)),
        Some(tenure) if tenure < 7 * DAY => signals.push(Signal::new("server_tenure", 1)),
        _ => {}
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(account_age: Timestamp, tenure: Option<Timestamp>) -> i32 {
        signals(account_age, tenure).iter().map(|signal| signal.points).sum()
    }

    #[test]
    fn the_newer_the_more_points() {
        for (account, tenure, expected) in [
            (0, Some(0), 4),
            (DAY, Some(HOUR), 4),
            (7 * DAY - 1, Some(DAY - 1), 4),
            (7 * DAY, Some(DAY), 2),
            (30 * DAY - 1, Some(7 * DAY - 1), 2),
            (30 * DAY, Some(7 * DAY), 0),
            (0, None, 2),
        ] {
            assert_eq!(
                points(account, tenure),
                expected,
                "account {account} ms, member {tenure:?} ms"
            );
        }
    }
}
