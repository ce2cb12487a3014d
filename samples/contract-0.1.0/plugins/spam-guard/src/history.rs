//! What the author wrote lately, and what its speed and repetition say. At most 20 messages of 30 minutes are looked
//! at; the message that is judged is one of them.

use crate::content::judged_text;
use crate::signal::Signal;
use guildhall_sdk::{Database, Error, Id, Message, Timestamp, params};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const MIGRATION: &str = "CREATE TABLE spam_guard_messages (
    author INTEGER NOT NULL, message INTEGER NOT NULL, channel INTEGER NOT NULL, at INTEGER NOT NULL,
    identity INTEGER NOT NULL, PRIMARY KEY (author, message)
) WITHOUT ROWID";

const SECOND: Timestamp = 1000;
const MINUTE: Timestamp = 60 * SECOND;
const KEPT: Timestamp = 30 * MINUTE;

/// The author's messages, newest first; the judged one is the first.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    message: Id,
    channel: Id,
    at: Timestamp,
    identity: i64,
}

impl History {
    /// Reads what the author wrote before, and adds the message.
    pub(crate) fn with(database: &Database, message: &Message) -> Result<Self, Error> {
        let current = Entry {
            message: message.id,
            channel: message.channel,
            at: message.sent_at,
            identity: identity(message),
        };
        let earlier: Vec<(u64, u64, u64, i64)> = database.query(
            "SELECT message, channel, at, identity FROM spam_guard_messages
             WHERE author = ?1 AND message <> ?2 ORDER BY message DESC LIMIT 19",
            params![message.author.id, message.id],
        )?;
        database.execute(
            "INSERT OR IGNORE INTO spam_guard_messages (author, message, channel, at, identity) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![message.author.id, current.message, current.channel, current.at, current.identity],
        )?;
        let earlier = earlier.into_iter().map(|(message, channel, at, identity)| Entry {
            message,
            channel,
            at,
            identity,
        });
        Ok(Self::of(current, earlier))
    }

    fn of(current: Entry, earlier: impl Iterator<Item = Entry>) -> Self {
        let recent = earlier.filter(|entry| entry.at + KEPT > current.at);
        Self {
            entries: std::iter::once(current).chain(recent).collect(),
        }
    }

    fn within(&self, milliseconds: Timestamp) -> impl Iterator<Item = &Entry> {
        let now = self.entries[0].at;
        self.entries.iter().filter(move |entry| entry.at + milliseconds >= now)
    }

    fn identical_within(&self, milliseconds: Timestamp) -> impl Iterator<Item = &Entry> {
        let identity = self.entries[0].identity;
        self.within(milliseconds)
            .filter(move |entry| entry.identity == identity)
    }

    /// `repeats_excused` leaves repetition out.
    pub(crate) fn signals(&self, repeats_excused: bool) -> Vec<Signal> {
        let channels = |milliseconds| {
            self.within(milliseconds)
                .map(|entry| entry.channel)
                .collect::<BTreeSet<_>>()
                .len()
        };
        let in_a_minute = channels(MINUTE);
        if !repeats_excused && self.identical_within(MINUTE).count() >= 3 && in_a_minute >= 3 {
            return vec![Signal::new("cross_channel_spam", 15)];
        }
        let mut signals = Vec::new();
        if in_a_minute >= 3 {
            signals.push(Signal::new("channel_hop_fast", 4));
        } else if channels(5 * MINUTE) >= 5 {
            signals.push(Signal::new("channel_hop_slow", 3));
        }
        if !repeats_excused && self.identical_within(5 * MINUTE).count() >= 2 {
            signals.push(Signal::new("duplicate_messages", 5));
        }
        if self.within(30 * SECOND).count() >= 5 {
            signals.push(Signal::new("rapid_fire", 3));
        }
        signals
    }

    /// The judged message and its identical ones of the last five minutes, by channel.
    pub(crate) fn burst(&self) -> BTreeMap<Id, Vec<Id>> {
        let mut burst = BTreeMap::<_, Vec<_>>::new();
        for entry in self.identical_within(5 * MINUTE) {
            burst.entry(entry.channel).or_default().push(entry.message);
        }
        burst
    }
}

/// Forgets what is too old to count.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    database
        .execute(
            "DELETE FROM spam_guard_messages WHERE at < ?1",
            params![now.saturating_sub(KEPT)],
        )
        .map(drop)
}

