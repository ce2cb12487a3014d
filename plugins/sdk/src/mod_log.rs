//! How plugins tell `mod-log` what it writes into a user's thread: signals with these payloads, as JSON. Plugins in other
//! languages emit the same.

use crate::{Action, Attachment, Embed, Error, Id, Message, Person, Signal, Timestamp, cut, one_line};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Topic of a [`Report`].
pub const REPORT: &str = "mod-log.report";
/// Topic of an [`Entry`].
pub const ENTRY: &str = "mod-log.entry";
/// Topic of [`Filed`], which `mod-log` emits when a report stands in the user's thread.
pub const FILED: &str = "mod-log.filed";

/// Bytes of a message's text that a report keeps.
const TEXT: usize = 1500;
/// Bytes of each line of small print.
const SMALL_PRINT: usize = 300;

/// Why a message or a user is reported.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// By a member who is not named.
    Anonymous,
    /// By staff, with name.
    Track,
    /// By the spam guard.
    Spam,
    /// By Discord's automod.
    Automod,
    /// A vote has decided.
    Vote,
}

impl Reason {
    /// Its one word, as it stands in rows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Track => "track",
            Self::Spam => "spam",
            Self::Automod => "automod",
            Self::Vote => "vote",
        }
    }
}

/// A report of a user, mostly of a message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// Why.
    pub reason: Reason,
    /// Whom.
    pub user: Person,
    /// The member of staff.
    #[serde(default)]
    pub staff: Option<Person>,
    /// The message.
    #[serde(default)]
    pub message: Option<ReportedMessage>,
    /// More to be said: markdown, made by the plugin.
    #[serde(default)]
    pub note: String,
}

/// Something that a user's thread is to tell besides reports: what was done, deleted, edited.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// About whom.
    pub user: Person,
    /// What: markdown, made by the plugin; other people's texts in it are defused.
    pub text: String,
    /// A reported message that this is about: the entry replies to its report.
    #[serde(default)]
    pub message: Option<Id>,
    /// Equal keys within a minute are one entry: two plugins may see the same thing.
    #[serde(default)]
    pub key: String,
}

/// A report stands in the user's thread.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Filed {
    /// Why.
    pub reason: Reason,
    /// Who was reported.
    pub user: Id,
    /// The reported message.
    #[serde(default)]
    pub message: Option<Id>,
    /// The user's thread.
    pub thread: Id,
    /// The report's message in it.
    pub entry: Id,
    /// How many reports of the user there are.
    pub reports: u64,
}

/// A message as it is kept in a report.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ReportedMessage {
    /// The message's id.
    pub id: Id,
    /// Where it was.
    pub channel: Id,
    /// What it said, at most 1500 bytes of it.
    pub text: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Whether the text is that of a forwarded message.
    #[serde(default)]
    pub forwarded: bool,
    /// Attachments, described.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// Embeds, described.
    #[serde(default)]
    pub embeds: Vec<String>,
    /// Reactions, with their counts.
    #[serde(default)]
    pub reactions: Vec<String>,
    /// A poll, described.
    #[serde(default)]
    pub poll: Option<String>,
    /// Names of stickers.
    #[serde(default)]
    pub stickers: Vec<String>,
    /// How much the whole text is; counted in `text` where it is not given.
    #[serde(default)]
    pub extent: Option<Extent>,
}

/// How much a text is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extent {
    /// Characters.
    pub characters: usize,
    /// Words.
    pub words: usize,
    /// Links.
    pub links: usize,
    /// Code blocks.
    pub code_blocks: usize,
}

impl Extent {
    /// Counts a text.
    pub fn of(text: &str) -> Self {
        Self {
            characters: text.chars().count(),
            words: text.split_whitespace().count(),
            links: text.matches("http://").count() + text.matches("https://").count(),
            code_blocks: text.matches("```").count() / 2,
        }
    }
}

