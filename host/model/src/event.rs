//! What happened in a guild, decoded: the host's side of `wit/events.wit`, where each field is described.
#![expect(
    missing_docs,
    reason = "every item and field is documented under the same name in wit/events.wit"
)]

use crate::{ChannelId, GuildId, InteractionId, MessageId, RoleId, UserId};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
pub type UnixMilliseconds = u64;

macro_rules! event_kinds {
    ($($kind:ident),* $(,)?) => {
        /// The kinds of event that a plugin can subscribe to.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum EventKind { $($kind),* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[EventKind] = &[$(EventKind::$kind),*];
        }
    };
}

event_kinds! {
    MessageCreate, MessageUpdate, MessageDelete, MessageDeleteBulk, MemberAdd, MemberRemove, MemberUpdate,
    BanAdd, BanRemove, ReactionAdd, ReactionRemove, AutomodExecution, AuditLogEntry, InteractionCreate,
    ThreadCreate, GuildCreate, GuildUpdate, Timer, Signal, ActionResult, UserFlagged,
}

/// One event of one guild.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub guild: GuildId,
    pub received_at: UnixMilliseconds,
    pub data: EventData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum EventData {
    MessageCreate(Box<Message>),
    MessageUpdate(Box<MessageUpdate>),
    MessageDelete(MessageDelete),
    MessageDeleteBulk(MessageDeleteBulk),
    MemberAdd(Member),
    MemberRemove(User),
    MemberUpdate(Member),
    BanAdd(User),
    BanRemove(User),
    ReactionAdd(Reaction),
    ReactionRemove(Reaction),
    AutomodExecution(AutomodExecution),
    AuditLogEntry(AuditLogEntry),
    InteractionCreate(Box<Interaction>),
    ThreadCreate(Channel),
    GuildCreate,
    GuildUpdate,
    Timer(Timer),
    Signal(Signal),
    ActionResult(ActionResult),
    UserFlagged(FlaggedUser),
}

impl EventData {
    /// The kind that plugins subscribe by.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::MessageCreate(_) => EventKind::MessageCreate,
            Self::MessageUpdate(_) => EventKind::MessageUpdate,
            Self::MessageDelete(_) => EventKind::MessageDelete,
            Self::MessageDeleteBulk(_) => EventKind::MessageDeleteBulk,
            Self::MemberAdd(_) => EventKind::MemberAdd,
            Self::MemberRemove(_) => EventKind::MemberRemove,
            Self::MemberUpdate(_) => EventKind::MemberUpdate,
            Self::BanAdd(_) => EventKind::BanAdd,
            Self::BanRemove(_) => EventKind::BanRemove,
            Self::ReactionAdd(_) => EventKind::ReactionAdd,
            Self::ReactionRemove(_) => EventKind::ReactionRemove,
            Self::AutomodExecution(_) => EventKind::AutomodExecution,
            Self::AuditLogEntry(_) => EventKind::AuditLogEntry,
            Self::InteractionCreate(_) => EventKind::InteractionCreate,
            Self::ThreadCreate(_) => EventKind::ThreadCreate,
            Self::GuildCreate => EventKind::GuildCreate,
            Self::GuildUpdate => EventKind::GuildUpdate,
            Self::Timer(_) => EventKind::Timer,
            Self::Signal(_) => EventKind::Signal,
            Self::ActionResult(_) => EventKind::ActionResult,
            Self::UserFlagged(_) => EventKind::UserFlagged,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub global_name: Option<String>,
    pub bot: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub user: User,
    pub nick: Option<String>,
    pub roles: Vec<RoleId>,
    pub joined_at: Option<UnixMilliseconds>,
    pub timed_out_until: Option<UnixMilliseconds>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub id: u64,
    pub filename: String,
    pub content_type: Option<String>,
    pub size: u64,
    pub url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbedField {
    pub name: String,
    pub value: String,
    pub inline: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embed {
    pub title: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
    pub color: Option<u32>,
    pub author: Option<String>,
    pub footer: Option<String>,
    pub image: Option<String>,
    pub fields: Vec<EmbedField>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub channel: ChannelId,
    pub author: User,
    pub member: Option<Member>,
    pub webhook: bool,
    pub kind: u8,
    pub content: String,
    pub sent_at: UnixMilliseconds,
    pub edited_at: Option<UnixMilliseconds>,
    pub mentions_everyone: bool,
    pub mentions: Vec<UserId>,
    pub mention_roles: Vec<RoleId>,
    pub attachments: Vec<Attachment>,
    pub embeds: Vec<Embed>,
    pub reply_to: Option<MessageId>,
    pub reply_author: Option<UserId>,
    pub forwards: Vec<ForwardedMessage>,
    pub poll: Option<Poll>,
    pub stickers: Vec<String>,
    pub reactions: Vec<ReactionCount>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForwardedMessage {
    pub content: String,
    pub sent_at: UnixMilliseconds,
    pub attachments: Vec<Attachment>,
    pub embeds: Vec<Embed>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    pub question: String,
    pub answers: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReactionCount {
    pub emoji: Emoji,
    pub count: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageUpdate {
    pub id: MessageId,
    pub channel: ChannelId,
    pub author: Option<User>,
    pub content: Option<String>,
    pub edited_at: Option<UnixMilliseconds>,
    pub embeds: Option<Vec<Embed>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageDelete {
    pub id: MessageId,
    pub channel: ChannelId,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageDeleteBulk {
    pub ids: Vec<MessageId>,
    pub channel: ChannelId,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Emoji {
    pub id: Option<u64>,
    pub name: String,
    pub animated: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub user: UserId,
    pub channel: ChannelId,
    pub message: MessageId,
    pub emoji: Emoji,
    pub member: Option<Member>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AutomodExecution {
    pub rule: u64,
    pub rule_trigger: u8,
    pub action_kind: u8,
    pub user: UserId,
    pub channel: Option<ChannelId>,
    pub message: Option<MessageId>,
    pub content: String,
    pub matched_keyword: Option<String>,
    pub matched_content: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditLogEntry {
    pub id: u64,
    pub action: u16,
    pub executor: Option<UserId>,
    pub target: Option<u64>,
    pub reason: Option<String>,
    pub changes: String,
    pub options: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    pub id: InteractionId,
    pub token: String,
    pub kind: u8,
    pub channel: Option<ChannelId>,
    pub member: Member,
    pub permissions: u64,
    pub command: String,
    pub custom_id: String,
    pub target: Option<u64>,
    pub message: Option<MessageId>,
    pub data: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    pub id: ChannelId,
    pub name: String,
    pub kind: u8,
    pub parent: Option<ChannelId>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub name: String,
    pub due_at: UnixMilliseconds,
    pub payload: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub from: String,
    pub topic: String,
    pub payload: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlaggedUser {
    pub user: UserId,
    pub guilds: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    pub status: u16,
    pub code: u32,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    #[serde(with = "crate::body")]
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    Message(Box<Message>),
    Channel(Channel),
    Messages(Vec<Message>),
    Member(Member),
    AuditLog(Vec<AuditLogEntry>),
    Refused(Refusal),
    HttpResponse(HttpResponse),
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionResult {
    pub token: String,
    pub outcome: Outcome,
}
