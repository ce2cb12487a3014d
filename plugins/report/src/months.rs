//! Months, and how much happened in each, drawn in one line.

use guildhall_sdk::{Timestamp, civil_date};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NAMES: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A month of UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Month {
    year: u64,
    /// Counted from 0.
    index: usize,
}

impl Month {
    /// The month of a moment.
    pub(crate) fn of(moment: Timestamp) -> Self {
        let (year, month, _) = civil_date(moment / 86_400_000);
        Self {
            year,
            index: usize::try_from(month - 1).unwrap_or(0),
        }
    }

    /// The last so many months up to this one, the oldest first.
    pub(crate) fn last(self, count: usize) -> Vec<Self> {
        let mut months = vec![self];
        while months.len() < count {
            let oldest = months[months.len() - 1];
            months.push(match oldest.index {
                0 => Self {
                    year: oldest.year - 1,
                    index: 11,
                },
                index => Self {
                    year: oldest.year,
                    index: index - 1,
                },
            });
        }
        months.reverse();
        months
    }

    /// `2026-03`.
    pub(crate) fn key(self) -> String {
        format!("{:04}-{:02}", self.year, self.index + 1)
    }

    /// `Mar`.
    pub(crate) fn name(self) -> &'static str {
        NAMES.get(self.index).copied().unwrap_or_default()
    }
}

/// One bar for each count: the lowest is none at all, the highest the most.
pub(crate) fn sparkline(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: u64| match count {
        0 => BARS[0],
        _ => BARS[usize::try_from((count * 7).div_ceil(most)).unwrap_or(7).min(7)],
    };
    counts.iter().map(|count| bar(*count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_the_calendar() {
        let month = |moment| Month::of(moment).key();
        assert_eq!(month(0), "1970-01");
        assert_eq!(month(1_772_409_599_000), "2026-03");
        assert_eq!(month(1_772_323_199_000), "2026-02");
        assert_eq!(month(1_709_164_800_000), "2024-02");
        assert_eq!(month(1_709_251_200_000), "2024-03");
        let names: Vec<_> = Month::of(1_772_409_599_000)
            .last(6)
            .into_iter()
            .map(Month::name)
            .collect();
        assert_eq!(names, ["Oct", "Nov", "Dec", "Jan", "Feb", "Mar"]);
        assert_eq!(Month::of(1_772_409_599_000).last(4)[0].key(), "2025-12");
    }

    #[test]
    fn a_month_without_reports_is_the_lowest_bar_and_one_is_more() {
        assert_eq!(sparkline(&[0, 0, 0]), "▁▁▁");
        assert_eq!(sparkline(&[0, 1, 2, 7]), "▁▂▃█");
        assert_eq!(sparkline(&[1, 100, u64::MAX / 8]), "▂▂█");
    }
}
