//! A plot of a figure per day, as SVG that needs no script: a bar a day, each with its figure to be read out.

use askama::Template;
use serde::Deserialize;

/// One day as the owner counts it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Day {
    /// Days since 1970-01-01.
    pub(crate) day: u64,
    pub(crate) messages: u64,
    pub(crate) actions: u64,
}

const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;

/// The plot.
#[derive(Template)]
#[template(path = "plot.svg", ext = "html")]
pub(crate) struct Plot {
    /// What is plotted, in the plural: "messages".
    what: &'static str,
    id: &'static str,
    bars: Vec<Bar>,
    highest: u64,
    total: u64,
    width: u64,
    height: u64,
}

struct Bar {
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    date: String,
    value: u64,
}

impl Plot {
    /// A bar for each day, the highest as high as the plot.
    pub(crate) fn of(what: &'static str, days: &[Day], figure: impl Fn(&Day) -> u64) -> Self {
        let highest = days.iter().map(&figure).max().unwrap_or(0);
        let step = WIDTH / (days.len().max(1) as u64);
        let bars = days.iter().enumerate().map(|(index, day)| {
            let value = figure(day);
            // Something is never drawn as nothing.
            let height = (value * HEIGHT)
                .checked_div(highest)
                .map_or(0, |height| height.max(u64::from(value > 0) * 2));
            Bar {
                x: index as u64 * step,
                y: HEIGHT - height,
                width: step.saturating_sub(3).max(1),
                height,
                date: date(day.day),
                value,
            }
        });
        Self {
            what,
            id: what,
            bars: bars.collect(),
            highest,
            total: days.iter().map(&figure).sum(),
            width: WIDTH,
            height: HEIGHT,
        }
    }
}

/// The date of a day since 1970-01-01, in the proleptic Gregorian calendar; days since 0000-03-01 make leap days the last
/// of their years.
fn date(day: u64) -> String {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (day, expected) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_000, "2024-10-04")] {
            assert_eq!(date(day), expected);
        }
    }

    #[test]
    fn bars_are_as_high_as_their_figures_and_nothing_divides_by_zero() {
        let day = |messages| Day {
            day: 1,
            messages,
            actions: 0,
        };
        let plot = Plot::of("messages", &[day(0), day(1), day(1000)], |day| day.messages);
        let heights: Vec<_> = plot.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 2, HEIGHT]);
        assert_eq!(plot.total, 1001);
        let empty = Plot::of("actions", &[day(1)], |day| day.actions);
        assert_eq!(empty.bars[0].height, 0);
        assert_eq!(Plot::of("actions", &[], |day| day.actions).highest, 0);
    }
}
