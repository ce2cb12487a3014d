//! Events on their way into a plugin. Texts are moved, not copied.

use crate::bindings::guildhall::plugin::events;
use guildhall_model as model;

fn list<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

impl From<model::Event> for events::Event {
    fn from(event: model::Event) -> Self {
        Self {
            guild: event.guild.0,
            received_at: event.received_at,
            data: event.data.into(),
        }
    }
}

impl From<model::EventData> for events::EventData {
    fn from(data: model::EventData) -> Self {
        use model::EventData as Data;
        match data {
            Data::MessageCreate(message) => Self::MessageCreate((*message).into()),
            Data::MessageUpdate(update) => Self::MessageUpdate((*update).into()),
            Data::MessageDelete(delete) => Self::MessageDelete(events::MessageDelete {
                id: delete.id.0,
                channel: delete.channel.0,
            }),
            Data::MessageDeleteBulk(delete) => Self::MessageDeleteBulk(events::MessageDeleteBulk {
                ids: delete.ids.into_iter().map(|id| id.0).collect(),
                channel: delete.channel.0,
            }),
            Data::MemberAdd(member) => Self::MemberAdd(member.into()),
            Data::MemberRemove(user) => Self::MemberRemove(user.into()),
            Data::MemberUpdate(member) => Self::MemberUpdate(member.into()),
            Data::BanAdd(user) => Self::BanAdd(user.into()),
            Data::BanRemove(user) => Self::BanRemove(user.into()),
            Data::ReactionAdd(reaction) => Self::ReactionAdd(reaction.into()),
            Data::ReactionRemove(reaction) => Self::ReactionRemove(reaction.into()),
            Data::AutomodExecution(execution) => Self::AutomodExecution(execution.into()),
            Data::AuditLogEntry(entry) => Self::AuditLogEntry(entry.into()),
            Data::InteractionCreate(interaction) => Self::InteractionCreate((*interaction).into()),
            Data::ThreadCreate(thread) => Self::ThreadCreate(thread.into()),
            Data::GuildCreate => Self::GuildCreate,
            Data::GuildUpdate => Self::GuildUpdate,
            Data::Timer(timer) => Self::Timer(events::Timer {
                name: timer.name,
                due_at: timer.due_at,
                payload: timer.payload,
            }),
            Data::Signal(signal) => Self::Signal(events::Signal {
                from: signal.from,
                topic: signal.topic,
                payload: signal.payload,
            }),
            Data::ActionResult(result) => Self::ActionResult(events::ActionResult {
                token: result.token,
                outcome: result.outcome.into(),
            }),
            Data::UserFlagged(flagged) => Self::UserFlagged(events::FlaggedUser {
                user: flagged.user.0,
                guilds: flagged.guilds,
            }),
        }
    }
}

impl From<model::User> for events::User {
    fn from(user: model::User) -> Self {
        Self {
            id: user.id.0,
            username: user.username,
            global_name: user.global_name,
            bot: user.bot,
        }
    }
}

impl From<model::Member> for events::Member {
    fn from(member: model::Member) -> Self {
        Self {
            user: member.user.into(),
            nick: member.nick,
            roles: member.roles.into_iter().map(|role| role.0).collect(),
            joined_at: member.joined_at,
            timed_out_until: member.timed_out_until,
        }
    }
}

impl From<model::Attachment> for events::Attachment {
    fn from(attachment: model::Attachment) -> Self {
        Self {
            id: attachment.id,
            filename: attachment.filename,
            content_type: attachment.content_type,
            size: attachment.size,
            url: attachment.url,
        }
    }
}

impl From<model::Embed> for events::Embed {
    fn from(embed: model::Embed) -> Self {
        let field = |field: model::EmbedField| events::EmbedField {
            name: field.name,
            value: field.value,
            inline: field.inline,
        };
        Self {
            title: embed.title,
            description: embed.description,
            url: embed.url,
            color: embed.color,
            author: embed.author,
            footer: embed.footer,
            image: embed.image,
            fields: embed.fields.into_iter().map(field).collect(),
        }
    }
}

impl From<events::Embed> for model::Embed {
    fn from(embed: events::Embed) -> Self {
        let field = |field: events::EmbedField| model::EmbedField {
            name: field.name,
            value: field.value,
            inline: field.inline,
        };
        Self {
            title: embed.title,
            description: embed.description,
            url: embed.url,
            color: embed.color,
            author: embed.author,
            footer: embed.footer,
            image: embed.image,
            fields: embed.fields.into_iter().map(field).collect(),
        }
    }
}

