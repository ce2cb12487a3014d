//! From a frame to what happened, in the host's words, and to what it changes in the guild's snapshot. What Discord
//! adds is ignored, what it leaves out is none, and a value that it has not documented fails no event.

mod guild;
mod payload;
mod value;

pub use guild::SnapshotUpdate;
pub(crate) use guild::{ChannelRecord, GuildPayload, Overwrite};

use crate::frame::Frame;
use guildhall_model::{
    AuditLogEntry, Channel, EventData, EventKind, Member, Message, MessageDelete, MessageDeleteBulk, User,
};
use payload::*;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a frame says.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The event that plugins are called with.
    pub event: Option<EventData>,
    /// What it changes in the snapshot.
    pub update: Option<SnapshotUpdate>,
}

/// A frame that does not have the shape that Discord documents for its event.
#[derive(Debug, thiserror::Error)]
#[error("{name} has not the documented shape: {source}")]
pub struct DecodeError {
    name: String,
    source: serde_json::Error,
}

/// Reads a frame. Events that nobody can subscribe to are empty.
pub fn decode(frame: &Frame) -> Result<Decoded, DecodeError> {
    let text = &frame.text;
    let decoded = match frame.name.as_str() {
        "MESSAGE_CREATE" => {
            data::<MessagePayload<'_>>(text).map(|message| event(EventData::MessageCreate(Box::new(message.into()))))
        }
        "MESSAGE_UPDATE" => data::<MessageUpdatePayload<'_>>(text)
            .map(|update| event(EventData::MessageUpdate(Box::new(update.into())))),
        "MESSAGE_DELETE" => data::<MessageDeletePayload>(text).map(|deleted| {
            event(EventData::MessageDelete(MessageDelete {
                id: deleted.id.0.into(),
                channel: deleted.channel_id.0.into(),
            }))
        }),
        "MESSAGE_DELETE_BULK" => data::<MessageDeleteBulkPayload>(text).map(|deleted| {
            event(EventData::MessageDeleteBulk(MessageDeleteBulk {
                ids: deleted.ids.into_iter().map(|id| id.0.into()).collect(),
                channel: deleted.channel_id.0.into(),
            }))
        }),
        "GUILD_MEMBER_ADD" => data::<MemberPayload<'_>>(text).map(|member| event(EventData::MemberAdd(member.into()))),
        "GUILD_MEMBER_REMOVE" => {
            data::<UserOnly<'_>>(text).map(|removed| event(EventData::MemberRemove(removed.user.into())))
        }
        "GUILD_MEMBER_UPDATE" => data::<MemberPayload<'_>>(text).map(|member| {
            let member = Member::from(member);
            Decoded {
                update: Some(SnapshotUpdate::Member(member.clone())),
                event: Some(EventData::MemberUpdate(member)),
            }
        }),
        "GUILD_BAN_ADD" => data::<UserOnly<'_>>(text).map(|banned| event(EventData::BanAdd(banned.user.into()))),
        "GUILD_BAN_REMOVE" => data::<UserOnly<'_>>(text).map(|banned| event(EventData::BanRemove(banned.user.into()))),
        "MESSAGE_REACTION_ADD" => {
            data::<ReactionPayload<'_>>(text).map(|reaction| event(EventData::ReactionAdd(reaction.into())))
        }
        "MESSAGE_REACTION_REMOVE" => {
            data::<ReactionPayload<'_>>(text).map(|reaction| event(EventData::ReactionRemove(reaction.into())))
        }
        "AUTO_MODERATION_ACTION_EXECUTION" => {
            data::<AutomodPayload<'_>>(text).map(|execution| event(EventData::AutomodExecution(execution.into())))
        }
        "GUILD_AUDIT_LOG_ENTRY_CREATE" => {
            data::<AuditLogEntryPayload<'_>>(text).map(|entry| event(EventData::AuditLogEntry(entry.into())))
        }
        "INTERACTION_CREATE" => data::<InteractionPayload<'_>>(text)
            .map(|interaction| event(EventData::InteractionCreate(Box::new(interaction.into())))),
        "THREAD_CREATE" => data::<ChannelPayload<'_>>(text).map(|thread| {
            let record = ChannelRecord::from(thread);
            Decoded {
                event: Some(EventData::ThreadCreate(record.channel.clone())),
                update: Some(SnapshotUpdate::Channel(record)),
            }
        }),
        "GUILD_CREATE" => data::<GuildPayload>(text).map(|guild| Decoded {
            // A guild that Discord cannot reach now is announced again when it can.
            event: (!guild.unavailable).then_some(EventData::GuildCreate),
            update: (!guild.unavailable).then(|| SnapshotUpdate::Guild(Box::new(guild))),
        }),
        "GUILD_UPDATE" => data::<GuildPayload>(text).map(|guild| Decoded {
            event: Some(EventData::GuildUpdate),
            update: Some(SnapshotUpdate::GuildChanged(Box::new(guild))),
        }),
        "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
            data::<RoleChanged<'_>>(text).map(|changed| update(SnapshotUpdate::Role(changed.role.into())))
        }
        "GUILD_ROLE_DELETE" => {
            data::<RoleDeleted>(text).map(|deleted| update(SnapshotUpdate::RoleGone(deleted.role_id.0.into())))
        }
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_UPDATE" => {
            data::<ChannelPayload<'_>>(text).map(|channel| update(SnapshotUpdate::Channel(channel.into())))
        }
        "CHANNEL_DELETE" | "THREAD_DELETE" => {
            data::<IdOnly>(text).map(|gone| update(SnapshotUpdate::ChannelGone(gone.id.0.into())))
        }
        "THREAD_LIST_SYNC" => data::<ThreadList<'_>>(text).map(|list| {
            update(SnapshotUpdate::Channels(
                list.threads.into_iter().map(ChannelRecord::from).collect(),
            ))
        }),
        _ => Ok(Decoded::default()),
    };
    decoded.map_err(|source| DecodeError {
        name: frame.name.clone(),
        source,
    })
}