impl From<&Message> for ReportedMessage {
    fn from(message: &Message) -> Self {
        let forwarded = message.forwards.first();
        let attachments = forwarded.map_or(&message.attachments, |forwarded| &forwarded.attachments);
        let embeds = forwarded.map_or(&message.embeds, |forwarded| &forwarded.embeds);
        let text = forwarded.map_or(message.content.as_str(), |forwarded| forwarded.content.as_str());
        Self {
            id: message.id,
            channel: message.channel,
            text: cut(text, TEXT),
            sent_at: message.sent_at,
            forwarded: forwarded.is_some(),
            attachments: attachments.iter().map(describe_attachment).collect(),
            embeds: embeds.iter().map(describe_embed).collect(),
            reactions: message
                .reactions
                .iter()
                .map(|reaction| format!("{} {}", reaction.emoji.name, reaction.count))
                .collect(),
            poll: message
                .poll
                .as_ref()
                .map(|poll| format!("{}: {}", poll.question, poll.answers.join(" / "))),
            stickers: message.stickers.clone(),
            extent: Some(Extent::of(text)),
        }
    }
}

impl ReportedMessage {
    /// What the message holds besides its text, as lines of small print, defused; empty where there is nothing.
    pub fn small_print(&self) -> String {
        let poll: Vec<_> = self.poll.iter().cloned().collect();
        let parts = [
            ("attachments", &self.attachments),
            ("embeds", &self.embeds),
            ("poll", &poll),
            ("stickers", &self.stickers),
            ("reactions", &self.reactions),
        ];
        let lines: Vec<_> = parts
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("-# {name}: {}", one_line(&list.join(", "), SMALL_PRINT)))
            .collect();
        lines.join("\n")
    }

    /// Reads the message that a context-menu command was used on (Discord's JSON); the author comes beside it.
    pub fn from_resolved(message: &Value) -> Option<(Self, Person)> {
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<Id>().ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value, describe: &dyn Fn(&Value) -> String| {
            value.as_array().into_iter().flatten().map(describe).collect::<Vec<_>>()
        };
        let author = Person {
            id: id(&message["author"]["id"])?,
            name: text(&message["author"]["username"]),
        };
        let snapshot = &message["message_snapshots"][0]["message"];
        let forwarded = snapshot.is_object();
        let source = if forwarded { snapshot } else { message };
        let content = source["content"].as_str().unwrap_or_default();
        let message_id = id(&message["id"])?;
        let reported = Self {
            id: message_id,
            channel: id(&message["channel_id"])?,
            text: cut(content, TEXT),
            sent_at: crate::snowflake_unix_ms(message_id),
            forwarded,
            attachments: list(&source["attachments"], &|attachment| {
                describe_file(
                    attachment["filename"].as_str().unwrap_or_default(),
                    attachment["content_type"].as_str(),
                    attachment["size"].as_u64().unwrap_or(0),
                )
            }),
            embeds: list(&source["embeds"], &|embed| {
                let title = embed["title"].as_str().or(embed["description"].as_str());
                cut(title.or(embed["url"].as_str()).unwrap_or("embed"), 200)
            }),
            reactions: list(&message["reactions"], &|reaction| {
                format!(
                    "{} {}",
                    text(&reaction["emoji"]["name"]),
                    reaction["count"].as_u64().unwrap_or(0)
                )
            }),
            poll: message["poll"]["question"]["text"].as_str().map(|question| {
                let answers = list(&message["poll"]["answers"], &|answer| {
                    text(&answer["poll_media"]["text"])
                });
                format!("{question}: {}", answers.join(" / "))
            }),
            stickers: list(&message["sticker_items"], &|sticker| text(&sticker["name"])),
            extent: Some(Extent::of(content)),
        };
        Some((reported, author))
    }
}

fn describe_attachment(attachment: &Attachment) -> String {
    describe_file(
        &attachment.filename,
        attachment.content_type.as_deref(),
        attachment.size,
    )
}

fn describe_file(name: &str, kind: Option<&str>, bytes: u64) -> String {
    let size = match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    };
    format!("{} ({}, {size})", cut(name, 100), kind.unwrap_or("unknown kind"))
}

fn describe_embed(embed: &Embed) -> String {
    let text = [&embed.title, &embed.description, &embed.url, &embed.author];
    let text = text.into_iter().flatten().next();
    cut(text.map_or("embed", String::as_str), 200)
}

