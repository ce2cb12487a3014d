//! The shapes of Discord's JSON, as much of them as moderation needs, borrowed from the frame.

use super::guild::{ChannelRecord, Overwrite};
use super::value::{Bits, Moment, Snowflake};
use guildhall_model::{
    Attachment, AuditLogEntry, AutomodExecution, Channel, ChannelId, Embed, EmbedField, Emoji, ForwardedMessage,
    Interaction, Member, Message, MessageUpdate, Poll, Reaction, ReactionCount, Role, User,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

type Text<'text> = Cow<'text, str>;

/// Discord, Message Reference Types: the reference is a forward, not a reply.
const FORWARD: u8 = 1;

#[derive(Deserialize)]
pub(super) struct UserPayload<'text> {
    id: Snowflake,
    #[serde(borrow, default)]
    username: Text<'text>,
    #[serde(borrow, default)]
    global_name: Option<Text<'text>>,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
pub(super) struct MemberPayload<'text> {
    /// Left out where the author stands beside it.
    #[serde(borrow, default)]
    user: Option<UserPayload<'text>>,
    #[serde(borrow, default)]
    nick: Option<Text<'text>>,
    #[serde(default)]
    roles: Vec<Snowflake>,
    #[serde(default)]
    joined_at: Option<Moment>,
    #[serde(default)]
    communication_disabled_until: Option<Moment>,
    /// Only in interactions.
    #[serde(default)]
    permissions: Bits,
}

#[derive(Deserialize)]
struct AttachmentPayload<'text> {
    id: Snowflake,
    #[serde(borrow)]
    filename: Text<'text>,
    #[serde(borrow, default)]
    content_type: Option<Text<'text>>,
    #[serde(default)]
    size: u64,
    #[serde(borrow, default)]
    url: Text<'text>,
}

#[derive(Deserialize)]
struct EmbedFieldPayload<'text> {
    #[serde(borrow)]
    name: Text<'text>,
    #[serde(borrow)]
    value: Text<'text>,
    #[serde(default)]
    inline: bool,
}

#[derive(Deserialize)]
struct Named<'text> {
    #[serde(borrow)]
    name: Text<'text>,
}

#[derive(Deserialize)]
struct Footer<'text> {
    #[serde(borrow)]
    text: Text<'text>,
}

#[derive(Deserialize)]
struct Media<'text> {
    #[serde(borrow, default)]
    url: Option<Text<'text>>,
}

#[derive(Deserialize)]
struct EmbedPayload<'text> {
    #[serde(borrow, default)]
    title: Option<Text<'text>>,
    #[serde(borrow, default)]
    description: Option<Text<'text>>,
    #[serde(borrow, default)]
    url: Option<Text<'text>>,
    #[serde(default)]
    color: Option<u32>,
    #[serde(borrow, default)]
    author: Option<Named<'text>>,
    #[serde(borrow, default)]
    footer: Option<Footer<'text>>,
    #[serde(borrow, default)]
    image: Option<Media<'text>>,
    #[serde(borrow, default)]
    fields: Vec<EmbedFieldPayload<'text>>,
}

#[derive(Deserialize)]
struct MessageReference {
    #[serde(rename = "type", default)]
    kind: u8,
    #[serde(default)]
    message_id: Option<Snowflake>,
}

#[derive(Deserialize)]
struct ReferencedMessage {
    #[serde(default)]
    author: Option<IdOnly>,
}

#[derive(Deserialize)]
struct Snapshot<'text> {
    #[serde(borrow)]
    message: SnapshotMessage<'text>,
}

#[derive(Deserialize)]
struct SnapshotMessage<'text> {
    #[serde(borrow, default)]
    content: Text<'text>,
    #[serde(default)]
    timestamp: Option<Moment>,
    #[serde(borrow, default)]
    attachments: Vec<AttachmentPayload<'text>>,
    #[serde(borrow, default)]
    embeds: Vec<EmbedPayload<'text>>,
}

#[derive(Deserialize)]
struct PollMedia<'text> {
    #[serde(borrow, default)]
    text: Option<Text<'text>>,
}

