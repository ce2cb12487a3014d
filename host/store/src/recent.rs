//! What was applied last of the kinds of event that Discord keeps a history of, so that a later look into that history
//! neither repeats nor leaves out anything. It stands in the cursor's row and is written with it.

use guildhall_model::{UnixMilliseconds, UserId, snowflake_unix_ms};

/// Ids that are remembered one by one; those below the lowest of them count as applied.
const IDS: usize = 32;
/// Bans that are remembered.
const BANS: usize = 32;
/// How far apart in time ids of one guild may arrive in another order than their own, in bits of a snowflake: ten seconds.
const DISORDER: u64 = 10_000 << 22;
/// An audit log entry and its ban event are not further apart than this, and one user is not banned, unbanned and banned
/// again within it. Milliseconds.
const SAME_BAN: u64 = 120_000;

/// The ids of one kind of event that were applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// Everything up to here counts as applied.
    floor: u64,
    /// Applied ones above it.
    ids: Vec<u64>,
}

impl Seen {
    /// Nothing up to this id concerns the host.
    pub(crate) fn from(floor: u64) -> Self {
        Self { floor, ids: Vec::new() }
    }

    pub(crate) fn insert(&mut self, id: u64) {
        if id <= self.floor || self.ids.contains(&id) {
            return;
        }
        self.ids.push(id);
        if self.ids.len() > IDS
            && let Some(lowest) = self.ids.iter().copied().min()
        {
            self.raise(lowest);
        }
    }

    /// From now on everything up to this id counts as applied.
    pub(crate) fn raise(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        self.ids.retain(|id| *id > self.floor);
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Where to begin to look for what is missing: what lies above and is not among [`ids_after`](Self::ids_after) was
    /// not applied.
    pub(crate) fn after(&self) -> u64 {
        let highest = self.ids.iter().copied().max().unwrap_or(self.floor);
        self.floor.max(highest.saturating_sub(DISORDER))
    }

    pub(crate) fn ids_after(&self, after: u64) -> impl Iterator<Item = u64> {
        self.ids.iter().copied().filter(move |id| *id > after)
    }

    fn to_blob(&self) -> Vec<u8> {
        to_blob(std::iter::once(self.floor).chain(self.ids.iter().copied()))
    }

    fn from_blob(blob: &[u8]) -> Option<Self> {
        let mut numbers = from_blob(blob);
        let floor = numbers.next()?;
        Some(Self {
            floor,
            ids: numbers.collect(),
        })
    }
}

/// A user was banned or unbanned, told by the gateway or made from an audit log entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct SeenBan {
    user: u64,
    at: UnixMilliseconds,
    added: bool,
    /// Whether it was made from the audit log.
    made: bool,
}

/// A user was banned or unbanned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ban {
    /// The user.
    pub user: UserId,
    /// Whether it is a ban, and not the end of one.
    pub added: bool,
}

/// What was applied last; a kind that no plugin takes is none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Recent {
    pub(crate) messages: Option<Seen>,
    pub(crate) audit_log: Option<Seen>,
    bans: Vec<SeenBan>,
}

impl Recent {
    /// A ban event of the gateway came; false when it was made from the audit log before.
    pub(crate) fn take_live_ban(&mut self, ban: Ban, at: UnixMilliseconds) -> bool {
        self.take_ban(ban, at, false)
    }

    /// The audit log tells of a ban; false when the gateway told of it before.
    pub(crate) fn take_made_ban(&mut self, ban: Ban, entry: u64) -> bool {
        self.take_ban(ban, snowflake_unix_ms(entry), true)
    }

    fn take_ban(&mut self, ban: Ban, at: UnixMilliseconds, made: bool) -> bool {
        let known = self.bans.iter().position(|known| {
            known.user == ban.user.0
                && known.added == ban.added
                && known.made != made
                && known.at.abs_diff(at) <= SAME_BAN
        });
        if let Some(known) = known {
            self.bans.remove(known);
            return false;
        }
        if self.bans.len() >= BANS {
            self.bans.remove(0);
        }
        self.bans.push(SeenBan {
            user: ban.user.0,
            at,
            added: ban.added,
            made,
        });
        true
    }

    /// The columns `messages`, `audit_log` and `bans`.
    pub(crate) fn to_columns(&self) -> [Option<Vec<u8>>; 3] {
        let bans = self.bans.iter();
        let bans = bans.flat_map(|ban| [ban.user, ban.at << 2 | u64::from(ban.added) << 1 | u64::from(ban.made)]);
        [
            self.messages.as_ref().map(Seen::to_blob),
            self.audit_log.as_ref().map(Seen::to_blob),
            (!self.bans.is_empty()).then(|| to_blob(bans)),
        ]
    }

    /// Reads what [`to_columns`](Self::to_columns) wrote.
    pub(crate) fn from_columns(messages: Option<&[u8]>, audit_log: Option<&[u8]>, bans: Option<&[u8]>) -> Self {
        let numbers: Vec<_> = from_blob(bans.unwrap_or_default()).collect();
        let bans = numbers.chunks_exact(2).map(|pair| SeenBan {
            user: pair[0],
            at: pair[1] >> 2,
            added: pair[1] & 2 != 0,
            made: pair[1] & 1 != 0,
        });
        Self {
            messages: messages.and_then(Seen::from_blob),
            audit_log: audit_log.and_then(Seen::from_blob),
            bans: bans.collect(),
        }
    }
}

/// Numbers as a column of bytes.
pub(crate) fn to_blob(numbers: impl Iterator<Item = u64>) -> Vec<u8> {
    numbers.flat_map(u64::to_le_bytes).collect()
}

pub(crate) fn from_blob(blob: &[u8]) -> impl Iterator<Item = u64> {
    let (numbers, _) = blob.as_chunks();
    numbers.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_remembered_one_by_one_until_they_are_too_many() {
        let mut seen = Seen::from(100);
        for id in (200..200 + IDS as u64).rev() {
            seen.insert(id);
        }
        assert_eq!(seen.floor(), 100);
        assert!(!seen.contains(199));
        seen.insert(500);
        assert_eq!(seen.floor(), 200, "the lowest made room");
        assert!(seen.contains(500) && seen.contains(201));
        assert_eq!(Seen::from_blob(&seen.to_blob()), Some(seen));
    }

    #[test]
    fn the_look_back_ends_where_all_is_applied() {
        let mut seen = Seen::from(5);
        seen.insert(10 << 22);
        assert_eq!(seen.after(), 5, "what lies before the floor is nobody's");
        seen.insert(20_000 << 22);
        assert_eq!(seen.after(), 10_000 << 22);
        assert_eq!(seen.ids_after(seen.after()).collect::<Vec<_>>(), [20_000 << 22]);
    }

    #[test]
    fn a_ban_is_told_once_by_gateway_and_audit_log_together() {
        let entry = 7_u64 << 22;
        let at = snowflake_unix_ms(entry);
        let (user, added) = (UserId(3), true);
        for live_first in [true, false] {
            let mut recent = Recent::default();
            let mut take = |live| match live {
                true => recent.take_live_ban(Ban { user, added }, at + 900),
                false => recent.take_made_ban(Ban { user, added }, entry),
            };
            assert!(take(live_first));
            assert!(!take(!live_first));
            assert!(take(live_first), "another one");
            let lifted = Ban { user, added: false };
            assert!(recent.take_live_ban(lifted, at + 900), "the end of a ban is no ban");
            let [messages, audit_log, bans] = recent.to_columns();
            let read = Recent::from_columns(messages.as_deref(), audit_log.as_deref(), bans.as_deref());
            assert_eq!(read, recent);
        }
    }
}
