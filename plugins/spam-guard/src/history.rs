//! What the author wrote lately, and what its speed and repetition say. At most 20 messages of 30 minutes are looked at; the
//! message that is judged is one of them.

use crate::identity::Identity;
use crate::settings::Settings;
use crate::signal::Signal;
use guildhall_sdk::{Database, Error, Id, Message, Timestamp, params};
use std::collections::BTreeMap;

pub(crate) const FIRST_MIGRATION: &str = "CREATE TABLE spam_guard_messages (
    author INTEGER NOT NULL, message INTEGER NOT NULL, channel INTEGER NOT NULL, at INTEGER NOT NULL,
    identity INTEGER NOT NULL, PRIMARY KEY (author, message)
) WITHOUT ROWID";

/// What it held is forgotten after half an hour anyway.
pub(crate) const MIGRATION: &str = "DROP TABLE spam_guard_messages;
CREATE TABLE spam_guard_messages (
    author INTEGER NOT NULL, message INTEGER NOT NULL, channel INTEGER NOT NULL, at INTEGER NOT NULL,
    identity INTEGER NOT NULL, files INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (author, message)
) WITHOUT ROWID";

const SECOND: Timestamp = 1000;
const KEPT: Timestamp = 30 * 60 * SECOND;
/// Besides the message that is judged.
const EARLIER: usize = 19;

/// The author's messages, newest first; the judged one is the first.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
}

/// A message as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    message: Id,
    channel: Id,
    at: Timestamp,
    identity: Identity,
    /// Whether the plugin has had it deleted.
    is_deleted: bool,
}

impl Entry {
    pub(crate) fn of(message: &Message, identity: Identity) -> Self {
        Self {
            message: message.id,
            channel: message.channel,
            at: message.sent_at,
            identity,
            is_deleted: false,
        }
    }
}

/// What a message is allowed to do that others are not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leave {
    /// To be written again and again.
    pub(crate) repeat: bool,
    /// To come quickly, and in many channels, as long as it is not repeated.
    pub(crate) hurry: bool,
}

