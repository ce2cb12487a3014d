//! Who deleted, by the audit log. Discord writes no entry where authors or bots delete, one for the first message that a
//! moderator deletes of a user in a channel, and counts the next ones up in the same entry.

use guildhall_sdk::{AuditLogEntry, Id, Timestamp, snowflake_unix_ms};
use serde_json::Value;
use std::collections::BTreeMap;

/// Discord's audit log event of a deleted message.
pub(crate) const MESSAGE_DELETE: u16 = 72;
/// Discord's audit log event of messages deleted at once.
pub(crate) const MESSAGE_BULK_DELETE: u16 = 73;
/// An entry older than that is not looked at: Discord begins another one long before.
const COUNTED_UP: Timestamp = 3_600_000;

/// How far an entry had been counted up when it was last seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    /// How many deletions it has explained: the events of the others may be on their way.
    pub(crate) told: u64,
    pub(crate) at: Timestamp,
}

/// A deletion by somebody else than the author.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Deleter {
    pub(crate) executor: Id,
    /// Whose message it was; none where several were deleted at once.
    pub(crate) author: Option<Id>,
    pub(crate) reason: Option<String>,
}

/// A deletion that is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// None where it is not known.
    pub(crate) author: Option<Id>,
    pub(crate) channel: Id,
    pub(crate) at: Timestamp,
    /// How many were deleted at once.
    pub(crate) messages: u64,
}

/// What the entries still have to tell: each deletion that is explained by one is taken off it.
#[derive(Debug)]
pub(crate) struct Ledger {
    lines: Vec<Line>,
    window: Timestamp,
    now: Timestamp,
}

#[derive(Debug)]
struct Line {
    entry: Id,
    bulk: bool,
    executor: Id,
    target: Option<Id>,
    channel: Option<Id>,
    reason: Option<String>,
    count: u64,
    seen: Option<Seen>,
    /// Counted up since it was last seen.
    fresh: u64,
    /// Counted up before, and not explained then.
    stale: u64,
}

impl Ledger {
    /// Reads entries, newest first, and what was seen of them before.
    pub(crate) fn of(entries: &[AuditLogEntry], seen: &BTreeMap<Id, Seen>, window: Timestamp, now: Timestamp) -> Self {
        let lines = entries.iter().filter_map(|entry| {
            let bulk = entry.action == MESSAGE_BULK_DELETE;
            let is_recent = snowflake_unix_ms(entry.id) + COUNTED_UP > now;
            if !(is_recent && (bulk || entry.action == MESSAGE_DELETE)) {
                return None;
            }
            let options: Value = serde_json::from_str(&entry.options).unwrap_or_default();
            let count = number(&options["count"]).unwrap_or(1);
            let seen = seen.get(&entry.id).copied();
            Some(Line {
                entry: entry.id,
                bulk,
                executor: entry.executor?,
                target: entry.target,
                channel: if bulk {
                    entry.target
                } else {
                    number(&options["channel_id"])
                },
                reason: entry.reason.clone(),
                count,
                seen,
                fresh: count.saturating_sub(seen.map_or(0, |seen| seen.count)),
                stale: seen.map_or(0, |seen| seen.count.saturating_sub(seen.told)),
            })
        });
        Self {
            lines: lines.collect(),
            window,
            now,
        }
    }

    /// Who deleted this message; none where no entry tells it.
    pub(crate) fn take_one(&mut self, wanted: Wanted) -> Option<Deleter> {
        let window = self.window;
        let line = self.lines.iter_mut().find(|line| {
            !line.bulk
                && line.channel == Some(wanted.channel)
                && (wanted.author.is_none() || line.target == wanted.author)
                && (line.is_fresh_at(wanted.at, window) || line.is_stale_at(wanted.at, window))
        })?;
        if line.is_fresh_at(wanted.at, window) {
            line.fresh -= 1;
        } else {
            line.stale -= 1;
        }
        Some(line.deleter(line.target))
    }

