//! Events of every kind: with nothing that may be left out, as Discord sends them, and at the ends of what the contract allows.

mod interactions;

pub(super) use interactions::click;

use crate::world::{self, GENERAL, MEMBER, OWNER, STAFF, START, THREAD};
use guildhall_model::{
    ActionResult, Attachment, AuditLogEntry, AutomodExecution, Channel, Embed, EmbedField, Emoji, EventData, EventKind,
    FlaggedUser, ForwardedMessage, Member, Message, MessageDelete, MessageDeleteBulk, MessageId, MessageUpdate,
    Outcome, PluginDescription, Poll, Reaction, ReactionCount, RoleId, Signal, Timer, User, UserId,
};
use serde_json::{Value, json};

/// How an event is filled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// Everything that may be left out is.
    Minimal,
    /// As it usually comes.
    Full,
    /// Longest texts and lists, largest ids, characters that are seldom met.
    Hostile,
}

impl Shape {
    pub(super) const ALL: [Self; 3] = [Self::Minimal, Self::Full, Self::Hostile];
}

/// Ids stay below 2^63.
const LARGEST: u64 = i64::MAX as u64;
/// Discord's longest message, with Nitro.
const CONTENT: usize = 4000;
/// Directions that turn, joined emoji, combining marks, what looks empty, a NUL, quotes of every language.
const STRANGE: &str = "\u{202e}\u{feff}👩‍👩‍👧‍👦e\u{301}\u{200b}\u{0}'\"`;--$%\\\n\t<@0>ﷺ𝕊";

fn strange(length: usize) -> String {
    STRANGE.chars().cycle().take(length).collect()
}

/// The events of this kind that a plugin which describes itself so is tried with.
pub(super) fn events(kind: EventKind, shape: Shape, description: &PluginDescription) -> Vec<EventData> {
    match kind {
        EventKind::MessageCreate => vec![EventData::MessageCreate(Box::new(message(shape)))],
        EventKind::MessageUpdate => vec![EventData::MessageUpdate(Box::new(message_update(shape)))],
        EventKind::MessageDelete => vec![EventData::MessageDelete(MessageDelete {
            id: message_id(shape),
            channel: GENERAL,
        })],
        EventKind::MessageDeleteBulk => vec![EventData::MessageDeleteBulk(MessageDeleteBulk {
            ids: (0..count(shape, 2, 100))
                .map(|number| MessageId(world::id(0, 500 + number)))
                .collect(),
            channel: GENERAL,
        })],
        EventKind::MemberAdd => vec![EventData::MemberAdd(member(shape))],
        EventKind::MemberRemove => vec![EventData::MemberRemove(user(shape))],
        EventKind::MemberUpdate => vec![EventData::MemberUpdate(member(shape))],
        EventKind::BanAdd => vec![EventData::BanAdd(user(shape))],
        EventKind::BanRemove => vec![EventData::BanRemove(user(shape))],
        EventKind::ReactionAdd => vec![EventData::ReactionAdd(reaction(shape))],
        EventKind::ReactionRemove => vec![EventData::ReactionRemove(reaction(shape))],
        EventKind::AutomodExecution => vec![EventData::AutomodExecution(automod(shape))],
        EventKind::AuditLogEntry => vec![EventData::AuditLogEntry(audit_log_entry(shape))],
        EventKind::InteractionCreate => interactions::interactions(shape, description)
            .into_iter()
            .map(|interaction| EventData::InteractionCreate(Box::new(interaction)))
            .collect(),
        EventKind::ThreadCreate => vec![EventData::ThreadCreate(channel(shape))],
        EventKind::GuildCreate => vec![EventData::GuildCreate],
        EventKind::GuildUpdate => vec![EventData::GuildUpdate],
        EventKind::Timer => timers(shape, description).into_iter().map(EventData::Timer).collect(),
        EventKind::Signal => signals(shape, description).into_iter().map(EventData::Signal).collect(),
        EventKind::ActionResult => outcomes(shape)
            .into_iter()
            .map(|outcome| {
                EventData::ActionResult(ActionResult {
                    token: text(shape, "token", 100),
                    outcome,
                })
            })
            .collect(),
        EventKind::UserFlagged => vec![EventData::UserFlagged(FlaggedUser {
            user: user(shape).id,
            guilds: if shape == Shape::Hostile { u32::MAX } else { 3 },
        })],
    }
}