/// What makes two messages the same: text without case and outer space, embeds' texts, and attachments.
fn identity(message: &Message) -> i64 {
    let mut attachments: Vec<_> = message.attachments.iter().map(|attachment| attachment.id).collect();
    attachments.sort_unstable();
    let text = judged_text(message).trim().to_lowercase();
    let attached = attachments.iter().flat_map(|id| id.to_le_bytes());
    // FNV-1a, 64 bits (RFC 9923): the same on every machine and in every version, as it is stored.
    let hash = text
        .bytes()
        .chain(attached)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    hash.cast_signed()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use guildhall_sdk::{Attachment, User};

    pub(crate) fn message(id: Id, channel: Id, sent_at: Timestamp, content: &str) -> Message {
        Message {
            id,
            channel,
            author: User {
                id: 1,
                username: "user".into(),
                global_name: None,
                bot: false,
            },
            member: None,
            webhook: false,
            kind: 0,
            content: content.into(),
            sent_at,
            edited_at: None,
            mentions_everyone: false,
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            attachments: Vec::new(),
            embeds: Vec::new(),
            reply_to: None,
        }
    }

    /// The last message is judged; each is (seconds, channel, text).
    fn history(messages: &[(u64, Id, &str)]) -> History {
        let mut entries: Vec<_> = (1..)
            .zip(messages)
            .map(|(id, (seconds, channel, content))| {
                let message = message(id, *channel, seconds * SECOND + KEPT, content);
                Entry {
                    message: id,
                    channel: *channel,
                    at: message.sent_at,
                    identity: identity(&message),
                }
            })
            .collect();
        let current = entries.pop().expect("a message");
        History::of(current, entries.into_iter().rev())
    }

    fn signals(messages: &[(u64, Id, &str)]) -> Vec<(&'static str, i32)> {
        history(messages)
            .signals(false)
            .into_iter()
            .map(|signal| (signal.name, signal.points))
            .collect()
    }

    #[test]
    fn one_message_says_nothing() {
        assert_eq!(signals(&[(0, 1, "hi")]), []);
    }

    #[test]
    fn the_same_text_in_three_channels_within_a_minute_replaces_all_else() {
        assert_eq!(
            signals(&[(0, 1, "x"), (30, 2, " X "), (60, 3, "x")]),
            [("cross_channel_spam", 15)]
        );
        assert_eq!(
            signals(&[(0, 1, "x"), (31, 2, "x"), (61, 3, "x")]),
            [("duplicate_messages", 5)]
        );
    }

    #[test]
    fn hopping_is_fast_or_slow_and_not_both() {
        assert_eq!(
            signals(&[(0, 1, "a"), (20, 2, "b"), (40, 3, "c")]),
            [("channel_hop_fast", 4)]
        );
        let slow = [(0, 1, "a"), (70, 2, "b"), (140, 3, "c"), (210, 4, "d"), (280, 5, "e")];
        assert_eq!(signals(&slow), [("channel_hop_slow", 3)]);
        assert_eq!(signals(&slow[..4]), []);
    }

    #[test]
    fn repetition_and_speed_add_up() {
        assert_eq!(signals(&[(0, 1, "a"), (300, 1, "a")]), [("duplicate_messages", 5)]);
        assert_eq!(signals(&[(0, 1, "a"), (301, 1, "a")]), []);
        let fast = [(0, 1, "a"), (5, 1, "b"), (10, 1, "c"), (20, 1, "d"), (30, 1, "e")];
        assert_eq!(signals(&fast), [("rapid_fire", 3)]);
    }

    #[test]
    fn excused_repetition_leaves_the_rest() {
        let spam = history(&[(0, 1, "x"), (30, 2, "x"), (60, 3, "x")]);
        assert_eq!(spam.signals(true), [Signal::new("channel_hop_fast", 4)]);
    }

    #[test]
    fn a_burst_holds_every_copy_by_channel() {
        let spam = history(&[(0, 1, "other"), (1, 1, "x"), (2, 2, "x"), (3, 1, "x")]);
        assert_eq!(spam.burst(), BTreeMap::from([(1, vec![4, 2]), (2, vec![3])]));
    }

    #[test]
    fn different_attachments_are_different_messages() {
        let with = |ids: &[Id]| {
            let mut message = message(1, 1, 0, "");
            message.attachments = ids
                .iter()
                .map(|id| Attachment {
                    id: *id,
                    filename: "f".into(),
                    content_type: None,
                    size: 1,
                    url: String::new(),
                })
                .collect();
            identity(&message)
        };
        assert_ne!(with(&[1]), with(&[2]));
        assert_eq!(with(&[1, 2]), with(&[2, 1]));
    }
}