#[derive(Deserialize)]
struct PollAnswer<'text> {
    #[serde(borrow)]
    poll_media: PollMedia<'text>,
}

#[derive(Deserialize)]
struct PollPayload<'text> {
    #[serde(borrow)]
    question: PollMedia<'text>,
    #[serde(borrow, default)]
    answers: Vec<PollAnswer<'text>>,
}

#[derive(Deserialize)]
struct ReactionCountPayload<'text> {
    count: u32,
    #[serde(borrow)]
    emoji: EmojiPayload<'text>,
}

#[derive(Deserialize)]
pub(super) struct MessagePayload<'text> {
    id: Snowflake,
    channel_id: Snowflake,
    #[serde(borrow)]
    author: UserPayload<'text>,
    #[serde(borrow, default)]
    member: Option<MemberPayload<'text>>,
    #[serde(default)]
    webhook_id: Option<Snowflake>,
    #[serde(rename = "type", default)]
    kind: u8,
    #[serde(borrow, default)]
    content: Text<'text>,
    timestamp: Moment,
    #[serde(default)]
    edited_timestamp: Option<Moment>,
    #[serde(default)]
    mention_everyone: bool,
    #[serde(default)]
    mentions: Vec<IdOnly>,
    #[serde(default)]
    mention_roles: Vec<Snowflake>,
    #[serde(borrow, default)]
    attachments: Vec<AttachmentPayload<'text>>,
    #[serde(borrow, default)]
    embeds: Vec<EmbedPayload<'text>>,
    #[serde(default)]
    message_reference: Option<MessageReference>,
    #[serde(default)]
    referenced_message: Option<ReferencedMessage>,
    #[serde(borrow, default)]
    message_snapshots: Vec<Snapshot<'text>>,
    #[serde(borrow, default)]
    poll: Option<PollPayload<'text>>,
    #[serde(borrow, default)]
    sticker_items: Vec<Named<'text>>,
    #[serde(borrow, default)]
    reactions: Vec<ReactionCountPayload<'text>>,
}

#[derive(Deserialize)]
pub(super) struct MessageUpdatePayload<'text> {
    id: Snowflake,
    channel_id: Snowflake,
    #[serde(borrow, default)]
    author: Option<UserPayload<'text>>,
    #[serde(borrow, default)]
    content: Option<Text<'text>>,
    #[serde(default)]
    edited_timestamp: Option<Moment>,
    #[serde(borrow, default)]
    embeds: Option<Vec<EmbedPayload<'text>>>,
}

#[derive(Deserialize)]
pub(super) struct MessageDeletePayload {
    pub(super) id: Snowflake,
    pub(super) channel_id: Snowflake,
}

#[derive(Deserialize)]
pub(super) struct MessageDeleteBulkPayload {
    pub(super) ids: Vec<Snowflake>,
    pub(super) channel_id: Snowflake,
}

#[derive(Deserialize)]
pub(super) struct IdOnly {
    pub(super) id: Snowflake,
}

#[derive(Deserialize)]
pub(super) struct UserOnly<'text> {
    #[serde(borrow)]
    pub(super) user: UserPayload<'text>,
}

#[derive(Deserialize)]
struct EmojiPayload<'text> {
    #[serde(default)]
    id: Option<Snowflake>,
    #[serde(borrow, default)]
    name: Option<Text<'text>>,
    #[serde(default)]
    animated: bool,
}

#[derive(Deserialize)]
pub(super) struct ReactionPayload<'text> {
    user_id: Snowflake,
    channel_id: Snowflake,
    message_id: Snowflake,
    #[serde(borrow)]
    emoji: EmojiPayload<'text>,
    #[serde(borrow, default)]
    member: Option<MemberPayload<'text>>,
}

#[derive(Deserialize)]
struct AutomodAction {
    #[serde(rename = "type")]
    kind: u8,
}

