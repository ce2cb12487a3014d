//! What the host knows of the guild that set-up depends on, read once for an answer. Judging it needs no host.

use guildhall_sdk::{CommonSettings, Context, Id, Role, permission};
use std::cmp::Reverse;

/// A user that is nobody: owns no guild, has no role, and no channel makes an exception of it.
const ANYBODY: Id = 1;
/// Discord's channel types that messages are written in, or threads (Discord, Channel Types): text, voice, announcement,
/// forum, media.
const WITH_MESSAGES: [u8; 5] = [0, 2, 5, 15, 16];

/// What is known.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) guild: Id,
    pub(crate) own_user: Id,
    /// The bot's permissions in the guild as a whole.
    pub(crate) own_permissions: u64,
    /// The bot's highest role.
    pub(crate) own_role: Option<Id>,
    pub(crate) roles: Vec<Role>,
    pub(crate) channels: Vec<KnownChannel>,
    pub(crate) common: CommonSettings,
    /// The mod-log that serves where none is set: the channel of that name.
    pub(crate) named_log: Option<Id>,
}

/// A channel, and who may what in it.
#[derive(Clone, Debug)]
pub(crate) struct KnownChannel {
    pub(crate) id: Id,
    pub(crate) kind: u8,
    /// The bot's permissions.
    pub(crate) own: u64,
    /// Those of a member without roles.
    pub(crate) everyones: u64,
}

impl Facts {
    /// None while Discord has not described the guild.
    pub(crate) fn of(context: &Context) -> Option<Self> {
        let (info, own) = (context.info()?, context.own_member()?);
        let roles = context.roles();
        let of_own = roles.iter().filter(|role| own.roles.contains(&role.id));
        let own_role = of_own.max_by_key(|role| rank(role)).map(|role| role.id);
        let channels = context
            .channels()
            .into_iter()
            .filter(|channel| WITH_MESSAGES.contains(&channel.kind));
        Some(Self {
            guild: info.id,
            own_user: info.own_user,
            own_permissions: context.permissions(own.user.id, &own.roles, None),
            own_role,
            channels: channels
                .map(|channel| KnownChannel {
                    id: channel.id,
                    kind: channel.kind,
                    own: context.own_permissions(channel.id).unwrap_or(0),
                    everyones: context.permissions(ANYBODY, &[], Some(channel.id)),
                })
                .collect(),
            roles,
            common: context.common(),
            named_log: context.text_channel_named("mod-log"),
        })
    }

    pub(crate) fn role(&self, id: Id) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    pub(crate) fn channel(&self, id: Id) -> Option<&KnownChannel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// Whether the bot may give this role, as far as the order of roles goes.
    pub(crate) fn stands_above(&self, role: &Role) -> bool {
        let own = self.own_role.and_then(|own| self.role(own));
        own.is_some_and(|own| rank(own) > rank(role))
    }

    /// How the bot's highest role is called in Discord's settings.
    pub(crate) fn own_role_words(&self) -> String {
        match self.own_role {
            Some(role) => format!("<@&{role}>"),
            None => format!("the role of <@{}>", self.own_user),
        }
    }
}

/// Of two roles at one position the older stands above (Discord, Permissions, Permission Hierarchy).
fn rank(role: &Role) -> (i32, Reverse<Id>) {
    (role.position, Reverse(role.id))
}

impl KnownChannel {
    /// Whether the bot can write in it.
    pub(crate) fn is_reachable(&self) -> bool {
        permission::allows(self.own, permission::VIEW_CHANNEL)
            && permission::allows(self.own, permission::SEND_MESSAGES)
    }
}
