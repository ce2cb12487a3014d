//! Moments in words that need no Discord client to be read.

use crate::Timestamp;

/// `2026-03-02 09:00:05`, in UTC.
pub fn utc(moment: Timestamp) -> String {
    let (days, seconds) = (moment / 86_400_000, moment / 1000 % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of days since 1970-01-01 (Howard Hinnant's civil_from_days: years begin in March).
pub fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(1_709_164_800_000), "2024-02-29 00:00:00");
        assert_eq!(utc(1_709_210_096_000), "2024-02-29 12:34:56");
        assert_eq!(utc(1_772_442_000_000), "2026-03-02 09:00:00");
        assert_eq!(utc(1_772_442_005_999), "2026-03-02 09:00:05");
        assert_eq!(utc(1_735_689_599_000), "2024-12-31 23:59:59");
    }
}
