//! The settings that all plugins share, one by one.

use guildhall_sdk::{CommonSettings, Id};

/// One of them that names a role or channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Setting {
    ModeratorRole,
    RestrictedRole,
    LogChannel,
    DeletionLogChannel,
}

/// All of them, in the order in which they are told.
pub(crate) const ALL: [Setting; 4] = [
    Setting::ModeratorRole,
    Setting::RestrictedRole,
    Setting::LogChannel,
    Setting::DeletionLogChannel,
];

impl Setting {
    /// As the options of `/setup` are named.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ModeratorRole => "moderator-role",
            Self::RestrictedRole => "restricted-role",
            Self::LogChannel => "mod-log",
            Self::DeletionLogChannel => "deletion-log",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// As people call it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::ModeratorRole => "moderator role",
            Self::RestrictedRole => "restricted role",
            Self::LogChannel => "mod-log",
            Self::DeletionLogChannel => "deletion log",
        }
    }

    /// What holds while it is not set.
    pub(crate) fn without(self) -> &'static str {
        match self {
            Self::ModeratorRole => "only administrators are staff",
            Self::RestrictedRole => "nobody can be restricted",
            Self::LogChannel => "reports and what moderators do are not logged",
            Self::DeletionLogChannel => "deleted and edited messages are not logged",
        }
    }

    pub(crate) fn is_role(self) -> bool {
        matches!(self, Self::ModeratorRole | Self::RestrictedRole)
    }

    /// The role or channel that it names.
    pub(crate) fn of(self, common: &CommonSettings) -> Option<Id> {
        match self {
            Self::ModeratorRole => common.moderator_role,
            Self::RestrictedRole => common.restricted_role,
            Self::LogChannel => common.log_channel,
            Self::DeletionLogChannel => common.deletion_log_channel,
        }
    }

    pub(crate) fn set(self, common: &mut CommonSettings, id: Option<Id>) {
        let place = match self {
            Self::ModeratorRole => &mut common.moderator_role,
            Self::RestrictedRole => &mut common.restricted_role,
            Self::LogChannel => &mut common.log_channel,
            Self::DeletionLogChannel => &mut common.deletion_log_channel,
        };
        *place = id;
    }

    /// As Discord shows it in a message, with its link.
    pub(crate) fn mention(self, id: Id) -> String {
        if self.is_role() {
            format!("<@&{id}>")
        } else {
            format!("<#{id}>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_its_own() {
        let mut common = CommonSettings {
            moderator_role: None,
            restricted_role: None,
            log_channel: None,
            deletion_log_channel: None,
            quorum: None,
            shares_flags: false,
        };
        for (setting, id) in ALL.into_iter().zip(1..) {
            setting.set(&mut common, Some(id));
            assert_eq!(Setting::of_name(setting.name()), Some(setting));
        }
        let ids: Vec<_> = ALL.into_iter().map(|setting| setting.of(&common)).collect();
        assert_eq!(ids, [Some(1), Some(2), Some(3), Some(4)]);
    }
}