#[derive(Deserialize)]
pub(super) struct AutomodPayload<'text> {
    rule_id: Snowflake,
    rule_trigger_type: u8,
    action: AutomodAction,
    user_id: Snowflake,
    #[serde(default)]
    channel_id: Option<Snowflake>,
    #[serde(default)]
    message_id: Option<Snowflake>,
    #[serde(borrow, default)]
    content: Text<'text>,
    #[serde(borrow, default)]
    matched_keyword: Option<Text<'text>>,
    #[serde(borrow, default)]
    matched_content: Option<Text<'text>>,
}

#[derive(Deserialize)]
pub(super) struct AuditLogEntryPayload<'text> {
    id: Snowflake,
    action_type: u16,
    #[serde(default)]
    user_id: Option<Snowflake>,
    #[serde(default)]
    target_id: Option<Snowflake>,
    #[serde(borrow, default)]
    reason: Option<Text<'text>>,
    #[serde(borrow, default)]
    changes: Option<&'text RawValue>,
    #[serde(borrow, default)]
    options: Option<&'text RawValue>,
}

#[derive(Deserialize)]
pub(super) struct AuditLogPayload<'text> {
    #[serde(borrow)]
    pub(super) audit_log_entries: Vec<AuditLogEntryPayload<'text>>,
    /// Those that the entries name.
    #[serde(borrow, default)]
    pub(super) users: Vec<UserPayload<'text>>,
}

#[derive(Deserialize)]
struct InteractionData<'text> {
    #[serde(borrow, default)]
    name: Text<'text>,
    #[serde(borrow, default)]
    custom_id: Text<'text>,
    #[serde(default)]
    target_id: Option<Snowflake>,
}

#[derive(Deserialize)]
pub(super) struct InteractionPayload<'text> {
    id: Snowflake,
    #[serde(borrow)]
    token: Text<'text>,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    channel_id: Option<Snowflake>,
    #[serde(borrow)]
    member: MemberPayload<'text>,
    #[serde(borrow, default)]
    data: Option<&'text RawValue>,
    #[serde(default)]
    message: Option<IdOnly>,
}

#[derive(Deserialize)]
pub(super) struct RolePayload<'text> {
    id: Snowflake,
    #[serde(borrow)]
    name: Text<'text>,
    permissions: Bits,
    #[serde(default)]
    position: i64,
}

#[derive(Deserialize)]
pub(super) struct RoleChanged<'text> {
    #[serde(borrow)]
    pub(super) role: RolePayload<'text>,
}

#[derive(Deserialize)]
pub(super) struct RoleDeleted {
    pub(super) role_id: Snowflake,
}

#[derive(Deserialize)]
struct OverwritePayload {
    id: Snowflake,
    #[serde(rename = "type")]
    kind: u8,
    allow: Bits,
    deny: Bits,
}

#[derive(Deserialize)]
pub(super) struct ChannelPayload<'text> {
    id: Snowflake,
    #[serde(borrow, default)]
    name: Option<Text<'text>>,
    #[serde(rename = "type", default)]
    kind: u8,
    #[serde(default)]
    parent_id: Option<Snowflake>,
    #[serde(default)]
    permission_overwrites: Vec<OverwritePayload>,
    /// Of a forum the newest thread.
    #[serde(default)]
    last_message_id: Option<Snowflake>,
}

impl ChannelPayload<'_> {
    /// The channel and its newest message, where it has messages of its own: categories (4), directories (14), forums (15)
    /// and media channels (16) have none (Discord, Channel Types).
    pub(super) fn newest_message(&self) -> Option<(ChannelId, u64)> {
        let last = self.last_message_id.filter(|_| !matches!(self.kind, 4 | 14..=16))?;
        Some((self.id.0.into(), last.0))
    }
}

#[derive(Deserialize)]
pub(super) struct ThreadList<'text> {
    #[serde(borrow)]
    pub(super) threads: Vec<ChannelPayload<'text>>,
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(Cow::into_owned)
}

fn ids<Id: From<u64>>(snowflakes: Vec<Snowflake>) -> Vec<Id> {
    snowflakes.into_iter().map(|id| id.0.into()).collect()
}

impl From<UserPayload<'_>> for User {
    fn from(user: UserPayload<'_>) -> Self {
        Self {
            id: user.id.0.into(),
            username: user.username.into_owned(),
            global_name: owned(user.global_name),
            bot: user.bot,
        }
    }
}

