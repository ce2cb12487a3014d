//! From an action to the REST request that Discord documents for it. Paths come from twilight's routes.

use guildhall_model::{Action, Embed, GuildId, MessageBody, OutboxEntry, TextFile};
use serde_json::{Map, Value, json};
use std::time::{Duration, UNIX_EPOCH};
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_http::routing::Route;
use twilight_model::id::Id;
use twilight_model::util::Timestamp;

/// Discord, Permissions: VIEW_CHANNEL.
const VIEW_CHANNEL: &str = "1024";

/// A request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) method: &'static str,
    /// Path and query below `/api/v10/`.
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    /// Sent beside the body.
    pub(crate) files: Vec<TextFile>,
    /// For the audit log.
    pub(crate) reason: Option<String>,
}

impl Outgoing {
    pub(crate) fn to_route(route: &Route<'_>) -> Self {
        Self {
            method: route.method().name(),
            path: route.to_string(),
            body: None,
            files: Vec::new(),
            reason: None,
        }
    }

    pub(crate) fn with_body(self, body: Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// Whether it answers an interaction: such requests are outside of the bot's global limit.
    pub(crate) fn is_interaction(&self) -> bool {
        self.path.starts_with("interactions/") || self.path.starts_with("webhooks/")
    }
}

/// The request for a committed action; none for an action that the host carries out itself, or that cannot be one.
pub(crate) fn request_for(guild: GuildId, entry: &OutboxEntry) -> Option<Outgoing> {
    let guild_id = guild.0;
    let outgoing = match &entry.submitted.action {
        Action::SendMessage { channel, body } => message_to(channel.0, body, &entry.nonce),
        // The message itself follows: see `message_to`.
        Action::SendDirectMessage { user, .. } => {
            to(&Route::CreatePrivateChannel).with_body(json!({ "recipient_id": user.to_string() }))
        }
        Action::EditMessage {
            channel,
            message: id,
            body,
        } => {
            let mut message = message(body);
            message.remove("message_reference");
            let outgoing = to(&Route::UpdateMessage {
                channel_id: channel.0,
                message_id: id.0,
            });
            Outgoing {
                files: body.files.clone(),
                ..outgoing.with_body(message.into())
            }
        }
        Action::DeleteMessages { channel, messages } => match messages.as_slice() {
            [] => return None,
            [message] => to(&Route::DeleteMessage {
                channel_id: channel.0,
                message_id: message.0,
            }),
            several => {
                let ids: Vec<_> = several.iter().map(ToString::to_string).collect();
                to(&Route::DeleteMessages { channel_id: channel.0 }).with_body(json!({ "messages": ids }))
            }
        },
        Action::Timeout { user, until } => to(&Route::UpdateMember {
            guild_id,
            user_id: user.0,
        })
        .with_body(json!({ "communication_disabled_until": until.and_then(timestamp) })),
        Action::Kick { user } => to(&Route::RemoveMember {
            guild_id,
            user_id: user.0,
        }),
        Action::Ban {
            user,
            delete_message_seconds,
        } => to(&Route::CreateBan {
            guild_id,
            user_id: user.0,
        })
        .with_body(json!({ "delete_message_seconds": delete_message_seconds })),
        Action::Unban { user } => to(&Route::DeleteBan {
            guild_id,
            user_id: user.0,
        }),
        Action::AddRole { user, role } => to(&Route::AddMemberRole {
            guild_id,
            role_id: role.0,
            user_id: user.0,
        }),
        Action::RemoveRole { user, role } => to(&Route::RemoveMemberRole {
            guild_id,
            role_id: role.0,
            user_id: user.0,
        }),
        Action::CreateThread {
            channel,
            message,
            name,
            private,
            auto_archive_minutes,
        } => match message {
            Some(message) => to(&Route::CreateThreadFromMessage {
                channel_id: channel.0,
                message_id: message.0,
            })
            .with_body(json!({ "name": name, "auto_archive_duration": auto_archive_minutes })),
            None => {
                // Discord, Channel Types: 11 public thread, 12 private thread.
                let kind = if *private { 12 } else { 11 };
                to(&Route::CreateThread { channel_id: channel.0 })
                    .with_body(json!({ "name": name, "auto_archive_duration": auto_archive_minutes, "type": kind }))
            }
        },
        Action::Respond {
            interaction,
            token,
            kind,
            data,
        } => {
            let route = Route::InteractionCallback {
                interaction_id: interaction.0,
                interaction_token: token,
                with_response: false,
            };
            to(&route).with_body(response(*kind, data))
        }
        Action::AddReaction {
            channel,
            message,
            emoji,
        } => {
            let reaction = match emoji.id.and_then(Id::new_checked) {
                Some(id) => RequestReactionType::Custom {
                    id,
                    name: Some(&emoji.name),
                },
                None => RequestReactionType::Unicode { name: &emoji.name },
            };
            to(&Route::CreateReaction {
                channel_id: channel.0,
                emoji: &reaction,
                message_id: message.0,
            })
        }
        Action::FetchMessage { channel, message } => to(&Route::GetMessage {
            channel_id: channel.0,
            message_id: message.0,
        }),
        Action::FetchMember { user } => to(&Route::GetMember {
            guild_id,
            user_id: user.0,
        }),
        Action::FetchAuditLog {
            action,
            executor,
            limit,
        } => to(&Route::GetAuditLogs {
            action_type: action.map(u64::from),
            after: None,
            before: None,
            guild_id,
            limit: Some(u16::from(*limit)),
            user_id: executor.map(|user| user.0),
        }),
        Action::FetchMessages { channel, before, limit } => to(&Route::GetMessages {
            channel_id: channel.0,
            limit: Some(u16::from(*limit)),
            before: before.map(|message| message.0),
            after: None,
            around: None,
        }),
        Action::EditThread {
            thread,
            archived,
            locked,
            name,
        } => {
            let mut change = Map::new();
            let mut set = |key: &str, field: Option<Value>| field.map(|field| change.insert(key.into(), field));
            set("archived", archived.map(Value::from));
            set("locked", locked.map(Value::from));
            set("name", name.as_deref().map(Value::from));
            to(&Route::UpdateChannel { channel_id: thread.0 }).with_body(change.into())
        }
        Action::AddThreadMember { thread, user } => to(&Route::AddThreadMember {
            channel_id: thread.0,
            user_id: user.0,
        }),
        Action::RemoveThreadMember { thread, user } => to(&Route::RemoveThreadMember {
            channel_id: thread.0,
            user_id: user.0,
        }),
        Action::CreateChannel {
            name,
            parent,
            topic,
            only_for,
        } => {
            let mut channel = json!({ "name": name, "type": 0 });
            if let Some(parent) = parent {
                channel["parent_id"] = parent.to_string().into();
            }
            if let Some(topic) = topic {
                channel["topic"] = topic.as_str().into();
            }
            if let Some(role) = only_for {
                // Discord, Overwrite Object: type 0 is a role, and @everyone has the guild's id.
                channel["permission_overwrites"] = json!([
                    { "id": guild.to_string(), "type": 0, "deny": VIEW_CHANNEL, "allow": "0" },
                    { "id": role.to_string(), "type": 0, "allow": VIEW_CHANNEL, "deny": "0" },
                ]);
            }
            to(&Route::CreateChannel { guild_id }).with_body(channel)
        }
        Action::ScheduleTimer { .. }
        | Action::CancelTimer { .. }
        | Action::EmitSignal { .. }
        | Action::ConfigureGuild { .. }
        | Action::FlagUser { .. }
        | Action::HttpRequest { .. } => return None,
    };
    Some(Outgoing {
        reason: entry.submitted.reason.clone(),
        ..outgoing
    })
}

/// A message for a channel.
pub(crate) fn message_to(channel_id: u64, body: &MessageBody, nonce: &str) -> Outgoing {
    let mut message = message(body);
    // Discord answers the earlier message when the same one comes again within some minutes.
    message.insert("nonce".into(), nonce.into());
    message.insert("enforce_nonce".into(), true.into());
    Outgoing {
        files: body.files.clone(),
        ..to(&Route::CreateMessage { channel_id }).with_body(message.into())
    }
}

/// A first answer to an interaction: Discord's callback type and its data.
fn response(kind: u8, data: &str) -> Value {
    let mut body = json!({ "type": kind });
    if !data.is_empty() {
        body["data"] = parsed(data);
    }
    body
}

/// The request that says the same as a first answer to an interaction that was answered or deferred before; none where
/// nothing is left to be said. Editing the original is safe to repeat; only behind an update that was deferred a new
/// message has to be one (Receiving and Responding to Interactions).
pub(crate) fn after_first_answer(
    application: u64,
    token: &str,
    kind: u8,
    data: &str,
    update_deferred: bool,
) -> Option<Outgoing> {
    let route = match kind {
        4 if update_deferred => Route::ExecuteWebhook {
            thread_id: None,
            token,
            wait: None,
            with_components: None,
            webhook_id: application,
        },
        4 | 7 => Route::UpdateInteractionOriginal {
            application_id: application,
            interaction_token: token,
        },
        _ => return None,
    };
    Some(to(&route).with_body(parsed(data)))
}

fn to(route: &Route<'_>) -> Outgoing {
    Outgoing::to_route(route)
}

fn message(body: &MessageBody) -> Map<String, Value> {
    let mut message = Map::new();
    if let Some(content) = &body.content {
        message.insert("content".into(), content.as_str().into());
    }
    if !body.embeds.is_empty() {
        message.insert("embeds".into(), body.embeds.iter().map(embed).collect());
    }
    if !body.components.is_empty() {
        message.insert("components".into(), parsed(&body.components));
    }
    if let Some(reply_to) = body.reply_to {
        let reference = json!({ "message_id": reply_to.to_string(), "fail_if_not_exists": false });
        message.insert("message_reference".into(), reference);
    }
    if let Some(link) = body.forward {
        // Discord, Message Reference Types: 1 is a forward.
        let (channel, forwarded) = (link.channel.to_string(), link.message.to_string());
        let reference = json!({ "type": 1, "channel_id": channel, "message_id": forwarded });
        message.insert("message_reference".into(), reference);
    }
    if !body.allow_mentions {
        message.insert("allowed_mentions".into(), json!({ "parse": [] }));
    }
    if body.flags != 0 {
        message.insert("flags".into(), body.flags.into());
    }
    message
}

fn embed(embed: &Embed) -> Value {
    let mut value = Map::new();
    let mut set = |key: &str, field: Option<Value>| field.map(|field| value.insert(key.into(), field));
    set("title", embed.title.as_deref().map(Value::from));
    set("description", embed.description.as_deref().map(Value::from));
    set("url", embed.url.as_deref().map(Value::from));
    set("color", embed.color.map(Value::from));
    set("author", embed.author.as_deref().map(|name| json!({ "name": name })));
    set("footer", embed.footer.as_deref().map(|text| json!({ "text": text })));
    set("image", embed.image.as_deref().map(|url| json!({ "url": url })));
    let fields: Vec<_> = embed
        .fields
        .iter()
        .map(|field| json!({ "name": field.name, "value": field.value, "inline": field.inline }))
        .collect();
    set("fields", (!fields.is_empty()).then_some(Value::Array(fields)));
    value.into()
}

/// The engine has checked that it is JSON; were it not, Discord refuses the null and the plugin hears of it.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// Discord's way to write a time.
pub(crate) fn timestamp(unix_milliseconds: u64) -> Option<String> {
    let microseconds = (UNIX_EPOCH + Duration::from_millis(unix_milliseconds))
        .duration_since(UNIX_EPOCH)
        .ok()?;
    let timestamp = Timestamp::from_micros(i64::try_from(microseconds.as_micros()).ok()?).ok()?;
    Some(timestamp.iso_8601().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::{ChannelId, Emoji, MessageId, SubmittedAction, UserId};

    fn outgoing(action: Action) -> Outgoing {
        let submitted = SubmittedAction {
            action,
            reason: Some("raid".into()),
            token: None,
        };
        let entry = OutboxEntry {
            id: 5,
            plugin: "p".into(),
            committed_at: 1_700_000_000_000,
            submitted,
            nonce: "n".into(),
            trace: Default::default(),
        };
        request_for(GuildId(9), &entry).expect("a request")
    }

    #[test]
    fn a_message_has_a_nonce_of_its_own_and_pings_nobody_unasked() {
        let body = MessageBody {
            content: Some("hi".into()),
            reply_to: Some(MessageId(3)),
            ..MessageBody::default()
        };
        let sent = outgoing(Action::SendMessage {
            channel: ChannelId(4),
            body,
        });
        assert_eq!((sent.method, sent.path.as_str()), ("POST", "channels/4/messages"));
        let body = sent.body.expect("a body");
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        assert_eq!(body["enforce_nonce"], true);
        assert_eq!(body["nonce"], "n");
        assert_eq!(body["message_reference"]["message_id"], "3");
    }

    #[test]
    fn one_message_is_deleted_alone_and_several_at_once() {
        let one = outgoing(Action::DeleteMessages {
            channel: ChannelId(4),
            messages: vec![MessageId(1)],
        });
        assert_eq!(
            (one.method, one.path.as_str(), one.body),
            ("DELETE", "channels/4/messages/1", None)
        );
        let two = outgoing(Action::DeleteMessages {
            channel: ChannelId(4),
            messages: vec![MessageId(1), MessageId(2)],
        });
        assert_eq!(
            (two.method, two.path.as_str()),
            ("POST", "channels/4/messages/bulk-delete")
        );
        assert_eq!(two.body, Some(json!({ "messages": ["1", "2"] })));
    }

    #[test]
    fn moderation_carries_its_reason_and_discords_units() {
        let timeout = outgoing(Action::Timeout {
            user: UserId(7),
            until: Some(1_700_000_000_000),
        });
        assert_eq!((timeout.method, timeout.path.as_str()), ("PATCH", "guilds/9/members/7"));
        let until = timeout.body.expect("a body")["communication_disabled_until"].clone();
        assert!(
            until
                .as_str()
                .is_some_and(|until| until.starts_with("2023-11-14T22:13:20")),
            "{until}"
        );
        assert_eq!(timeout.reason.as_deref(), Some("raid"));
        let lifted = outgoing(Action::Timeout {
            user: UserId(7),
            until: None,
        });
        assert_eq!(lifted.body, Some(json!({ "communication_disabled_until": null })));
        let ban = outgoing(Action::Ban {
            user: UserId(7),
            delete_message_seconds: 604_800,
        });
        assert_eq!((ban.method, ban.path.as_str()), ("PUT", "guilds/9/bans/7"));
        assert_eq!(ban.body, Some(json!({ "delete_message_seconds": 604_800 })));
    }

    #[test]
    fn emoji_are_escaped_in_paths() {
        let emoji = Emoji {
            id: None,
            name: "👍".into(),
            animated: false,
        };
        let reaction = outgoing(Action::AddReaction {
            channel: ChannelId(4),
            message: MessageId(1),
            emoji,
        });
        assert_eq!(reaction.path, "channels/4/messages/1/reactions/%F0%9F%91%8D/@me");
    }
}
