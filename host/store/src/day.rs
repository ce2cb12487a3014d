//! What a guild saw on each day: counted by the host in the batches' own transactions, kept for the portal's plots.

use crate::error::StoreError;
use crate::open::GuildStore;
use guildhall_model::UnixMilliseconds;
use serde::Serialize;

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// One day, by UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Day {
    /// Days since 1970-01-01.
    pub day: u64,
    /// Messages that plugins were called for.
    pub messages: u64,
    /// Actions for Discord that plugins asked for.
    pub actions: u64,
}

impl GuildStore {
    /// Adds to the day of this moment; part of the open transaction.
    pub fn count_day(&mut self, now: UnixMilliseconds, messages: u64, actions: u64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO guildhall_days (day, messages, actions) VALUES (?1, ?2, ?3)
                 ON CONFLICT (day) DO UPDATE SET messages = messages + ?2, actions = actions + ?3",
            )
            .and_then(|mut statement| statement.execute((now / DAY, messages, actions)))
            .map(drop)
            .map_err(|source| self.failed(source))
    }

    /// The last days up to this moment, oldest first; a day without anything is there with zeros.
    pub fn last_days(&self, now: UnixMilliseconds, days: u64) -> Result<Vec<Day>, StoreError> {
        let today = now / DAY;
        let first = today.saturating_sub(days.saturating_sub(1));
        let read = || -> rusqlite::Result<Vec<Day>> {
            self.connection
                .prepare("SELECT day, messages, actions FROM guildhall_days WHERE day >= ?1")?
                .query_map([first], |row| {
                    Ok(Day {
                        day: row.get(0)?,
                        messages: row.get(1)?,
                        actions: row.get(2)?,
                    })
                })?
                .collect()
        };
        let known = read().map_err(|source| self.failed(source))?;
        Ok((first..=today)
            .map(|day| {
                known.iter().find(|known| known.day == day).copied().unwrap_or(Day {
                    day,
                    messages: 0,
                    actions: 0,
                })
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::StoreLimits;
    use crate::transaction::Undo;
    use guildhall_model::GuildId;

    #[test]
    fn days_add_up_and_gaps_are_zero() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut store = GuildStore::open(directory.path(), GuildId(1), &StoreLimits::default())
            .expect("it opens")
            .store;
        let now = 20_000 * DAY + 5;
        for (at, messages) in [(now - 2 * DAY, 3), (now, 4), (now, 1)] {
            store.begin(Undo::Call).expect("a transaction");
            store.count_day(at, messages, 1).expect("counted");
            store.commit(at).expect("committed");
        }
        let days = store.last_days(now, 3).expect("read");
        let messages: Vec<_> = days.iter().map(|day| (day.day, day.messages, day.actions)).collect();
        assert_eq!(messages, [(19_998, 3, 1), (19_999, 0, 0), (20_000, 5, 2)]);
    }
}
