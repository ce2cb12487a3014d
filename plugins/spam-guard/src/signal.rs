//! Signals and what they add up to.

use crate::settings::Settings;
use guildhall_sdk::one_line;
use std::fmt;

/// One reason, with its points and what was seen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    pub(crate) name: &'static str,
    pub(crate) points: i32,
    seen: String,
}

impl Signal {
    pub(crate) fn new(name: &'static str, points: i32) -> Self {
        Self {
            name,
            points,
            seen: String::new(),
        }
    }

    /// What was seen: words, a host. It stands in the explanation, defused.
    pub(crate) fn seen(mut self, seen: &str) -> Self {
        self.seen = one_line(seen, 100);
        self
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
    /// Signals whose points a guild has set to 0 are switched off.
    pub(crate) fn of(mut signals: Vec<Signal>) -> Self {
        signals.retain(|signal| signal.points != 0);
        Self {
            points: signals.iter().map(|signal| signal.points).sum(),
            signals,
        }
    }

    /// Whether the message's copies are as bad as itself: those of a wave, and of a link that deceives. Others may have been
    /// harmless when they stood alone.
    pub(crate) fn holds_for_copies(&self) -> bool {
        let certain = ["cross_channel_spam", "file_wave", "link:imitation", "link:masked"];
        self.signals.iter().any(|signal| certain.contains(&signal.name))
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

/// Each signal with its signed points: `mass_ping +5, spam_keyword:scam +2 (free, gift), safe_keyword −10 (hiring)`.
impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, signal) in self.signals.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let sign = if signal.points < 0 { '−' } else { '+' };
            let (name, points) = (signal.name, signal.points.unsigned_abs());
            write!(formatter, "{separator}{name} {sign}{points}")?;
            if !signal.seen.is_empty() {
                write!(formatter, " ({})", signal.seen)?;
            }
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
            let score = Score::of(vec![Signal::new("test", points)]);
            assert_eq!(score.tier(&settings), tier, "{points}");
        }
    }

    #[test]
    fn the_summary_lists_every_signal_with_its_sign_and_what_was_seen() {
        let score = Score::of(vec![
            Signal::new("mass_ping", 5),
            Signal::new("spam_keyword:scam", 2).seen("free, gift"),
            Signal::new("safe_keyword", -10),
        ]);
        assert_eq!(
            (score.points, score.to_string().as_str()),
            (-3, "mass_ping +5, spam_keyword:scam +2 (free, gift), safe_keyword −10")
        );
    }
}
