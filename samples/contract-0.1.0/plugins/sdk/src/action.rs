//! What a plugin asks Discord to do.

use crate::bindings::guildhall::plugin::actions::{self, Action as Wire, MessageBody, Options};
use crate::{Error, Id, Timestamp};

/// An action on its way. Nothing happens before [`submit`](Action::submit), and nothing leaves before the call's rows
/// are on disk.
#[derive(Debug)]
#[must_use = "an action does nothing until it is submitted"]
pub struct Action {
    action: Wire,
    options: Options,
}

impl Action {
    /// A message with this text, which notifies nobody.
    pub fn send_message(channel: Id, content: impl Into<String>) -> Self {
        Self::send(
            channel,
            MessageBody {
                content: Some(content.into()),
                ..empty_body()
            },
        )
    }

    /// A message with embeds, components, a reply, or mentions that notify; see [`Action::body`].
    pub fn send(channel: Id, body: MessageBody) -> Self {
        Wire::SendMessage(actions::SendMessage { channel, body }).into()
    }

    /// Another body for one of the bot's messages.
    pub fn edit(channel: Id, message: Id, body: MessageBody) -> Self {
        Wire::EditMessage(actions::EditMessage { channel, message, body }).into()
    }

    /// A body with this text, to be filled further.
    pub fn body(content: impl Into<String>) -> MessageBody {
        MessageBody {
            content: Some(content.into()),
            ..empty_body()
        }
    }

    /// Deletes messages of one channel: one, or up to 100 that are younger than 14 days.
    pub fn delete_messages(channel: Id, messages: Vec<Id>) -> Self {
        Wire::DeleteMessages(actions::DeleteMessages { channel, messages }).into()
    }

    /// Times a member out until then, at most 28 days ahead.
    pub fn timeout(user: Id, until: Timestamp) -> Self {
        Wire::Timeout(actions::Timeout {
            user,
            until: Some(until),
        })
        .into()
    }

    /// Lifts a timeout.
    pub fn lift_timeout(user: Id) -> Self {
        Wire::Timeout(actions::Timeout { user, until: None }).into()
    }

    /// Kicks a member.
    pub fn kick(user: Id) -> Self {
        Wire::Kick(user).into()
    }

    /// Bans a user and deletes the messages of the last seconds, at most 604800.
    pub fn ban(user: Id, delete_message_seconds: u32) -> Self {
        Wire::Ban(actions::Ban {
            user,
            delete_message_seconds,
        })
        .into()
    }

    /// Lifts a ban.
    pub fn unban(user: Id) -> Self {
        Wire::Unban(user).into()
    }

    /// Gives a member a role.
    pub fn add_role(user: Id, role: Id) -> Self {
        Wire::AddRole(actions::Role { user, role }).into()
    }

    /// Takes a role from a member.
    pub fn remove_role(user: Id, role: Id) -> Self {
        Wire::RemoveRole(actions::Role { user, role }).into()
    }

    /// Creates a thread without a message. Its id comes back to whoever gives a [`token`](Action::token).
    pub fn create_thread(channel: Id, name: impl Into<String>, private: bool) -> Self {
        let auto_archive_minutes = 10_080;
        let thread = actions::CreateThread {
            channel,
            message: None,
            name: name.into(),
            private,
            auto_archive_minutes,
        };
        Wire::CreateThread(thread).into()
    }

    /// Starts a thread from a message.
    pub fn create_thread_from(channel: Id, message: Id, name: impl Into<String>) -> Self {
        let (message, auto_archive_minutes) = (Some(message), 10_080);
        let thread = actions::CreateThread {
            channel,
            message,
            name: name.into(),
            private: false,
            auto_archive_minutes,
        };
        Wire::CreateThread(thread).into()
    }

    /// Answers an interaction. `kind` and `data` are Discord's interaction callback type and data.
    pub fn respond(interaction: Id, token: &str, kind: u8, data: impl Into<String>) -> Self {
        Wire::Respond(actions::Respond {
            interaction,
            token: token.into(),
            kind,
            data: data.into(),
        })
        .into()
    }

    /// Answers an interaction with a text that only its user sees.
    pub fn respond_privately(interaction: Id, token: &str, content: &str) -> Self {
        const EPHEMERAL: u32 = 1 << 6;
        let data = serde_json::json!({ "content": content, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] } });
        Self::respond(interaction, token, 4, data.to_string())
    }

    /// Adds a unicode emoji to a message.
    pub fn add_reaction(channel: Id, message: Id, emoji: &str) -> Self {
        let emoji = crate::Emoji {
            id: None,
            name: emoji.into(),
            animated: false,
        };
        Wire::AddReaction(actions::AddReaction {
            channel,
            message,
            emoji,
        })
        .into()
    }

    /// Sets a timer that fires once; one of the same name is replaced.
    pub fn schedule_timer(name: impl Into<String>, due_at: Timestamp, payload: impl Into<String>) -> Self {
        Wire::ScheduleTimer(actions::ScheduleTimer {
            name: name.into(),
            due_at,
            payload: payload.into(),
        })
        .into()
    }

    /// Cancels the timer of this name.
    pub fn cancel_timer(name: impl Into<String>) -> Self {
        Wire::CancelTimer(name.into()).into()
    }

    /// Tells this guild's other plugins, in the same transaction.
    pub fn emit_signal(topic: impl Into<String>, payload: impl Into<String>) -> Self {
        Wire::EmitSignal(actions::EmitSignal {
            topic: topic.into(),
            payload: payload.into(),
        })
        .into()
    }

    /// Asks for a message. The answer comes as an action result with this token.
    pub fn fetch_message(channel: Id, message: Id, token: impl Into<String>) -> Self {
        Self::from(Wire::FetchMessage(actions::FetchMessage { channel, message })).token(token)
    }

    /// Asks for a member. The answer comes as an action result with this token.
    pub fn fetch_member(user: Id, token: impl Into<String>) -> Self {
        Self::from(Wire::FetchMember(user)).token(token)
    }

    /// Asks for audit log entries, newest first. The answer comes as an action result with this token.
    pub fn fetch_audit_log(action: Option<u16>, executor: Option<Id>, limit: u8, token: impl Into<String>) -> Self {
        Self::from(Wire::FetchAuditLog(actions::FetchAuditLog {
            action,
            executor,
            limit,
        }))
        .token(token)
    }

    /// The reason in the guild's audit log, at most 512 bytes; what is longer is cut.
    pub fn reason(mut self, reason: &str) -> Self {
        self.options.reason = Some(crate::cut(reason, 512));
        self
    }

    /// Lets the result come back as an action result with this token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Adds the action to the call's.
    pub fn submit(self) -> Result<(), Error> {
        Ok(actions::submit(&self.action, &self.options)?)
    }
}

impl From<Wire> for Action {
    fn from(action: Wire) -> Self {
        Self {
            action,
            options: Options {
                reason: None,
                token: None,
            },
        }
    }
}

fn empty_body() -> MessageBody {
    MessageBody {
        content: None,
        embeds: Vec::new(),
        components: String::new(),
        reply_to: None,
        allow_mentions: false,
        flags: 0,
    }
}