    /// Who deleted these messages at once; none where no entry tells it. An entry of as many messages comes first.
    pub(crate) fn take_bulk(&mut self, wanted: Wanted) -> Option<Deleter> {
        let window = self.window;
        let fits =
            |line: &&mut Line| line.bulk && line.channel == Some(wanted.channel) && line.is_fresh_at(wanted.at, window);
        let by_count = |line: &&mut Line| line.count.abs_diff(wanted.messages);
        let line = self.lines.iter_mut().filter(fits).min_by_key(by_count)?;
        line.fresh = 0;
        Some(line.deleter(None))
    }

    /// What is to be remembered of the entries.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (Id, Seen)> + '_ {
        // A bulk entry is remembered once it has explained something: it does so only once.
        let lines = self.lines.iter().filter(|line| !line.bulk || line.fresh == 0);
        lines.filter_map(|line| {
            let is_news = snowflake_unix_ms(line.entry) + 2 * self.window >= self.now;
            // Of one that was there before anybody looked, nothing is left to be explained.
            let told = if line.seen.is_some() || is_news {
                line.count - line.fresh - line.stale
            } else {
                line.count
            };
            let seen = Seen {
                count: line.count,
                told,
                at: self.now,
            };
            let is_changed = line
                .seen
                .is_none_or(|known| (known.count, known.told) != (seen.count, seen.told));
            is_changed.then_some((line.entry, seen))
        })
    }
}

impl Line {
    /// Whether what was counted up since it was last seen, or the entry itself, may be of that moment.
    fn is_fresh_at(&self, at: Timestamp, window: Timestamp) -> bool {
        self.fresh > 0
            && match self.seen {
                Some(seen) => at + window >= seen.at,
                None => snowflake_unix_ms(self.entry).abs_diff(at) <= window,
            }
    }

    fn is_stale_at(&self, at: Timestamp, window: Timestamp) -> bool {
        self.stale > 0 && self.seen.is_some_and(|seen| seen.at.abs_diff(at) <= window)
    }

    fn deleter(&self, author: Option<Id>) -> Deleter {
        Deleter {
            executor: self.executor,
            author,
            reason: self.reason.clone(),
        }
    }
}

