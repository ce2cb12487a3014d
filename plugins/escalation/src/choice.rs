//! What can be voted for.

use guildhall_sdk::component::Style;
use guildhall_sdk::permission;

/// A choice; later ones are more severe.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Choice {
    NoAction,
    Timeout,
    Restrict,
    Kick,
    Ban,
}

impl Choice {
    pub(crate) const ALL: [Self; 5] = [Self::NoAction, Self::Timeout, Self::Restrict, Self::Kick, Self::Ban];

    /// Its word in rows and custom ids.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoAction => "no-action",
            Self::Timeout => "timeout",
            Self::Restrict => "restrict",
            Self::Kick => "kick",
            Self::Ban => "ban",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word() == word)
    }

    /// What stands on its button.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoAction => "No action (abstain)",
            other => other.name(),
        }
    }

    /// What it is called in texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoAction => "No action",
            Self::Timeout => "Timeout overnight",
            Self::Restrict => "Restrict",
            Self::Kick => "Kick",
            Self::Ban => "Ban",
        }
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Self::NoAction => Style::Secondary,
            Self::Timeout | Self::Restrict => Style::Primary,
            Self::Kick | Self::Ban => Style::Danger,
        }
    }

    /// The permission that Discord asks of the bot for it.
    pub(crate) fn permission(self) -> u64 {
        match self {
            Self::NoAction => 0,
            Self::Timeout => permission::MODERATE_MEMBERS,
            Self::Restrict => permission::MANAGE_ROLES,
            Self::Kick => permission::KICK_MEMBERS,
            Self::Ban => permission::BAN_MEMBERS,
        }
    }
}

/// The names in one line: `Kick and Ban`.
pub(crate) fn names(choices: &[Choice]) -> String {
    let names: Vec<_> = choices.iter().map(|choice| choice.name()).collect();
    names.join(" and ")
}