impl From<MemberPayload<'_>> for Member {
    fn from(member: MemberPayload<'_>) -> Self {
        Self {
            user: member.user.map(User::from).unwrap_or_default(),
            nick: owned(member.nick),
            roles: ids(member.roles),
            joined_at: member.joined_at.map(|moment| moment.0),
            timed_out_until: member.communication_disabled_until.map(|moment| moment.0),
        }
    }
}

impl From<EmbedPayload<'_>> for Embed {
    fn from(embed: EmbedPayload<'_>) -> Self {
        Self {
            title: owned(embed.title),
            description: owned(embed.description),
            url: owned(embed.url),
            color: embed.color,
            author: embed.author.map(|author| author.name.into_owned()),
            footer: embed.footer.map(|footer| footer.text.into_owned()),
            image: embed.image.and_then(|image| owned(image.url)),
            fields: embed
                .fields
                .into_iter()
                .map(|field| EmbedField {
                    name: field.name.into_owned(),
                    value: field.value.into_owned(),
                    inline: field.inline,
                })
                .collect(),
        }
    }
}

impl From<MessagePayload<'_>> for Message {
    fn from(message: MessagePayload<'_>) -> Self {
        let author = User::from(message.author);
        let member = message.member.map(|member| Member {
            user: author.clone(),
            ..Member::from(member)
        });
        Self {
            id: message.id.0.into(),
            channel: message.channel_id.0.into(),
            author,
            member,
            webhook: message.webhook_id.is_some(),
            kind: message.kind,
            content: message.content.into_owned(),
            sent_at: message.timestamp.0,
            edited_at: message.edited_timestamp.map(|moment| moment.0),
            mentions_everyone: message.mention_everyone,
            mentions: message.mentions.into_iter().map(|user| user.id.0.into()).collect(),
            mention_roles: ids(message.mention_roles),
            attachments: message.attachments.into_iter().map(Attachment::from).collect(),
            embeds: message.embeds.into_iter().map(Embed::from).collect(),
            reply_to: message
                .message_reference
                .filter(|reference| reference.kind != FORWARD)
                .and_then(|reference| reference.message_id)
                .map(|id| id.0.into()),
            reply_author: message
                .referenced_message
                .and_then(|referenced| referenced.author)
                .map(|author| author.id.0.into()),
            forwards: message
                .message_snapshots
                .into_iter()
                .map(|snapshot| ForwardedMessage::from(snapshot.message))
                .collect(),
            poll: message.poll.map(|poll| Poll {
                question: owned(poll.question.text).unwrap_or_default(),
                answers: poll
                    .answers
                    .into_iter()
                    .map(|answer| owned(answer.poll_media.text).unwrap_or_default())
                    .collect(),
            }),
            stickers: message
                .sticker_items
                .into_iter()
                .map(|sticker| sticker.name.into_owned())
                .collect(),
            reactions: message
                .reactions
                .into_iter()
                .map(|reaction| ReactionCount {
                    emoji: reaction.emoji.into(),
                    count: reaction.count,
                })
                .collect(),
        }
    }
}

impl From<AttachmentPayload<'_>> for Attachment {
    fn from(attachment: AttachmentPayload<'_>) -> Self {
        Self {
            id: attachment.id.0,
            filename: attachment.filename.into_owned(),
            content_type: owned(attachment.content_type),
            size: attachment.size,
            url: attachment.url.into_owned(),
        }
    }
}

impl From<SnapshotMessage<'_>> for ForwardedMessage {
    fn from(message: SnapshotMessage<'_>) -> Self {
        Self {
            content: message.content.into_owned(),
            sent_at: message.timestamp.map_or(0, |moment| moment.0),
            attachments: message.attachments.into_iter().map(Attachment::from).collect(),
            embeds: message.embeds.into_iter().map(Embed::from).collect(),
        }
    }
}

impl From<EmojiPayload<'_>> for Emoji {
    fn from(emoji: EmojiPayload<'_>) -> Self {
        Self {
            id: emoji.id.map(|id| id.0),
            name: emoji.name.unwrap_or_default().into_owned(),
            animated: emoji.animated,
        }
    }
}

