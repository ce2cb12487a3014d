//! What a plugin asks Discord to do: the host's side of `interface actions` in `wit/imports.wit`, where each
//! field is described. Serialised as JSON in the outbox, so a renamed variant breaks unsent actions.
#![expect(
    missing_docs,
    reason = "every item and field is documented under the same name in wit/imports.wit"
)]

use crate::{Capability, ChannelId, Embed, Emoji, InteractionId, MessageId, RoleId, UnixMilliseconds, UserId};
use guildhall_trace::Trace;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageBody {
    pub content: Option<String>,
    pub embeds: Vec<Embed>,
    pub components: String,
    pub reply_to: Option<MessageId>,
    pub allow_mentions: bool,
    pub flags: u32,
    #[serde(default)]
    pub files: Vec<TextFile>,
    #[serde(default)]
    pub forward: Option<MessageLink>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextFile {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageLink {
    pub channel: ChannelId,
    pub message: MessageId,
}

/// Where the settings that all plugins of a guild share are kept among the settings of plugins.
pub const COMMON_SETTINGS: &str = "guild";

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommonSettings {
    pub moderator_role: Option<RoleId>,
    pub restricted_role: Option<RoleId>,
    pub log_channel: Option<ChannelId>,
    pub deletion_log_channel: Option<ChannelId>,
    pub quorum: Option<u32>,
    pub shares_flags: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    SendMessage {
        channel: ChannelId,
        body: MessageBody,
    },
    EditMessage {
        channel: ChannelId,
        message: MessageId,
        body: MessageBody,
    },
    DeleteMessages {
        channel: ChannelId,
        messages: Vec<MessageId>,
    },
    Timeout {
        user: UserId,
        until: Option<UnixMilliseconds>,
    },
    Kick {
        user: UserId,
    },
    Ban {
        user: UserId,
        delete_message_seconds: u32,
    },
    Unban {
        user: UserId,
    },
    AddRole {
        user: UserId,
        role: RoleId,
    },
    RemoveRole {
        user: UserId,
        role: RoleId,
    },
    CreateThread {
        channel: ChannelId,
        message: Option<MessageId>,
        name: String,
        private: bool,
        auto_archive_minutes: u16,
    },
    Respond {
        interaction: InteractionId,
        token: String,
        kind: u8,
        data: String,
    },
    AddReaction {
        channel: ChannelId,
        message: MessageId,
        emoji: Emoji,
    },
    ScheduleTimer {
        name: String,
        due_at: UnixMilliseconds,
        payload: String,
    },
    CancelTimer {
        name: String,
    },
    EmitSignal {
        topic: String,
        payload: String,
    },
    FetchMessage {
        channel: ChannelId,
        message: MessageId,
    },
    FetchMember {
        user: UserId,
    },
    FetchAuditLog {
        action: Option<u16>,
        executor: Option<UserId>,
        limit: u8,
    },
    EditThread {
        thread: ChannelId,
        archived: Option<bool>,
        locked: Option<bool>,
        name: Option<String>,
    },
    AddThreadMember {
        thread: ChannelId,
        user: UserId,
    },
    RemoveThreadMember {
        thread: ChannelId,
        user: UserId,
    },
    CreateChannel {
        name: String,
        parent: Option<ChannelId>,
        topic: Option<String>,
        only_for: Option<RoleId>,
    },
    SendDirectMessage {
        user: UserId,
        body: MessageBody,
    },
    FetchMessages {
        channel: ChannelId,
        before: Option<MessageId>,
        limit: u8,
    },
    ConfigureGuild {
        settings: CommonSettings,
    },
    FlagUser {
        user: UserId,
        reason: String,
    },
    HttpRequest {
        method: HttpMethod,
        url: String,
        headers: Vec<(String, String)>,
        #[serde(with = "crate::body")]
        body: Vec<u8>,
        timeout_ms: u32,
    },
}

impl Action {
    /// The capability that this action needs.
    pub fn capability(&self) -> Capability {
        match self {
            Self::SendMessage { .. } | Self::EditMessage { .. } | Self::AddReaction { .. } => Capability::SendMessages,
            Self::DeleteMessages { .. } => Capability::DeleteMessages,
            Self::Timeout { .. } => Capability::TimeoutMembers,
            Self::Kick { .. } => Capability::KickMembers,
            Self::Ban { .. } | Self::Unban { .. } => Capability::BanMembers,
            Self::AddRole { .. } | Self::RemoveRole { .. } => Capability::ManageRoles,
            Self::CreateThread { .. }
            | Self::EditThread { .. }
            | Self::AddThreadMember { .. }
            | Self::RemoveThreadMember { .. } => Capability::CreateThreads,
            Self::CreateChannel { .. } => Capability::CreateChannels,
            Self::SendDirectMessage { .. } => Capability::DirectMessages,
            Self::ConfigureGuild { .. } => Capability::ConfigureGuild,
            Self::FlagUser { .. } => Capability::FlagUsers,
            Self::Respond { .. } => Capability::RespondToInteractions,
            Self::ScheduleTimer { .. } | Self::CancelTimer { .. } => Capability::Timers,
            Self::EmitSignal { .. } => Capability::Signals,
            Self::FetchMessage { .. }
            | Self::FetchMessages { .. }
            | Self::FetchMember { .. }
            | Self::FetchAuditLog { .. } => Capability::ReadDiscord,
            Self::HttpRequest { .. } => Capability::HttpRequests,
        }
    }

    /// Interactions first (they expire in 3 s), then moderation, then reads, then logging.
    pub fn priority(&self) -> Priority {
        match self {
            Self::Respond { .. } => Priority::Interaction,
            Self::DeleteMessages { .. }
            | Self::Timeout { .. }
            | Self::Kick { .. }
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::AddRole { .. }
            | Self::RemoveRole { .. } => Priority::Moderation,
            Self::FetchMessage { .. }
            | Self::FetchMessages { .. }
            | Self::FetchMember { .. }
            | Self::FetchAuditLog { .. }
            | Self::CreateThread { .. }
            | Self::CreateChannel { .. } => Priority::Request,
            Self::FlagUser { .. } => Priority::Sharing,
            Self::HttpRequest { .. } => Priority::Http,
            Self::SendMessage { .. }
            | Self::EditMessage { .. }
            | Self::AddReaction { .. }
            | Self::EditThread { .. }
            | Self::AddThreadMember { .. }
            | Self::RemoveThreadMember { .. }
            | Self::SendDirectMessage { .. } => Priority::Logging,
            Self::ScheduleTimer { .. }
            | Self::CancelTimer { .. }
            | Self::EmitSignal { .. }
            | Self::ConfigureGuild { .. } => Priority::Local,
        }
    }

    /// Whether the host itself carries the action out inside the transaction, so that it never reaches the outbox.
    pub fn is_local(&self) -> bool {
        self.priority() == Priority::Local
    }
}

/// The order in which waiting actions leave: smaller first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Priority {
    Local,
    Interaction,
    Moderation,
    Request,
    Logging,
    /// Not for Discord: the host tells other guilds.
    Sharing,
    /// Not for Discord: a host that the plugin declared is asked.
    Http,
}

/// An action as a plugin submitted it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmittedAction {
    pub action: Action,
    pub reason: Option<String>,
    pub token: Option<String>,
}

/// A committed action, not yet confirmed by Discord.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxEntry {
    /// Grows within the guild's file and is never used again.
    pub id: i64,
    pub plugin: String,
    pub committed_at: UnixMilliseconds,
    pub submitted: SubmittedAction,
    /// At most 25 characters that no other action of the bot has, and the same where it was asked for once more.
    pub nonce: String,
    /// The trace of the event that it came from; not kept in the file.
    pub trace: Trace,
}