impl From<model::Message> for events::Message {
    fn from(message: model::Message) -> Self {
        Self {
            id: message.id.0,
            channel: message.channel.0,
            author: message.author.into(),
            member: message.member.map(events::Member::from),
            webhook: message.webhook,
            kind: message.kind,
            content: message.content,
            sent_at: message.sent_at,
            edited_at: message.edited_at,
            mentions_everyone: message.mentions_everyone,
            mentions: message.mentions.into_iter().map(|user| user.0).collect(),
            mention_roles: message.mention_roles.into_iter().map(|role| role.0).collect(),
            attachments: list(message.attachments),
            embeds: list(message.embeds),
            reply_to: message.reply_to.map(|id| id.0),
            reply_author: message.reply_author.map(|id| id.0),
            forwards: list(message.forwards),
            poll: message.poll.map(|poll| events::Poll {
                question: poll.question,
                answers: poll.answers,
            }),
            stickers: message.stickers,
            reactions: list(message.reactions),
        }
    }
}

impl From<model::ForwardedMessage> for events::ForwardedMessage {
    fn from(forwarded: model::ForwardedMessage) -> Self {
        Self {
            content: forwarded.content,
            sent_at: forwarded.sent_at,
            attachments: list(forwarded.attachments),
            embeds: list(forwarded.embeds),
        }
    }
}

impl From<model::ReactionCount> for events::ReactionCount {
    fn from(reaction: model::ReactionCount) -> Self {
        Self {
            emoji: reaction.emoji.into(),
            count: reaction.count,
        }
    }
}

impl From<model::MessageUpdate> for events::MessageUpdate {
    fn from(update: model::MessageUpdate) -> Self {
        Self {
            id: update.id.0,
            channel: update.channel.0,
            author: update.author.map(events::User::from),
            content: update.content,
            edited_at: update.edited_at,
            embeds: update.embeds.map(list),
        }
    }
}

impl From<model::Emoji> for events::Emoji {
    fn from(emoji: model::Emoji) -> Self {
        Self {
            id: emoji.id,
            name: emoji.name,
            animated: emoji.animated,
        }
    }
}

impl From<events::Emoji> for model::Emoji {
    fn from(emoji: events::Emoji) -> Self {
        Self {
            id: emoji.id,
            name: emoji.name,
            animated: emoji.animated,
        }
    }
}

impl From<model::Reaction> for events::Reaction {
    fn from(reaction: model::Reaction) -> Self {
        Self {
            user: reaction.user.0,
            channel: reaction.channel.0,
            message: reaction.message.0,
            emoji: reaction.emoji.into(),
            member: reaction.member.map(events::Member::from),
        }
    }
}

impl From<model::AutomodExecution> for events::AutomodExecution {
    fn from(execution: model::AutomodExecution) -> Self {
        Self {
            rule: execution.rule,
            rule_trigger: execution.rule_trigger,
            action_kind: execution.action_kind,
            user: execution.user.0,
            channel: execution.channel.map(|id| id.0),
            message: execution.message.map(|id| id.0),
            content: execution.content,
            matched_keyword: execution.matched_keyword,
            matched_content: execution.matched_content,
        }
    }
}

impl From<model::AuditLogEntry> for events::AuditLogEntry {
    fn from(entry: model::AuditLogEntry) -> Self {
        Self {
            id: entry.id,
            action: entry.action,
            executor: entry.executor.map(|user| user.0),
            target: entry.target,
            reason: entry.reason,
            changes: entry.changes,
            options: entry.options,
        }
    }
}

impl From<model::Interaction> for events::Interaction {
    fn from(interaction: model::Interaction) -> Self {
        Self {
            id: interaction.id.0,
            token: interaction.token,
            kind: interaction.kind,
            channel: interaction.channel.map(|id| id.0),
            member: interaction.member.into(),
            permissions: interaction.permissions,
            command: interaction.command,
            custom_id: interaction.custom_id,
            target: interaction.target,
            message: interaction.message.map(|id| id.0),
            data: interaction.data,
        }
    }
}

impl From<model::Channel> for events::Channel {
    fn from(channel: model::Channel) -> Self {
        Self {
            id: channel.id.0,
            name: channel.name,
            kind: channel.kind,
            parent: channel.parent.map(|id| id.0),
        }
    }
}

impl From<model::Outcome> for events::Outcome {
    fn from(outcome: model::Outcome) -> Self {
        match outcome {
            model::Outcome::Done => Self::Done,
            model::Outcome::Message(message) => Self::Message((*message).into()),
            model::Outcome::Channel(channel) => Self::Channel(channel.into()),
            model::Outcome::Messages(messages) => Self::Messages(list(messages)),
            model::Outcome::Member(member) => Self::Member(member.into()),
            model::Outcome::AuditLog(entries) => Self::AuditLog(list(entries)),
            model::Outcome::Refused(refusal) => Self::Refused(events::Refusal {
                status: refusal.status,
                code: refusal.code,
                message: refusal.message,
            }),
            model::Outcome::HttpResponse(response) => Self::HttpResponse(events::HttpResponse {
                status: response.status,
                headers: response.headers,
                body: response.body,
            }),
            model::Outcome::Failed(reason) => Self::Failed(reason),
        }
    }
}