/// The kind that plugins subscribe to this event by; none where they cannot.
pub fn event_kind(name: &str) -> Option<EventKind> {
    Some(match name {
        "MESSAGE_CREATE" => EventKind::MessageCreate,
        "MESSAGE_UPDATE" => EventKind::MessageUpdate,
        "MESSAGE_DELETE" => EventKind::MessageDelete,
        "MESSAGE_DELETE_BULK" => EventKind::MessageDeleteBulk,
        "GUILD_MEMBER_ADD" => EventKind::MemberAdd,
        "GUILD_MEMBER_REMOVE" => EventKind::MemberRemove,
        "GUILD_MEMBER_UPDATE" => EventKind::MemberUpdate,
        "GUILD_BAN_ADD" => EventKind::BanAdd,
        "GUILD_BAN_REMOVE" => EventKind::BanRemove,
        "MESSAGE_REACTION_ADD" => EventKind::ReactionAdd,
        "MESSAGE_REACTION_REMOVE" => EventKind::ReactionRemove,
        "AUTO_MODERATION_ACTION_EXECUTION" => EventKind::AutomodExecution,
        "GUILD_AUDIT_LOG_ENTRY_CREATE" => EventKind::AuditLogEntry,
        "INTERACTION_CREATE" => EventKind::InteractionCreate,
        "THREAD_CREATE" => EventKind::ThreadCreate,
        "GUILD_CREATE" => EventKind::GuildCreate,
        "GUILD_UPDATE" => EventKind::GuildUpdate,
        _ => return None,
    })
}

/// Whether an event of this name can change a guild's snapshot.
pub fn is_snapshot_event(name: &str) -> bool {
    matches!(
        name,
        "GUILD_CREATE"
            | "GUILD_UPDATE"
            | "GUILD_MEMBER_UPDATE"
            | "GUILD_ROLE_CREATE"
            | "GUILD_ROLE_UPDATE"
            | "GUILD_ROLE_DELETE"
            | "CHANNEL_CREATE"
            | "CHANNEL_UPDATE"
            | "CHANNEL_DELETE"
            | "THREAD_CREATE"
            | "THREAD_UPDATE"
            | "THREAD_DELETE"
            | "THREAD_LIST_SYNC"
    )
}

/// A message as REST answers it.
pub(crate) fn message(json: &[u8]) -> serde_json::Result<Message> {
    serde_json::from_slice::<MessagePayload<'_>>(json).map(Message::from)
}

/// Messages as REST lists them, each with its id; none in place of one that cannot be read.
pub(crate) fn messages(json: &[u8]) -> serde_json::Result<Vec<(u64, Option<Message>)>> {
    let listed: Vec<&RawValue> = serde_json::from_slice(json)?;
    let read = |raw: &RawValue| {
        let id = serde_json::from_str::<IdOnly>(raw.get())?.id.0;
        Ok((id, message(raw.get().as_bytes()).ok()))
    };
    listed.into_iter().map(read).collect()
}

/// A channel or thread as REST answers it.
pub(crate) fn channel(json: &[u8]) -> serde_json::Result<Channel> {
    serde_json::from_slice::<ChannelPayload<'_>>(json).map(|channel| ChannelRecord::from(channel).channel)
}

/// A member as REST answers it.
pub(crate) fn member(json: &[u8]) -> serde_json::Result<Member> {
    serde_json::from_slice::<MemberPayload<'_>>(json).map(Member::from)
}

/// The entries of an audit log as REST answers it, newest first.
pub(crate) fn audit_log(json: &[u8]) -> serde_json::Result<Vec<AuditLogEntry>> {
    audit_log_with_users(json).map(|(entries, _)| entries)
}

/// The same, with the users that the entries name.
pub(crate) fn audit_log_with_users(json: &[u8]) -> serde_json::Result<(Vec<AuditLogEntry>, Vec<User>)> {
    let log = serde_json::from_slice::<AuditLogPayload<'_>>(json)?;
    let entries = log.audit_log_entries.into_iter().map(AuditLogEntry::from).collect();
    Ok((entries, log.users.into_iter().map(User::from).collect()))
}

fn event(event: EventData) -> Decoded {
    Decoded {
        event: Some(event),
        update: None,
    }
}

fn update(update: SnapshotUpdate) -> Decoded {
    Decoded {
        event: None,
        update: Some(update),
    }
}

fn data<'text, T: Deserialize<'text>>(text: &'text str) -> serde_json::Result<T> {
    #[derive(Deserialize)]
    struct Dispatch<T> {
        d: T,
    }
    serde_json::from_str::<Dispatch<T>>(text).map(|dispatch| dispatch.d)
}
