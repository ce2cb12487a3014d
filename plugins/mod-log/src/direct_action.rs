//! What moderators do at once, by a button: what it is called, which permission it takes, and how it is done.

use crate::settings::Settings;
use guildhall_sdk::{Action, Context, Id, permission};

const HOUR: u64 = 3_600_000;

/// A button's action upon a user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DirectAction {
    /// Deletes every reported message.
    Delete,
    /// Kicks.
    Kick,
    /// Bans, also somebody who has left.
    Ban,
    /// Gives the restricted role.
    Restrict,
    /// Times out.
    Timeout,
}

impl DirectAction {
    const ALL: [Self; 5] = [Self::Delete, Self::Kick, Self::Ban, Self::Restrict, Self::Timeout];

    /// The word in custom ids and rows.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Kick => "kick",
            Self::Ban => "ban",
            Self::Restrict => "restrict",
            Self::Timeout => "timeout",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }

    /// What stands on the button.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Delete => "Delete all reported messages",
            Self::Kick => "Kick",
            Self::Ban => "Ban",
            Self::Restrict => "Restrict",
            Self::Timeout => "Timeout",
        }
    }

    /// The permission that the clicker needs, and Discord's name of it.
    pub(crate) fn permission(self) -> (u64, &'static str) {
        match self {
            Self::Delete => (permission::MANAGE_MESSAGES, "Manage Messages"),
            Self::Kick => (permission::KICK_MEMBERS, "Kick Members"),
            Self::Ban => (permission::BAN_MEMBERS, "Ban Members"),
            Self::Restrict => (permission::MANAGE_ROLES, "Manage Roles"),
            Self::Timeout => (permission::MODERATE_MEMBERS, "Timeout Members"),
        }
    }

    /// What was done, behind the name of who did it.
    pub(crate) fn done(self, settings: &Settings, user: Id) -> String {
        match self {
            Self::Delete => format!("deleted the reported messages of <@{user}>"),
            Self::Kick => format!("kicked <@{user}>"),
            Self::Ban => format!("banned <@{user}>"),
            Self::Restrict => format!("restricted <@{user}>"),
            Self::Timeout => format!("timed <@{user}> out for {} h", settings.timeout_hours),
        }
    }

    /// The action upon the user; none where there is no role to give, and for messages, which are many actions.
    pub(crate) fn on(self, context: &Context, settings: &Settings, user: Id) -> Option<Action> {
        match self {
            Self::Delete => None,
            Self::Kick => Some(Action::kick(user)),
            Self::Ban => Some(Action::ban(user, settings.ban_delete_message_hours * 3600)),
            Self::Restrict => settings
                .restricted_role(context)
                .map(|role| Action::add_role(user, role)),
            Self::Timeout => {
                let until = context.now() + u64::from(settings.timeout_hours) * HOUR;
                Some(Action::timeout(user, until))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_is_found_by_its_word() {
        for action in DirectAction::ALL {
            assert_eq!(DirectAction::of(action.word()), Some(action));
        }
        assert_eq!(DirectAction::of("warn"), None);
    }
}
