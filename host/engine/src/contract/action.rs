//! Actions on their way out of a plugin, and the shape that the contract asks of them.

use super::http;
use crate::bindings::guildhall::plugin::actions;
use guildhall_model::{
    Action, ChannelId, CommonSettings, HttpMethod, InteractionId, MessageBody, MessageId, MessageLink, RoleId,
    SubmittedAction, TextFile, UserId,
};

impl From<actions::MessageBody> for MessageBody {
    fn from(body: actions::MessageBody) -> Self {
        Self {
            content: body.content,
            embeds: body.embeds.into_iter().map(Into::into).collect(),
            components: body.components,
            reply_to: body.reply_to.map(MessageId),
            allow_mentions: body.allow_mentions,
            flags: body.flags,
            files: body
                .files
                .into_iter()
                .map(|file| TextFile {
                    name: file.name,
                    text: file.text,
                })
                .collect(),
            forward: body.forward.map(|link| MessageLink {
                channel: ChannelId(link.channel),
                message: MessageId(link.message),
            }),
        }
    }
}

impl From<actions::CommonSettings> for CommonSettings {
    fn from(settings: actions::CommonSettings) -> Self {
        Self {
            moderator_role: settings.moderator_role.map(RoleId),
            restricted_role: settings.restricted_role.map(RoleId),
            log_channel: settings.log_channel.map(ChannelId),
            deletion_log_channel: settings.deletion_log_channel.map(ChannelId),
            quorum: settings.quorum,
            shares_flags: settings.shares_flags,
        }
    }
}

impl From<CommonSettings> for actions::CommonSettings {
    fn from(settings: CommonSettings) -> Self {
        Self {
            moderator_role: settings.moderator_role.map(|role| role.0),
            restricted_role: settings.restricted_role.map(|role| role.0),
            log_channel: settings.log_channel.map(|channel| channel.0),
            deletion_log_channel: settings.deletion_log_channel.map(|channel| channel.0),
            quorum: settings.quorum,
            shares_flags: settings.shares_flags,
        }
    }
}

impl From<actions::HttpMethod> for HttpMethod {
    fn from(method: actions::HttpMethod) -> Self {
        use actions::HttpMethod as Asked;
        match method {
            Asked::Get => Self::Get,
            Asked::Head => Self::Head,
            Asked::Post => Self::Post,
            Asked::Put => Self::Put,
            Asked::Patch => Self::Patch,
            Asked::Delete => Self::Delete,
        }
    }
}

