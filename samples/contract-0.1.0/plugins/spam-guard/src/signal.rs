//! Signals and what they add up to.

use crate::settings::Settings;
use std::fmt;

/// One reason, with its points.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    pub(crate) name: &'static str,
    pub(crate) points: i32,
}

impl Signal {
    pub(crate) fn new(name: &'static str, points: i32) -> Self {
        Self { name, points }
    }
}

/// All signals of one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Score {
    pub(crate) points: i32,
    signals: Vec<Signal>,
}

/// How a score is answered.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Tier {
    None,
    Low,
    Medium,
    High,
    Honeypot,
}

impl Score {
    pub(crate) fn of(signals: Vec<Signal>) -> Self {
        Self {
            points: signals.iter().map(|signal| signal.points).sum(),
            signals,
        }
    }

    pub(crate) fn tier(&self, settings: &Settings) -> Tier {
        match self.points {
            points if points >= settings.honeypot => Tier::Honeypot,
            points if points >= settings.high => Tier::High,
            points if points >= settings.medium => Tier::Medium,
            points if points >= settings.low => Tier::Low,
            _ => Tier::None,
        }
    }
}

/// Each signal with its signed points: `mass_ping +5, safe_keyword −10`.
impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, signal) in self.signals.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let sign = if signal.points < 0 { '−' } else { '+' };
            write!(
                formatter,
                "{separator}{} {sign}{}",
                signal.name,
                signal.points.unsigned_abs()
            )?;
        }
        Ok(())
    }
}

impl Tier {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Honeypot => "honeypot",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_begin_at_their_thresholds() {
        let settings = Settings::default();
        for (points, tier) in [
            (-10, Tier::None),
            (5, Tier::None),
            (6, Tier::Low),
            (9, Tier::Low),
            (10, Tier::Medium),
            (14, Tier::Medium),
            (15, Tier::High),
            (99, Tier::High),
            (100, Tier::Honeypot),
        ] {
            assert_eq!(
                Score::of(vec![Signal::new("test", points)]).tier(&settings),
                tier,
                "{points}"
            );
        }
    }

    #[test]
    fn the_summary_lists_every_signal_with_its_sign() {
        let score = Score::of(vec![Signal::new("mass_ping", 5), Signal::new("safe_keyword", -10)]);
        assert_eq!(
            (score.points, score.to_string().as_str()),
            (-5, "mass_ping +5, safe_keyword −10")
        );
    }
}