impl From<MessageUpdatePayload<'_>> for MessageUpdate {
    fn from(update: MessageUpdatePayload<'_>) -> Self {
        Self {
            id: update.id.0.into(),
            channel: update.channel_id.0.into(),
            author: update.author.map(User::from),
            content: owned(update.content),
            edited_at: update.edited_timestamp.map(|moment| moment.0),
            embeds: update
                .embeds
                .map(|embeds| embeds.into_iter().map(Embed::from).collect()),
        }
    }
}

impl From<ReactionPayload<'_>> for Reaction {
    fn from(reaction: ReactionPayload<'_>) -> Self {
        Self {
            user: reaction.user_id.0.into(),
            channel: reaction.channel_id.0.into(),
            message: reaction.message_id.0.into(),
            emoji: reaction.emoji.into(),
            member: reaction.member.map(Member::from),
        }
    }
}

impl From<AutomodPayload<'_>> for AutomodExecution {
    fn from(execution: AutomodPayload<'_>) -> Self {
        Self {
            rule: execution.rule_id.0,
            rule_trigger: execution.rule_trigger_type,
            action_kind: execution.action.kind,
            user: execution.user_id.0.into(),
            channel: execution.channel_id.map(|id| id.0.into()),
            message: execution.message_id.map(|id| id.0.into()),
            content: execution.content.into_owned(),
            matched_keyword: owned(execution.matched_keyword),
            matched_content: owned(execution.matched_content),
        }
    }
}

impl From<AuditLogEntryPayload<'_>> for AuditLogEntry {
    fn from(entry: AuditLogEntryPayload<'_>) -> Self {
        Self {
            id: entry.id.0,
            action: entry.action_type,
            executor: entry.user_id.map(|id| id.0.into()),
            target: entry.target_id.map(|id| id.0),
            reason: owned(entry.reason),
            changes: entry
                .changes
                .map_or_else(|| "[]".into(), |changes| changes.get().to_owned()),
            options: entry
                .options
                .map_or_else(|| "{}".into(), |options| options.get().to_owned()),
        }
    }
}

impl From<InteractionPayload<'_>> for Interaction {
    fn from(interaction: InteractionPayload<'_>) -> Self {
        let raw = interaction.data.map_or("{}", RawValue::get);
        // Data of another shape has none of the three; the plugin still gets it whole.
        let data: Option<InteractionData<'_>> = serde_json::from_str(raw).ok();
        let (command, custom_id, target) = data.map_or_else(Default::default, |data| {
            (
                data.name.into_owned(),
                data.custom_id.into_owned(),
                data.target_id.map(|id| id.0),
            )
        });
        Self {
            id: interaction.id.0.into(),
            token: interaction.token.into_owned(),
            kind: interaction.kind,
            channel: interaction.channel_id.map(|id| id.0.into()),
            permissions: interaction.member.permissions.0,
            member: interaction.member.into(),
            command,
            custom_id,
            target,
            message: interaction.message.map(|message| message.id.0.into()),
            data: raw.to_owned(),
        }
    }
}

impl From<RolePayload<'_>> for Role {
    fn from(role: RolePayload<'_>) -> Self {
        Self {
            id: role.id.0.into(),
            name: role.name.into_owned(),
            permissions: role.permissions.0,
            position: role.position,
        }
    }
}

impl From<ChannelPayload<'_>> for ChannelRecord {
    fn from(channel: ChannelPayload<'_>) -> Self {
        Self {
            channel: Channel {
                id: channel.id.0.into(),
                name: channel.name.unwrap_or_default().into_owned(),
                kind: channel.kind,
                parent: channel.parent_id.map(|id| id.0.into()),
            },
            overwrites: channel
                .permission_overwrites
                .into_iter()
                .map(|overwrite| Overwrite {
                    id: overwrite.id.0,
                    is_member: overwrite.kind == 1,
                    allow: overwrite.allow.0,
                    deny: overwrite.deny.0,
                })
                .collect(),
        }
    }
}
