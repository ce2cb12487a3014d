//! Moments as Discord's JSON writes them (ISO 8601), as milliseconds since the Unix epoch.

use guildhall_sdk::Timestamp;

/// Reads `2026-03-02T09:00:00.125000+00:00`; none for anything else, and for moments before 1970.
pub(crate) fn unix_milliseconds(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers::<3>(date, '-')?;
    let (time, offset_minutes) = split_offset(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers::<3>(time, ':')?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !in_range || year > 9999 {
        return None;
    }
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    u64::try_from(seconds * 1000 + milliseconds(fraction)?).ok()
}

fn numbers<const COUNT: usize>(text: &str, separator: char) -> Option<[i64; COUNT]> {
    let numbers: Option<Vec<i64>> = text
        .split(separator)
        .map(|part| part.parse::<u16>().ok().map(i64::from))
        .collect();
    numbers?.try_into().ok()
}

/// Time of day, and minutes that its zone is ahead of UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(utc) = time.strip_suffix('Z') {
        return Some((utc, 0));
    }
    let sign_at = time.rfind(['+', '-'])?;
    let (time, offset) = time.split_at(sign_at);
    let [hours, minutes] = numbers::<2>(&offset[1..], ':')?;
    let minutes = hours * 60 + minutes;
    Some((time, if offset.starts_with('-') { -minutes } else { minutes }))
}

fn milliseconds(fraction: &str) -> Option<i64> {
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    digits.parse::<u16>().ok().map(i64::from)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that leap days come last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discords_moments_are_read() {
        assert_eq!(unix_milliseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            unix_milliseconds("2023-11-14T22:13:20.125000+00:00"),
            Some(1_700_000_000_125)
        );
        assert_eq!(
            unix_milliseconds("2023-11-14T23:13:20.1+01:00"),
            Some(1_700_000_000_100)
        );
        assert_eq!(unix_milliseconds("2024-02-29T00:00:00+00:00"), Some(1_709_164_800_000));
        assert_eq!(unix_milliseconds("2024-03-01T00:00:00-00:30"), Some(1_709_253_000_000));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "yesterday",
            "2023-11-14",
            "2023-13-14T00:00:00Z",
            "1969-12-31T00:00:00Z",
            "2023-11-14T1:2Z",
        ] {
            assert_eq!(unix_milliseconds(text), None, "{text}");
        }
    }
}