/// Everything that can come of an action.
pub(super) fn outcomes(shape: Shape) -> Vec<Outcome> {
    let many = count(shape, 2, 100);
    vec![
        Outcome::Done,
        Outcome::Message(Box::new(message(shape))),
        Outcome::Channel(channel(shape)),
        Outcome::Messages(
            (0..many)
                .map(|_| message(if shape == Shape::Hostile { Shape::Full } else { shape }))
                .collect(),
        ),
        Outcome::Member(member(shape)),
        Outcome::AuditLog((0..many).map(|_| audit_log_entry(shape)).collect()),
        Outcome::Refused(guildhall_model::Refusal {
            status: 403,
            code: 50_013,
            message: text(shape, "Missing Permissions", 500),
        }),
        Outcome::HttpResponse(guildhall_model::HttpResponse {
            status: if shape == Shape::Minimal { 204 } else { 200 },
            headers: (0..count(shape, 1, 50))
                .map(|number| (format!("x-{number}"), text(shape, "value", 200)))
                .collect(),
            // Bytes that are no UTF-8.
            body: if shape == Shape::Hostile {
                vec![0xff; 256 << 10]
            } else {
                text(shape, "{\"ok\":true}", 0).into_bytes()
            },
        }),
        Outcome::Failed(text(shape, "no answer within 1 s", 500)),
    ]
}

fn count(shape: Shape, full: u64, hostile: u64) -> u64 {
    match shape {
        Shape::Minimal => 0,
        Shape::Full => full,
        Shape::Hostile => hostile,
    }
}

fn text(shape: Shape, full: &str, hostile: usize) -> String {
    match shape {
        Shape::Minimal => String::new(),
        Shape::Full => full.to_owned(),
        Shape::Hostile => strange(hostile),
    }
}

fn given<T>(shape: Shape, value: T) -> Option<T> {
    (shape != Shape::Minimal).then_some(value)
}

fn message_id(shape: Shape) -> MessageId {
    MessageId(if shape == Shape::Hostile {
        LARGEST
    } else {
        world::id(0, 100)
    })
}

fn user(shape: Shape) -> User {
    User {
        id: if shape == Shape::Hostile {
            UserId(LARGEST)
        } else {
            MEMBER
        },
        // Discord's longest: 32.
        username: if shape == Shape::Minimal {
            "ann".into()
        } else {
            text(shape, "ann", 32)
        },
        global_name: given(shape, text(shape, "Ann", 32)),
        bot: false,
    }
}

fn member(shape: Shape) -> Member {
    Member {
        user: user(shape),
        nick: given(shape, text(shape, "Annie", 32)),
        roles: match shape {
            Shape::Minimal => Vec::new(),
            Shape::Full => vec![STAFF],
            // Discord's most roles of a guild.
            Shape::Hostile => (0..250).map(|number| RoleId(LARGEST - number)).collect(),
        },
        joined_at: given(shape, if shape == Shape::Hostile { 0 } else { START - 1_000_000 }),
        timed_out_until: given(shape, START + 60_000),
    }
}

fn attachment(shape: Shape) -> Attachment {
    Attachment {
        id: world::id(0, 200),
        filename: text(shape, "photo.png", 260),
        content_type: given(shape, text(shape, "image/png", 100)),
        size: if shape == Shape::Hostile { LARGEST } else { 24_000 },
        url: text(shape, "https://cdn.discordapp.com/attachments/1/2/photo.png", 2000),
    }
}

fn embed(shape: Shape) -> Embed {
    Embed {
        title: given(shape, text(shape, "A page", 256)),
        description: given(shape, text(shape, "What it says.", 4096)),
        url: given(shape, text(shape, "https://example.org/page", 2000)),
        color: given(shape, if shape == Shape::Hostile { u32::MAX } else { 0x00_ff_00 }),
        author: given(shape, text(shape, "Somebody", 256)),
        footer: given(shape, text(shape, "footer", 2048)),
        image: given(shape, text(shape, "https://example.org/image.png", 2000)),
        fields: (0..count(shape, 1, 25))
            .map(|_| EmbedField {
                name: text(shape, "name", 256),
                value: text(shape, "value", 1024),
                inline: true,
            })
            .collect(),
    }
}

fn emoji(shape: Shape) -> Emoji {
    Emoji {
        id: if shape == Shape::Hostile { Some(LARGEST) } else { None },
        name: if shape == Shape::Minimal {
            "👍".into()
        } else {
            text(shape, "🎉", 32)
        },
        animated: shape == Shape::Hostile,
    }
}

