//! Days, hours, and the ids that messages of a moment have. Days are UTC, numbered from 1970-01-01.

use guildhall_sdk::{Id, Timestamp};

/// Milliseconds of a day.
pub(crate) const DAY: Timestamp = 86_400_000;
const HOUR: Timestamp = 3_600_000;
/// How long after its hour a message may still come without being late.
const GRACE: Timestamp = 600_000;
/// Discord's epoch in milliseconds since Unix's (Discord, Reference, Snowflakes).
const EPOCH: Timestamp = 1_420_070_400_000;

/// The day of this moment.
pub(crate) fn day(at: Timestamp) -> u64 {
    at / DAY
}

/// The lowest id that a message of this moment can have.
pub(crate) fn first_message(at: Timestamp) -> Id {
    at.saturating_sub(EPOCH) << 22
}

/// Messages with ids below this one may have been added up already; those from it on cannot.
pub(crate) fn settled_before(now: Timestamp) -> Id {
    first_message(now.saturating_sub(GRACE) / HOUR * HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_sdk::snowflake_unix_ms;

    /// 2026-03-02T09:00:00Z.
    const NINE: Timestamp = 1_772_442_000_000;

    #[test]
    fn ids_and_moments_agree() {
        assert_eq!(snowflake_unix_ms(first_message(NINE)), NINE);
        assert_eq!(first_message(0), 0);
        assert_eq!((day(NINE), day(NINE) * DAY), (20_514, NINE - 9 * HOUR));
    }

    #[test]
    fn an_hour_is_settled_ten_minutes_after_its_end() {
        assert_eq!(settled_before(NINE + GRACE - 1), first_message(NINE - HOUR));
        assert_eq!(settled_before(NINE + GRACE), first_message(NINE));
    }
}