impl From<actions::Action> for Action {
    fn from(action: actions::Action) -> Self {
        use actions::Action as Asked;
        match action {
            Asked::SendMessage(send) => Self::SendMessage {
                channel: ChannelId(send.channel),
                body: send.body.into(),
            },
            Asked::EditMessage(edit) => Self::EditMessage {
                channel: ChannelId(edit.channel),
                message: MessageId(edit.message),
                body: edit.body.into(),
            },
            Asked::DeleteMessages(delete) => Self::DeleteMessages {
                channel: ChannelId(delete.channel),
                messages: delete.messages.into_iter().map(MessageId).collect(),
            },
            Asked::Timeout(timeout) => Self::Timeout {
                user: UserId(timeout.user),
                until: timeout.until,
            },
            Asked::Kick(user) => Self::Kick { user: UserId(user) },
            Asked::Ban(ban) => Self::Ban {
                user: UserId(ban.user),
                delete_message_seconds: ban.delete_message_seconds,
            },
            Asked::Unban(user) => Self::Unban { user: UserId(user) },
            Asked::AddRole(role) => Self::AddRole {
                user: UserId(role.user),
                role: RoleId(role.role),
            },
            Asked::RemoveRole(role) => Self::RemoveRole {
                user: UserId(role.user),
                role: RoleId(role.role),
            },
            Asked::CreateThread(thread) => Self::CreateThread {
                channel: ChannelId(thread.channel),
                message: thread.message.map(MessageId),
                name: thread.name,
                private: thread.private,
                auto_archive_minutes: thread.auto_archive_minutes,
            },
            Asked::Respond(respond) => Self::Respond {
                interaction: InteractionId(respond.interaction),
                token: respond.token,
                kind: respond.kind,
                data: respond.data,
            },
            Asked::AddReaction(reaction) => Self::AddReaction {
                channel: ChannelId(reaction.channel),
                message: MessageId(reaction.message),
                emoji: reaction.emoji.into(),
            },
            Asked::ScheduleTimer(timer) => Self::ScheduleTimer {
                name: timer.name,
                due_at: timer.due_at,
                payload: timer.payload,
            },
            Asked::CancelTimer(name) => Self::CancelTimer { name },
            Asked::EmitSignal(signal) => Self::EmitSignal {
                topic: signal.topic,
                payload: signal.payload,
            },
            Asked::FetchMessage(fetch) => Self::FetchMessage {
                channel: ChannelId(fetch.channel),
                message: MessageId(fetch.message),
            },
            Asked::FetchMember(user) => Self::FetchMember { user: UserId(user) },
            Asked::FetchAuditLog(fetch) => Self::FetchAuditLog {
                action: fetch.action,
                executor: fetch.executor.map(UserId),
                limit: fetch.limit,
            },
            Asked::EditThread(edit) => Self::EditThread {
                thread: ChannelId(edit.thread),
                archived: edit.archived,
                locked: edit.locked,
                name: edit.name,
            },
            Asked::AddThreadMember(member) => Self::AddThreadMember {
                thread: ChannelId(member.thread),
                user: UserId(member.user),
            },
            Asked::RemoveThreadMember(member) => Self::RemoveThreadMember {
                thread: ChannelId(member.thread),
                user: UserId(member.user),
            },
            Asked::CreateChannel(create) => Self::CreateChannel {
                name: create.name,
                parent: create.parent.map(ChannelId),
                topic: create.topic,
                only_for: create.only_for.map(RoleId),
            },
            Asked::SendDirectMessage(send) => Self::SendDirectMessage {
                user: UserId(send.user),
                body: send.body.into(),
            },
            Asked::FetchMessages(fetch) => Self::FetchMessages {
                channel: ChannelId(fetch.channel),
                before: fetch.before.map(MessageId),
                limit: fetch.limit,
            },
            Asked::ConfigureGuild(settings) => Self::ConfigureGuild {
                settings: settings.into(),
            },
            Asked::FlagUser(flag) => Self::FlagUser {
                user: UserId(flag.user),
                reason: flag.reason,
            },
            Asked::HttpRequest(request) => Self::HttpRequest {
                method: request.method.into(),
                url: request.url,
                headers: request.headers,
                body: request.body,
                timeout_ms: request.timeout_ms,
            },
        }
    }
}

