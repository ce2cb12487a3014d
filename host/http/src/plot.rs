//! A plot of a figure per day, as SVG that needs no script: a bar a day, each with its figure to be read out.

use askama::Template;
use serde::Deserialize;
use time::OffsetDateTime;

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

/// The date of a day since 1970-01-01; the number itself for one that no calendar reaches.
fn date(day: u64) -> String {
    let seconds = i64::try_from(day).ok().and_then(|day| day.checked_mul(86_400));
    let moment = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    moment.map_or_else(|| day.to_string(), |moment| moment.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (u64::MAX, "18446744073709551615"),
        ] {
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
