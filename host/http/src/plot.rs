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
    what: String,
    id: String,
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
    pub(crate) fn of(what: &str, days: impl Iterator<Item = (u64, u64)>) -> Self {
        let days: Vec<_> = days.collect();
        let highest = days.iter().map(|(_, value)| *value).max().unwrap_or(0);
        let step = WIDTH / (days.len().max(1) as u64);
        let bars = days.iter().enumerate().map(|(index, (day, value))| {
            // Something is never drawn as nothing.
            let height = (value * HEIGHT)
                .checked_div(highest)
                .map_or(0, |height| height.max(u64::from(*value > 0) * 2));
            Bar {
                x: index as u64 * step,
                y: HEIGHT - height,
                width: step.saturating_sub(3).max(1),
                height,
                date: date(*day),
                value: *value,
            }
        });
        let letter = |character: char| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        };
        Self {
            what: what.to_owned(),
            id: format!("plot-{}", what.chars().map(letter).collect::<String>()),
            bars: bars.collect(),
            highest,
            total: days.iter().map(|(_, value)| value).sum(),
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
        let plot = Plot::of("messages", [(1, 0), (2, 1), (3, 1000)].into_iter());
        let heights: Vec<_> = plot.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 2, HEIGHT]);
        assert_eq!(plot.total, 1001);
        let empty = Plot::of("active members", [(1, 0)].into_iter());
        assert_eq!((empty.bars[0].height, empty.id.as_str()), (0, "plot-active-members"));
        assert_eq!(Plot::of("actions", std::iter::empty()).highest, 0);
    }
}