fn emit(topic: &str, payload: &impl Serialize) -> Result<(), Error> {
    let payload = serde_json::to_string(payload).map_err(|error| Error::Invalid(error.to_string()))?;
    Action::emit_signal(topic, payload).submit()
}

fn read<'signal, T: Deserialize<'signal>>(topic: &str, signal: &'signal Signal) -> Result<Option<T>, Error> {
    if signal.topic != topic {
        return Ok(None);
    }
    serde_json::from_str(&signal.payload)
        .map(Some)
        .map_err(|error| Error::Invalid(format!("{topic} of {}: {error}", signal.from)))
}

macro_rules! signal {
    ($payload:ty, $topic:ident) => {
        impl $payload {
            /// Tells it. Wants the capability to emit signals, and the topic among those that `describe` says it emits.
            pub fn emit(&self) -> Result<(), Error> {
                emit($topic, self)
            }

            /// Reads it; none where the signal is of another topic.
            pub fn read(signal: &Signal) -> Result<Option<Self>, Error> {
                read($topic, signal)
            }
        }
    };
}

signal!(Report, REPORT);
signal!(Entry, ENTRY);
signal!(Filed, FILED);

impl Entry {
    /// An entry about a user.
    pub fn about(user: Person, text: impl Into<String>) -> Self {
        Self {
            user,
            text: text.into(),
            message: None,
            key: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resolved_message_is_read_with_all_its_parts() {
        let message = json!({
            "id": "175928847299117063", "channel_id": "5", "content": "look https://example.com",
            "author": { "id": "7", "username": "ann" },
            "attachments": [{ "filename": "a_b.png", "content_type": "image/png", "size": 2048 }, { "filename": "x" }],
            "embeds": [{ "description": "free" }, {}],
            "reactions": [{ "emoji": { "name": "👍" }, "count": 3 }],
            "poll": { "question": { "text": "Tea?" }, "answers": [{ "poll_media": { "text": "yes" } }, { "poll_media": { "text": "no" } }] },
            "sticker_items": [{ "name": "wave" }],
        });
        let (message, author) = ReportedMessage::from_resolved(&message).expect("a message");
        assert_eq!((author.id, author.name.as_str(), message.forwarded), (7, "ann", false));
        assert_eq!(
            message.small_print(),
            "-# attachments: a\\_b.png (image/png, 2 KiB), x (unknown kind, 0 B)\n-# embeds: free, embed\n\
             -# poll: Tea?: yes / no\n-# stickers: wave\n-# reactions: 👍 3"
        );
        let extent = Extent {
            characters: 24,
            words: 2,
            links: 1,
            code_blocks: 0,
        };
        assert_eq!((message.extent, message.sent_at), (Some(extent), 1_462_015_105_796));
    }

    #[test]
    fn a_forward_is_read_from_its_snapshot() {
        let message = json!({
            "id": "1", "channel_id": "5", "content": "", "author": { "id": "7", "username": "ann" },
            "message_snapshots": [{ "message": { "content": "theirs", "attachments": [{ "filename": "f", "size": 1 }] } }],
        });
        let (message, _) = ReportedMessage::from_resolved(&message).expect("a message");
        assert_eq!(
            (message.text.as_str(), message.forwarded, message.attachments.len()),
            ("theirs", true, 1)
        );
        assert_eq!(ReportedMessage::from_resolved(&json!({ "id": "1" })), None);
    }

    #[test]
    fn the_extent_is_of_the_whole_text_and_what_is_left_out_has_defaults() {
        let text = format!("{} ```a``` ```b```", "word ".repeat(1000));
        assert_eq!(
            Extent::of(&text),
            Extent {
                characters: 5016,
                words: 1002,
                links: 0,
                code_blocks: 2
            }
        );
        let report: Report = serde_json::from_str(
            r#"{"reason":"spam","user":{"id":7,"name":"ann"},"message":{"id":1,"channel":2,"text":"t","sent_at":3}}"#,
        )
        .expect("a report");
        assert_eq!(report.message.and_then(|message| message.extent), None);
    }
}
