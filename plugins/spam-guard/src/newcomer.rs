//! How new an author is: on Discord, and in the guild. And who is not new any more.

use crate::settings::Settings;
use crate::signal::Signal;
use guildhall_sdk::{Message, Timestamp, snowflake_unix_ms};

const HOUR: Timestamp = 3_600_000;
const DAY: Timestamp = 24 * HOUR;

/// How long the author has been there, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    account: Timestamp,
    /// None where Discord did not say when the member joined.
    tenure: Option<Timestamp>,
    has_trusted_role: bool,
}

impl Standing {
    pub(crate) fn of(settings: &Settings, message: &Message) -> Self {
        let member = message.member.as_ref();
        let joined_at = member.and_then(|member| member.joined_at);
        let roles = member.map_or(&[][..], |member| &member.roles);
        Self {
            account: message.sent_at.saturating_sub(snowflake_unix_ms(message.author.id)),
            tenure: joined_at.map(|joined_at| message.sent_at.saturating_sub(joined_at)),
            has_trusted_role: settings.trusted_roles.iter().any(|role| roles.contains(&role.0)),
        }
    }

    pub(crate) fn signals(self, settings: &Settings) -> Vec<Signal> {
        let account = match self.account {
            age if age < DAY => settings.points_account_1_day,
            age if age < 7 * DAY => settings.points_account_7_days,
            age if age < 30 * DAY => settings.points_account_30_days,
            _ => 0,
        };
        let tenure = match self.tenure {
            Some(tenure) if tenure < HOUR => settings.points_joined_1_hour,
            Some(tenure) if tenure < DAY => settings.points_joined_24_hours,
            Some(tenure) if tenure < 7 * DAY => settings.points_joined_7_days,
            _ => 0,
        };
        let mut signals = Vec::new();
        if account != 0 {
            signals.push(Signal::new("account_age", account).seen(&age(self.account)));
        }
        if let Some(since) = self.tenure.filter(|_| tenure != 0) {
            signals.push(Signal::new("server_tenure", tenure).seen(&age(since)));
        }
        signals
    }

    /// Whether the author is a regular. Where Discord did not say when the member joined, the doubt is in its favour.
    pub(crate) fn is_trusted(self, settings: &Settings) -> bool {
        let long_enough = Timestamp::from(settings.trusted_after_days) * DAY;
        let is_old = self.account >= 30 * DAY && self.tenure.is_none_or(|tenure| tenure >= long_enough);
        self.has_trusted_role || is_old
    }
}

fn age(milliseconds: Timestamp) -> String {
    guildhall_sdk::span(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(account: Timestamp, tenure: Option<Timestamp>) -> Standing {
        Standing {
            account,
            tenure,
            has_trusted_role: false,
        }
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
            let signals = standing(account, tenure).signals(&Settings::default());
            let points: i32 = signals.iter().map(|signal| signal.points).sum();
            assert_eq!(points, expected, "account {account} ms, member {tenure:?} ms");
        }
    }

    #[test]
    fn whoever_gets_no_points_for_being_new_is_trusted() {
        let settings = Settings::default();
        assert!(standing(30 * DAY, Some(7 * DAY)).is_trusted(&settings));
        assert!(standing(30 * DAY, None).is_trusted(&settings));
        assert!(!standing(30 * DAY, Some(7 * DAY - 1)).is_trusted(&settings));
        assert!(!standing(30 * DAY - 1, Some(70 * DAY)).is_trusted(&settings));
        let mut helper = standing(0, Some(0));
        helper.has_trusted_role = true;
        assert!(helper.is_trusted(&settings));
    }
}