fn message(shape: Shape) -> Message {
    Message {
        id: message_id(shape),
        channel: GENERAL,
        author: user(shape),
        member: given(shape, member(shape)),
        webhook: false,
        kind: match shape {
            Shape::Minimal => 0,
            Shape::Full => 19,
            Shape::Hostile => u8::MAX,
        },
        content: text(
            shape,
            "hello <@1>, see https://example.org/a?b=c#d and discord.gg/abc :tada:",
            CONTENT,
        ),
        sent_at: START,
        edited_at: given(shape, START + 1),
        mentions_everyone: shape == Shape::Hostile,
        mentions: (0..count(shape, 1, 100))
            .map(|number| UserId(MEMBER.0 + number))
            .collect(),
        mention_roles: (0..count(shape, 1, 100))
            .map(|number| RoleId(STAFF.0 + number))
            .collect(),
        attachments: (0..count(shape, 1, 10)).map(|_| attachment(shape)).collect(),
        embeds: (0..count(shape, 1, 10)).map(|_| embed(shape)).collect(),
        reply_to: given(shape, MessageId(world::id(0, 99))),
        reply_author: given(shape, OWNER),
        forwards: (0..count(shape, 1, 5))
            .map(|_| ForwardedMessage {
                content: text(shape, "as it was said", CONTENT),
                sent_at: START - 5,
                attachments: vec![attachment(shape)],
                embeds: vec![embed(shape)],
            })
            .collect(),
        poll: given(
            shape,
            Poll {
                question: text(shape, "Which?", 300),
                answers: (0..count(shape, 2, 10)).map(|_| text(shape, "this", 55)).collect(),
            },
        ),
        stickers: (0..count(shape, 1, 3)).map(|_| text(shape, "wave", 30)).collect(),
        reactions: (0..count(shape, 1, 20))
            .map(|_| ReactionCount {
                emoji: emoji(shape),
                count: 3,
            })
            .collect(),
    }
}

fn message_update(shape: Shape) -> MessageUpdate {
    MessageUpdate {
        id: message_id(shape),
        channel: GENERAL,
        author: given(shape, user(shape)),
        content: given(shape, text(shape, "hello again", CONTENT)),
        edited_at: given(shape, START + 1),
        embeds: given(shape, (0..count(shape, 1, 10)).map(|_| embed(shape)).collect()),
    }
}

fn reaction(shape: Shape) -> Reaction {
    Reaction {
        user: user(shape).id,
        channel: GENERAL,
        message: message_id(shape),
        emoji: emoji(shape),
        member: given(shape, member(shape)),
    }
}

fn automod(shape: Shape) -> AutomodExecution {
    AutomodExecution {
        rule: world::id(5, 300),
        rule_trigger: if shape == Shape::Hostile { u8::MAX } else { 1 },
        action_kind: if shape == Shape::Hostile { u8::MAX } else { 1 },
        user: user(shape).id,
        channel: given(shape, GENERAL),
        message: given(shape, message_id(shape)),
        content: text(shape, "a bad word", CONTENT),
        matched_keyword: given(shape, text(shape, "bad", 60)),
        matched_content: given(shape, text(shape, "bad", 60)),
    }
}

fn audit_log_entry(shape: Shape) -> AuditLogEntry {
    let (changes, options) = match shape {
        Shape::Minimal => ("[]".to_owned(), "{}".to_owned()),
        Shape::Full => (
            json!([{ "key": "nick", "new_value": "Annie" }]).to_string(),
            json!({ "count": "1" }).to_string(),
        ),
        Shape::Hostile => (deep().to_string(), "null".to_owned()),
    };
    AuditLogEntry {
        id: world::id(0, 301),
        action: match shape {
            Shape::Minimal => 1,
            Shape::Full => 24,
            Shape::Hostile => u16::MAX,
        },
        executor: given(shape, OWNER),
        target: given(shape, user(shape).id.0),
        reason: given(shape, text(shape, "because", 512)),
        changes,
        options,
    }
}

fn channel(shape: Shape) -> Channel {
    Channel {
        id: THREAD,
        name: if shape == Shape::Minimal {
            "t".into()
        } else {
            text(shape, "a thread", 100)
        },
        kind: if shape == Shape::Hostile { u8::MAX } else { 11 },
        parent: given(shape, GENERAL),
    }
}

/// JSON that nests.
fn deep() -> Value {
    (0..60).fold(json!(strange(20)), |inner, _| json!([inner]))
}

fn timers(shape: Shape, description: &PluginDescription) -> Vec<Timer> {
    let described = description.timers.iter().map(|timer| timer.name.clone());
    described
        .chain([text(shape, "no such timer", 100)])
        .map(|name| Timer {
            name,
            due_at: if shape == Shape::Hostile { 0 } else { START },
            payload: text(shape, "{}", 1000),
        })
        .collect()
}

fn signals(shape: Shape, description: &PluginDescription) -> Vec<Signal> {
    let topics = description.topics.iter().cloned();
    topics
        .map(|topic| Signal {
            from: "somebody".into(),
            topic,
            payload: match shape {
                Shape::Minimal => String::new(),
                Shape::Full => "{}".into(),
                Shape::Hostile => deep().to_string(),
            },
        })
        .collect()
}
