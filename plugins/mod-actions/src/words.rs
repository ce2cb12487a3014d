//! What stands in the user's thread.

use crate::kind::Kind;
use crate::record::Record;
use guildhall_sdk::{Timestamp, one_line, span};

/// Bytes of a reason; Discord keeps 512 characters.
const REASON: usize = 600;

/// `**Banned** by @moderator, <time>: the reason`.
pub(crate) fn entry(record: &Record) -> String {
    let what = match (record.kind, record.until) {
        (Kind::Ban, _) => "Banned".to_owned(),
        (Kind::Unban, _) => "Ban lifted".to_owned(),
        (Kind::Kick, _) => "Kicked".to_owned(),
        (Kind::Timeout, Some(until)) => format!("Timed out for {}", duration(until.saturating_sub(record.at))),
        (Kind::Timeout, None) => "Timed out".to_owned(),
        (Kind::TimeoutLifted, _) => "Timeout lifted".to_owned(),
    };
    let by = match (record.executor, record.entry) {
        (Some(executor), _) => format!(" by <@{executor}>"),
        // Discord's automod; the reason says so.
        (None, Some(_)) => String::new(),
        (None, None) => " by a moderator whom the audit log does not show me".to_owned(),
    };
    let until = match record.until {
        Some(until) if record.kind == Kind::Timeout => format!(", until {}", full_time(until)),
        _ => String::new(),
    };
    let reason = match (&record.reason, record.entry) {
        (Some(reason), _) => format!(": {}", one_line(reason, REASON)),
        (None, Some(_)) => ", no reason given".to_owned(),
        (None, None) => String::new(),
    };
    format!("**{what}**{by}, {}{until}{reason}", full_time(record.at))
}

fn full_time(moment: Timestamp) -> String {
    format!("<t:{}:f>", moment / 1000)
}

/// A timeout begins a moment before or after Discord tells of it; people set it in full minutes.
fn duration(milliseconds: u64) -> String {
    const GRAIN: u64 = 10_000;
    span((milliseconds + GRAIN / 2) / GRAIN * GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_sdk::Person;

    fn record(kind: Kind) -> Record {
        Record {
            kind,
            user: Person::default(),
            until: None,
            executor: Some(2),
            reason: Some("spam\n@everyone".into()),
            entry: Some(9),
            at: 1_000_000,
        }
    }

    #[test]
    fn an_entry_names_executor_time_and_reason_and_pings_nobody() {
        assert_eq!(
            entry(&record(Kind::Ban)),
            "**Banned** by <@2>, <t:1000:f>: spam @\u{200b}everyone"
        );
        let silent = Record {
            reason: None,
            ..record(Kind::Kick)
        };
        assert_eq!(entry(&silent), "**Kicked** by <@2>, <t:1000:f>, no reason given");
        let unknown = Record {
            executor: None,
            entry: None,
            ..silent
        };
        assert_eq!(
            entry(&unknown),
            "**Kicked** by a moderator whom the audit log does not show me, <t:1000:f>"
        );
    }

    #[test]
    fn a_timeout_is_as_long_as_the_moderator_chose() {
        let timeout = Record {
            until: Some(1_000_000 + 3_599_800),
            ..record(Kind::Timeout)
        };
        assert!(entry(&timeout).starts_with("**Timed out for 1 h** by <@2>, <t:1000:f>, until <t:4599:f>: spam"));
        assert_eq!(duration(59_400), "1 min");
        assert_eq!(duration(7 * 86_400_000 + 300), "7 d");
    }
}
