//! Why Discord refused something for good, in words that tell a moderator what to mend.

use crate::{Context, Id, Refusal, permission};

/// Discord's JSON error codes (Discord, Opcodes and Status Codes).
const UNKNOWN_CHANNEL: u32 = 10_003;
const UNKNOWN_MEMBER: u32 = 10_007;
const UNKNOWN_MESSAGE: u32 = 10_008;
const UNKNOWN_ROLE: u32 = 10_011;
const UNKNOWN_USER: u32 = 10_013;
const UNKNOWN_BAN: u32 = 10_026;
const TOO_MANY_BANS: u32 = 30_035;
const MISSING_ACCESS: u32 = 50_001;
const CLOSED_MESSAGES: u32 = 50_007;
const MISSING_PERMISSIONS: u32 = 50_013;
const OWNER_NEEDS_SECOND_FACTOR: u32 = 60_003;

impl Refusal {
    /// Whether the message, member, user or ban that it was about is not there any more: nothing is left to be done.
    pub fn is_gone(&self) -> bool {
        matches!(self.code, UNKNOWN_MEMBER | UNKNOWN_MESSAGE | UNKNOWN_USER | UNKNOWN_BAN)
    }

    /// Whether the channel or thread is not there any more.
    pub fn is_channel_gone(&self) -> bool {
        self.code == UNKNOWN_CHANNEL
    }

    /// The likely cause, as the end of a sentence, for an action upon a user that needs this permission in the guild.
    pub fn cause(&self, context: &Context, user: Id, needed: u64) -> String {
        let is_owner = context.info().is_some_and(|info| info.owner == user);
        match self.code {
            MISSING_PERMISSIONS | MISSING_ACCESS if is_owner => "nobody can do that to the server's owner".into(),
            MISSING_PERMISSIONS | MISSING_ACCESS => match own_permissions(context) {
                Some(own) if !permission::allows(own, needed) => {
                    format!("I lack the permission {}", permission_name(needed))
                }
                _ => not_above(needed).into(),
            },
            UNKNOWN_MEMBER => "they are not a member any more".into(),
            UNKNOWN_USER => "there is no such user any more".into(),
            UNKNOWN_ROLE => "the role is gone; choose another in the settings".into(),
            UNKNOWN_BAN => "they are not banned".into(),
            UNKNOWN_MESSAGE => "the message is gone".into(),
            UNKNOWN_CHANNEL => "the channel is gone".into(),
            CLOSED_MESSAGES => "they take no messages from this server".into(),
            TOO_MANY_BANS => {
                "Discord allows no more bans of people who are not members for now; try again later".into()
            }
            OWNER_NEEDS_SECOND_FACTOR => {
                "this server asks moderators for two-factor authentication, and my owner's account has none".into()
            }
            code => format!("Discord says “{}” (code {code}, status {})", self.message, self.status),
        }
    }
}

/// What is in the way of a bot that has the permission in the guild.
fn not_above(needed: u64) -> &'static str {
    match needed {
        permission::MANAGE_MESSAGES => "I lack the permission Manage Messages in that channel",
        permission::MANAGE_CHANNELS | permission::SEND_MESSAGES => "I lack a permission there",
        permission::MANAGE_ROLES => {
            "my highest role does not stand above that role: move mine up in the server's list of roles"
        }
        permission::MODERATE_MEMBERS => {
            "my highest role does not stand above theirs, or they are an administrator, whom nobody can time out"
        }
        _ => "my highest role does not stand above theirs: move it up in the server's list of roles",
    }
}

fn own_permissions(context: &Context) -> Option<u64> {
    let own = context.own_member()?;
    Some(context.permissions(own.user.id, &own.roles, None))
}

/// What Discord's settings call the permission.
fn permission_name(permission: u64) -> &'static str {
    match permission {
        permission::KICK_MEMBERS => "Kick Members",
        permission::BAN_MEMBERS => "Ban Members",
        permission::MANAGE_CHANNELS => "Manage Channels",
        permission::MANAGE_MESSAGES => "Manage Messages",
        permission::MANAGE_ROLES => "Manage Roles",
        permission::SEND_MESSAGES => "Send Messages",
        permission::MODERATE_MEMBERS => "Timeout Members",
        _ => "that it needs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_needs_nothing_more() {
        let refusal = |code| Refusal {
            status: 404,
            code,
            message: String::new(),
        };
        assert!(refusal(UNKNOWN_MESSAGE).is_gone() && refusal(UNKNOWN_BAN).is_gone());
        assert!(!refusal(MISSING_PERMISSIONS).is_gone());
        assert!(refusal(UNKNOWN_CHANNEL).is_channel_gone());
    }
}
