//! Snowflakes: milliseconds since Discord's epoch, then 22 bits that make them unique.

use std::time::{SystemTime, UNIX_EPOCH};

const EPOCH_MS: u64 = 1_420_070_400_000;

/// Makes snowflakes that grow.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes {
    last_ms: u64,
    counter: u64,
    /// Stands in the place of the machine's clock, where the same is to happen every time.
    pub(crate) clock_ms: Option<u64>,
}

impl Snowflakes {
    /// The simulated world's time.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock_ms.unwrap_or_else(now_ms)
    }

    pub(crate) fn next(&mut self) -> u64 {
        let now = self.now_ms();
        if now > self.last_ms {
            self.last_ms = now;
            self.counter = 0;
        } else {
            self.counter += 1;
        }
        ((self.last_ms - EPOCH_MS) << 22) + self.counter
    }
}

/// The snowflake that was made first at this time.
pub(crate) fn at(unix_ms: u64) -> u64 {
    (unix_ms.saturating_sub(EPOCH_MS)) << 22
}

/// When a snowflake was made, in milliseconds since the Unix epoch.
pub(crate) fn unix_ms(snowflake: u64) -> u64 {
    (snowflake >> 22) + EPOCH_MS
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// ISO 8601 with milliseconds, as Discord writes times.
pub(crate) fn iso8601(unix_ms: u64) -> String {
    let days = i64::try_from(unix_ms / 86_400_000).unwrap_or(0);
    let (hour, minute) = (unix_ms / 3_600_000 % 24, unix_ms / 60_000 % 60);
    let (second, millisecond) = (unix_ms / 1000 % 60, unix_ms % 1000);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}000+00:00")
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar, by counting eras of 400 years that begin on
/// 1 March.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(ERA);
    let day_of_era = shifted.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Milliseconds since the Unix epoch of an ISO 8601 time in UTC, with or without a fraction.
pub(crate) fn parse_iso8601(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let before_march = i64::from(month <= 2);
    let shifted_year = year - before_march;
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let fraction = text
        .get(19..)
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.get(..3)?.parse().ok());
    let milliseconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(milliseconds * 1000 + fraction.unwrap_or(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_as_discord_does() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000000+00:00"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789000+00:00"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999000+00:00"),
        ] {
            assert_eq!(iso8601(unix_ms), text);
            assert_eq!(parse_iso8601(text), Some(unix_ms));
        }
        assert_eq!(parse_iso8601("2024-02-29T12:34:56Z"), Some(1_709_210_096_000));
        assert_eq!(parse_iso8601("tomorrow"), None);
    }

    #[test]
    fn snowflakes_grow_and_tell_their_time() {
        let mut snowflakes = Snowflakes::default();
        let before = now_ms();
        let ids: Vec<_> = (0..5000).map(|_| snowflakes.next()).collect();
        assert!(ids.is_sorted_by(|left, right| left < right));
        assert!(unix_ms(ids[0]) >= before);
    }
}
