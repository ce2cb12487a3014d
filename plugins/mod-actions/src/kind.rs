//! The kinds of actions, as they stand in rows and in Discord's audit log (Discord, Audit Log Events).

/// What a moderator did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Ban,
    Unban,
    Kick,
    Timeout,
    TimeoutLifted,
}

pub(crate) const MEMBER_KICK: u16 = 20;
pub(crate) const MEMBER_BAN_ADD: u16 = 22;
pub(crate) const MEMBER_BAN_REMOVE: u16 = 23;
pub(crate) const MEMBER_UPDATE: u16 = 24;
pub(crate) const AUTOMOD_TIMEOUT: u16 = 145;

impl Kind {
    const ALL: [Self; 5] = [Self::Ban, Self::Unban, Self::Kick, Self::Timeout, Self::TimeoutLifted];

    /// Its word in rows. Words never change: other plugins read them.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::Kick => "kick",
            Self::Timeout => "timeout",
            Self::TimeoutLifted => "timeout-lifted",
        }
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The type by which to ask the audit log; none where entries of several types tell of it.
    pub(crate) fn audit_type(self) -> Option<u16> {
        match self {
            Self::Ban => Some(MEMBER_BAN_ADD),
            Self::Unban => Some(MEMBER_BAN_REMOVE),
            Self::Kick => Some(MEMBER_KICK),
            Self::Timeout => None,
            Self::TimeoutLifted => Some(MEMBER_UPDATE),
        }
    }

    /// Whether the gateway's event alone proves that it has just happened. An update of a member only says that there is a
    /// timeout, not when it was set.
    pub(crate) fn is_proven_by_event(self) -> bool {
        matches!(self, Self::Ban | Self::Unban)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("warn"), None);
    }
}