/// Discord writes ids and counts as texts.
fn number(value: &Value) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = 1_772_442_000_000;
    const WINDOW: Timestamp = 5000;

    fn id(at: Timestamp) -> Id {
        (at - snowflake_unix_ms(0)) << 22
    }

    fn entry(at: Timestamp, action: u16, target: Id, options: &str) -> AuditLogEntry {
        AuditLogEntry {
            id: id(at),
            action,
            executor: Some(9),
            target: Some(target),
            reason: None,
            changes: "[]".into(),
            options: options.into(),
        }
    }

    fn deleted(at: Timestamp, count: u32) -> AuditLogEntry {
        entry(
            at,
            MESSAGE_DELETE,
            7,
            &format!(r#"{{"channel_id":"5","count":"{count}"}}"#),
        )
    }

    fn wanted(author: Option<Id>, channel: Id, at: Timestamp) -> Wanted {
        Wanted {
            author,
            channel,
            at,
            messages: 1,
        }
    }

    fn ledger(entries: &[AuditLogEntry], seen: &[(Id, Seen)]) -> Ledger {
        Ledger::of(entries, &seen.iter().copied().collect(), WINDOW, NOW)
    }

    #[test]
    fn an_entry_tells_of_its_author_channel_and_moment_and_of_no_other() {
        let entries = [deleted(NOW - 1000, 1)];
        for (author, channel, at, found) in [
            (7, 5, NOW - 1100, true),
            (7, 5, NOW - 6001, false),
            (7, 5, NOW + 3999, true),
            (7, 5, NOW + 4001, false),
            (8, 5, NOW - 1100, false),
            (7, 6, NOW - 1100, false),
        ] {
            let deleter = ledger(&entries, &[]).take_one(wanted(Some(author), channel, at));
            assert_eq!(deleter.is_some(), found, "{author} {channel} {at}");
        }
    }

    #[test]
    fn one_entry_explains_as_many_deletions_as_it_counts() {
        let mut ledger = ledger(&[deleted(NOW - 100, 2)], &[]);
        let one = wanted(Some(7), 5, NOW - 100);
        assert!(ledger.take_one(one).is_some() && ledger.take_one(one).is_some());
        assert_eq!(ledger.take_one(one), None, "the third was the author's own");
        let seen = Seen {
            count: 2,
            told: 2,
            at: NOW,
        };
        assert_eq!(ledger.seen().collect::<Vec<_>>(), [(id(NOW - 100), seen)]);
    }

    #[test]
    fn an_old_entry_that_was_counted_up_explains_a_new_deletion() {
        let entry = [deleted(NOW - 600_000, 4)];
        let one = wanted(Some(7), 5, NOW - 100);
        let seen = |count| {
            [(
                entry[0].id,
                Seen {
                    count,
                    told: count,
                    at: NOW - 300_000,
                },
            )]
        };
        assert!(ledger(&entry, &seen(3)).take_one(one).is_some());
        assert_eq!(ledger(&entry, &seen(4)).take_one(one), None);
        let mut unseen = ledger(&entry, &[]);
        assert_eq!(unseen.take_one(one), None, "how many of the four are new is not known");
        let told = unseen.seen().next().map(|(_, seen)| seen.told);
        assert_eq!(told, Some(4), "and none of them explains a later one");
    }

    #[test]
    fn a_deletion_whose_event_comes_after_its_entry_is_explained_for_a_while() {
        let entry = [deleted(NOW - 100, 2)];
        let mut first = ledger(&entry, &[]);
        assert!(first.take_one(wanted(Some(7), 5, NOW - 100)).is_some());
        let seen: Vec<_> = first.seen().collect();
        assert_eq!(seen[0].1.told, 1);
        assert!(ledger(&entry, &seen).take_one(wanted(Some(7), 5, NOW + 4000)).is_some());
        assert_eq!(ledger(&entry, &seen).take_one(wanted(Some(7), 5, NOW + 6000)), None);
    }

    #[test]
    fn an_unknown_author_is_known_by_the_entry() {
        let found = ledger(&[deleted(NOW - 100, 1)], &[]).take_one(wanted(None, 5, NOW - 100));
        assert_eq!(
            found,
            Some(Deleter {
                executor: 9,
                author: Some(7),
                reason: None
            })
        );
    }

    #[test]
    fn a_bulk_entry_is_of_the_channel_and_serves_once() {
        let bulk = |at, count: u32| entry(at, MESSAGE_BULK_DELETE, 5, &format!(r#"{{"count":"{count}"}}"#));
        let mut found = ledger(&[bulk(NOW - 50, 3), bulk(NOW - 100, 40)], &[]);
        let forty = Wanted {
            author: None,
            channel: 5,
            at: NOW,
            messages: 40,
        };
        assert!(found.take_bulk(forty).is_some());
        let seen: Vec<_> = found.seen().collect();
        assert_eq!(
            seen,
            [(
                id(NOW - 100),
                Seen {
                    count: 40,
                    told: 40,
                    at: NOW
                }
            )]
        );
        assert!(found.take_bulk(forty).is_some(), "the other one is better than none");
        assert_eq!(found.take_bulk(forty), None);
        assert_eq!(found.take_one(wanted(None, 5, NOW)), None);
        assert_eq!(ledger(&[bulk(NOW - 100, 40)], &seen).take_bulk(forty), None);
    }

    #[test]
    fn entries_that_make_no_sense_are_left_out() {
        let mut nobody = deleted(NOW, 1);
        nobody.executor = None;
        let broken = entry(NOW, MESSAGE_DELETE, 7, "not JSON");
        let other = entry(NOW, 22, 7, "{}");
        let mut found = ledger(&[nobody, broken, other], &[]);
        assert_eq!(found.take_one(wanted(None, 5, NOW)), None);
    }
}