impl History {
    /// Reads what the author wrote before, and adds the message.
    pub(crate) fn with(database: &Database, message: &Message, identity: Identity) -> Result<Self, Error> {
        let author = message.author.id;
        let earlier: Vec<(u64, u64, u64, i64, i64, bool)> = database.query(
            "SELECT message, channel, at, identity, files, deleted FROM spam_guard_messages
             WHERE author = ?1 AND message <> ?2 ORDER BY message DESC LIMIT 19",
            params![author, message.id],
        )?;
        database.execute(
            "INSERT OR IGNORE INTO spam_guard_messages (author, message, channel, at, identity, files)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                author,
                message.id,
                message.channel,
                message.sent_at,
                identity.message,
                identity.files
            ],
        )?;
        if let Some((oldest, ..)) = earlier.last().filter(|_| earlier.len() >= EARLIER) {
            let sql = "DELETE FROM spam_guard_messages WHERE author = ?1 AND message < ?2";
            database.execute(sql, params![author, *oldest])?;
        }
        let current = Entry::of(message, identity);
        let earlier = earlier
            .into_iter()
            .map(|(message, channel, at, identity, files, is_deleted)| Entry {
                message,
                channel,
                at,
                identity: Identity {
                    message: identity,
                    files,
                },
                is_deleted,
            });
        Ok(Self::of(current, earlier))
    }

    /// The judged message, and what came before it, newest first.
    pub(crate) fn of(current: Entry, earlier: impl Iterator<Item = Entry>) -> Self {
        let recent = earlier.filter(|entry| entry.at + KEPT > current.at);
        Self {
            entries: std::iter::once(current).chain(recent).collect(),
        }
    }

    fn within(&self, seconds: u32) -> impl Iterator<Item = &Entry> {
        let now = self.entries[0].at;
        let reach = Timestamp::from(seconds) * SECOND;
        self.entries.iter().filter(move |entry| entry.at + reach >= now)
    }

    fn identical_within(&self, seconds: u32) -> impl Iterator<Item = &Entry> {
        let identity = self.entries[0].identity.message;
        self.within(seconds)
            .filter(move |entry| entry.identity.message == identity)
    }

    fn same_files_within(&self, seconds: u32) -> impl Iterator<Item = &Entry> {
        let files = self.entries[0].identity.files;
        self.within(seconds)
            .filter(move |entry| files != 0 && entry.identity.files == files)
    }

    pub(crate) fn signals(&self, settings: &Settings, leave: Leave) -> Vec<Signal> {
        let wave = settings.cross_channel_seconds;
        let needed = (
            settings.cross_channel_messages as usize,
            settings.cross_channel_channels as usize,
        );
        let is_wave = |copies: usize, places: usize| copies >= needed.0 && places >= needed.1;
        if !leave.repeat {
            let (copies, places) = (
                self.identical_within(wave).count(),
                channels(self.identical_within(wave)),
            );
            if settings.points_cross_channel != 0 && is_wave(copies, places) {
                let seen = format!("{copies} messages in {places} channels");
                return vec![Signal::new("cross_channel_spam", settings.points_cross_channel).seen(&seen)];
            }
            let (copies, places) = (
                self.same_files_within(wave).count(),
                channels(self.same_files_within(wave)),
            );
            if settings.points_file_wave != 0 && is_wave(copies, places) {
                let seen = format!("the same files in {places} channels");
                return vec![Signal::new("file_wave", settings.points_file_wave).seen(&seen)];
            }
        }
        let repeated = self.identical_within(settings.duplicate_seconds).count();
        let is_repeated = !leave.repeat && repeated >= settings.duplicate_messages as usize;
        let mut signals = Vec::new();
        if is_repeated {
            let seen = format!("{repeated} times");
            signals.push(Signal::new("duplicate_messages", settings.points_duplicate).seen(&seen));
        }
        if leave.hurry && !is_repeated {
            return signals;
        }
        let (fast, slow) = (settings.hop_fast_seconds, settings.hop_slow_seconds);
        let (quickly, slowly) = (channels(self.within(fast)), channels(self.within(slow)));
        if quickly >= settings.hop_fast_channels as usize {
            let seen = format!("{quickly} channels in {fast} s");
            signals.push(Signal::new("channel_hop_fast", settings.points_hop_fast).seen(&seen));
        } else if slowly >= settings.hop_slow_channels as usize {
            let seen = format!("{slowly} channels in {slow} s");
            signals.push(Signal::new("channel_hop_slow", settings.points_hop_slow).seen(&seen));
        }
        let at_once = self.within(settings.rapid_fire_seconds).count();
        if at_once >= settings.rapid_fire_messages as usize {
            let seen = format!("{at_once} messages in {} s", settings.rapid_fire_seconds);
            signals.push(Signal::new("rapid_fire", settings.points_rapid_fire).seen(&seen));
        }
        signals
    }

    /// How many times the message stands there, and in how many channels; its files sent anew count too.
    pub(crate) fn spread(&self, settings: &Settings) -> (usize, usize) {
        let seconds = settings.cross_channel_seconds;
        let copies = || self.copies_within(seconds);
        (copies().count(), channels(copies()))
    }

    /// The judged message and its copies of the last minutes that still stand, by channel.
    pub(crate) fn standing_copies(&self, settings: &Settings) -> BTreeMap<Id, Vec<Id>> {
        let mut copies = BTreeMap::<_, Vec<_>>::new();
        let reach = settings.duplicate_seconds.max(settings.cross_channel_seconds);
        for entry in self.copies_within(reach).filter(|entry| !entry.is_deleted) {
            copies.entry(entry.channel).or_default().push(entry.message);
        }
        copies
    }

    fn copies_within(&self, seconds: u32) -> impl Iterator<Item = &Entry> {
        let Identity { message, files } = self.entries[0].identity;
        self.within(seconds).filter(move |entry| {
            let other = entry.identity;
            other.message == message || (files != 0 && other.files == files)
        })
    }
}

fn channels<'entries>(entries: impl Iterator<Item = &'entries Entry>) -> usize {
    let mut channels: Vec<_> = entries.map(|entry| entry.channel).collect();
    channels.sort_unstable();
    channels.dedup();
    channels.len()
}

/// Remembers that a message is being deleted: the next copy's judgement need not ask for it again.
pub(crate) fn mark_deleted(database: &Database, author: Id, message: Id) -> Result<(), Error> {
    let sql = "UPDATE spam_guard_messages SET deleted = 1 WHERE author = ?1 AND message = ?2";
    database.execute(sql, params![author, message]).map(drop)
}