/// What Discord would refuse whatever the guild looks like; the answer names the value and the bound.
pub(crate) fn check_action(submitted: &SubmittedAction) -> Result<(), String> {
    if let Some(reason) = submitted.reason.as_ref().filter(|reason| reason.len() > 512) {
        return Err(format!(
            "the reason has {} bytes; at most 512 are possible",
            reason.len()
        ));
    }
    match &submitted.action {
        Action::SendMessage { body, .. } | Action::SendDirectMessage { body, .. } => check_body(body),
        Action::EditMessage { body, .. } if body.forward.is_some() => Err("an edit cannot forward a message".into()),
        Action::EditMessage { body, .. } => check_body(body),
        Action::DeleteMessages { messages, .. } if !(1..=100).contains(&messages.len()) => Err(format!(
            "{} messages cannot be deleted at once; 1 to 100 can",
            messages.len()
        )),
        Action::Ban {
            delete_message_seconds, ..
        } if *delete_message_seconds > 604_800 => Err(format!(
            "delete-message-seconds is {delete_message_seconds}; at most 604800 (7 days) is possible"
        )),
        Action::CreateThread {
            name,
            message,
            private,
            auto_archive_minutes,
            ..
        } => {
            check_name(name)?;
            if *private && message.is_some() {
                return Err("a thread from a message cannot be private".into());
            }
            if ![60, 1440, 4320, 10_080].contains(auto_archive_minutes) {
                return Err(format!(
                    "auto-archive-minutes is {auto_archive_minutes}; 60, 1440, 4320 or 10080 is possible"
                ));
            }
            Ok(())
        }
        Action::Respond { kind, data, .. } => {
            if !(4..=9).contains(kind) {
                return Err(format!("{kind} is no interaction callback type; 4 to 9 are"));
            }
            check_json("the response's data", data)
        }
        Action::CreateChannel { name, .. } => check_name(name),
        Action::EditThread { name: Some(name), .. } => check_name(name),
        Action::FlagUser { reason, .. } if reason.len() > 512 => Err(format!(
            "the flag's reason has {} bytes; at most 512 are possible",
            reason.len()
        )),
        Action::FetchAuditLog { limit, .. } | Action::FetchMessages { limit, .. } if !(1..=100).contains(limit) => {
            Err(format!("limit is {limit}; 1 to 100 is possible"))
        }
        Action::FetchMessage { .. }
        | Action::FetchMessages { .. }
        | Action::FetchMember { .. }
        | Action::FetchAuditLog { .. }
        | Action::HttpRequest { .. }
            if submitted.token.is_none() =>
        {
            Err("a request needs a token, under which its result comes back".into())
        }
        Action::HttpRequest {
            url,
            headers,
            body,
            timeout_ms,
            ..
        } => http::check(url, headers, body, *timeout_ms),
        _ => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let characters = name.chars().count();
    if (1..=100).contains(&characters) {
        return Ok(());
    }
    Err(format!("the name has {characters} characters; 1 to 100 are possible"))
}

fn check_body(body: &MessageBody) -> Result<(), String> {
    let characters = body.content.as_ref().map_or(0, |content| content.chars().count());
    if characters > 2000 {
        return Err(format!(
            "the content has {characters} characters; at most 2000 are possible"
        ));
    }
    if body.embeds.len() > 10 {
        return Err(format!(
            "the message has {} embeds; at most 10 are possible",
            body.embeds.len()
        ));
    }
    if body.files.len() > 10 {
        return Err(format!(
            "the message has {} files; at most 10 are possible",
            body.files.len()
        ));
    }
    let empty = characters == 0 && body.embeds.is_empty() && body.components.is_empty() && body.files.is_empty();
    match (empty, body.forward) {
        (true, None) => {
            return Err("the message is empty; give it content, embeds, components, files or a forward".into());
        }
        (false, Some(_)) => return Err("a message that forwards another can hold nothing else".into()),
        _ => {}
    }
    check_json("components", &body.components)
}

fn check_json(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|error| format!("{what} is not JSON: {error}"))
}

/// Bytes of the texts of an action, for the bound of a call.
pub(crate) fn text_bytes(submitted: &SubmittedAction) -> usize {
    let options = submitted.reason.as_ref().map_or(0, String::len) + submitted.token.as_ref().map_or(0, String::len);
    let texts = match &submitted.action {
        Action::SendMessage { body, .. }
        | Action::EditMessage { body, .. }
        | Action::SendDirectMessage { body, .. } => {
            let embeds: usize = body.embeds.iter().map(embed_bytes).sum();
            let files: usize = body.files.iter().map(|file| file.name.len() + file.text.len()).sum();
            body.content.as_ref().map_or(0, String::len) + body.components.len() + embeds + files
        }
        Action::CreateThread { name, .. } | Action::CancelTimer { name } => name.len(),
        Action::CreateChannel { name, topic, .. } => name.len() + topic.as_ref().map_or(0, String::len),
        Action::EditThread { name, .. } => name.as_ref().map_or(0, String::len),
        Action::FlagUser { reason, .. } => reason.len(),
        Action::Respond { token, data, .. } => token.len() + data.len(),
        Action::ScheduleTimer { name, payload, .. } => name.len() + payload.len(),
        Action::EmitSignal { topic, payload } => topic.len() + payload.len(),
        Action::AddReaction { emoji, .. } => emoji.name.len(),
        Action::HttpRequest { url, headers, body, .. } => {
            let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            url.len() + headers + body.len()
        }
        _ => 0,
    };
    options + texts
}

fn embed_bytes(embed: &guildhall_model::Embed) -> usize {
    let texts = [
        &embed.title,
        &embed.description,
        &embed.url,
        &embed.author,
        &embed.footer,
        &embed.image,
    ];
    let fields: usize = embed
        .fields
        .iter()
        .map(|field| field.name.len() + field.value.len())
        .sum();
    texts.into_iter().flatten().map(String::len).sum::<usize>() + fields
}