/// Forgets what is too old to count.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM spam_guard_messages WHERE at < ?1";
    database.execute(sql, params![now.saturating_sub(KEPT)]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attachment, message};
    use crate::text::Text;

    const NONE: Leave = Leave {
        repeat: false,
        hurry: false,
    };

    fn of(mut entries: Vec<Entry>) -> History {
        let current = entries.pop().expect("a message");
        History::of(current, entries.into_iter().rev())
    }

    fn entry(message: &Message) -> Entry {
        Entry::of(message, Identity::of(message, &Text::of(message)))
    }

    /// The last message is judged; each is (seconds, channel, text).
    fn history(messages: &[(u64, Id, &str)]) -> History {
        let messages = (1..).zip(messages);
        of(messages
            .map(|(id, (seconds, channel, content))| entry(&message(id, *channel, seconds * SECOND + KEPT, content)))
            .collect())
    }

    fn signals_with(messages: &[(u64, Id, &str)], leave: Leave) -> Vec<(&'static str, i32)> {
        let signals = history(messages).signals(&Settings::default(), leave).into_iter();
        signals.map(|signal| (signal.name, signal.points)).collect()
    }

    fn signals(messages: &[(u64, Id, &str)]) -> Vec<(&'static str, i32)> {
        signals_with(messages, NONE)
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
    fn three_copies_in_one_channel_are_no_cross_channel_spam() {
        let messages = [(0, 1, "x"), (1, 2, "a"), (2, 3, "b"), (3, 1, "x"), (4, 1, "x")];
        let expected = [("duplicate_messages", 5), ("channel_hop_fast", 4), ("rapid_fire", 3)];
        assert_eq!(signals(&messages), expected);
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
    fn repetition_and_speed_have_their_bounds() {
        assert_eq!(signals(&[(0, 1, "a"), (300, 1, "a")]), [("duplicate_messages", 5)]);
        assert_eq!(signals(&[(0, 1, "a"), (301, 1, "a")]), []);
        let fast = [(0, 1, "a"), (5, 1, "b"), (10, 1, "c"), (20, 1, "d"), (30, 1, "e")];
        assert_eq!(signals(&fast), [("rapid_fire", 3)]);
        assert_eq!(signals(&fast[1..]), []);
    }

    #[test]
    fn leave_to_repeat_leaves_speed_and_leave_to_hurry_leaves_repetition() {
        let wave = [(0, 1, "x"), (30, 2, "x"), (60, 3, "x")];
        let (repeat, hurry) = (true, true);
        assert_eq!(
            signals_with(&wave, Leave { repeat, hurry: false }),
            [("channel_hop_fast", 4)]
        );
        assert_eq!(signals_with(&wave, Leave { repeat, hurry }), []);
        assert_eq!(
            signals_with(&wave, Leave { repeat: false, hurry }),
            [("cross_channel_spam", 15)]
        );
        let repeated = [(0, 1, "x"), (30, 2, "y"), (60, 3, "x")];
        let expected = [("duplicate_messages", 5), ("channel_hop_fast", 4)];
        assert_eq!(signals_with(&repeated, Leave { repeat: false, hurry }), expected);
    }

    #[test]
    fn the_same_files_in_three_channels_are_a_wave_and_other_files_are_not() {
        let with_file = |id: Id, size: u64| {
            let mut message = message(id, id, id * SECOND + KEPT, "");
            message.attachments = vec![attachment(100 + id, "1.png", size)];
            entry(&message)
        };
        let wave = of(vec![with_file(1, 9), with_file(2, 9), with_file(3, 9)]);
        let names = |history: &History| -> Vec<_> {
            let signals = history.signals(&Settings::default(), NONE);
            signals.iter().map(|signal| signal.name).collect()
        };
        assert_eq!(names(&wave), ["file_wave"]);
        assert_eq!(wave.spread(&Settings::default()), (3, 3));
        assert_eq!(wave.standing_copies(&Settings::default()).len(), 3);
        let gallery = of(vec![with_file(1, 7), with_file(2, 8), with_file(3, 9)]);
        assert_eq!(names(&gallery), ["channel_hop_fast"]);
        assert_eq!(
            gallery.standing_copies(&Settings::default()),
            BTreeMap::from([(3, vec![3])])
        );
    }

    #[test]
    fn copies_are_found_by_channel_without_those_that_are_deleted() {
        let mut spam = history(&[(0, 1, "other"), (1, 1, "x"), (2, 2, "x"), (3, 1, "x")]);
        let copies = |spam: &History| spam.standing_copies(&Settings::default());
        assert_eq!(copies(&spam), BTreeMap::from([(1, vec![4, 2]), (2, vec![3])]));
        spam.entries[1].is_deleted = true;
        assert_eq!(copies(&spam), BTreeMap::from([(1, vec![4, 2])]));
    }

    #[test]
    fn what_is_older_than_half_an_hour_does_not_count() {
        let settings: Settings = serde_json::from_str(r#"{"duplicate_seconds":1800}"#).expect("settings");
        let signals = |messages| history(messages).signals(&settings, NONE).len();
        assert_eq!(signals(&[(0, 1, "x"), (1799, 1, "x")]), 1);
        assert_eq!(signals(&[(0, 1, "x"), (1800, 1, "x")]), 0);
    }
}
