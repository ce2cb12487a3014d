//! What was decided, a row a message. A year is kept.

use crate::settings::Settings;
use crate::signal::{Score, Tier};
use guildhall_sdk::{Database, Error, Message, Timestamp, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE spam_guard_reports (
    message INTEGER PRIMARY KEY, author INTEGER NOT NULL, at INTEGER NOT NULL, tier TEXT NOT NULL,
    points INTEGER NOT NULL, signals TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX spam_guard_reports_author ON spam_guard_reports (author, tier)";

const MINUTE: Timestamp = 60_000;
const YEAR: Timestamp = 365 * 24 * 60 * MINUTE;

/// What was decided about an author before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earlier {
    /// High reports in this guild.
    pub(crate) high: u64,
    /// Whether the last of them is less than a minute old: what it asked for is on its way or done.
    pub(crate) high_just_now: bool,
    /// Most points of low messages that were logged lately.
    pub(crate) low_points: i32,
}

impl Earlier {
    pub(crate) fn of(database: &Database, settings: &Settings, message: &Message) -> Result<Self, Error> {
        let quiet = Timestamp::from(settings.low_quiet_minutes) * MINUTE;
        let row: Option<(u64, u64, i64)> = database.query_first(
            "SELECT count(*) FILTER (WHERE tier = 'high'),
                    coalesce(max(at) FILTER (WHERE tier = 'high'), 0),
                    coalesce(max(points) FILTER (WHERE tier = 'low' AND at > ?3), 0)
             FROM spam_guard_reports WHERE author = ?1 AND message <> ?2",
            params![message.author.id, message.id, message.sent_at.saturating_sub(quiet)],
        )?;
        let (high, last_high_at, low_points) = row.unwrap_or_default();
        Ok(Self {
            high,
            high_just_now: high > 0 && last_high_at + MINUTE >= message.sent_at,
            low_points: i32::try_from(low_points).unwrap_or(i32::MAX),
        })
    }
}

pub(crate) fn add(database: &Database, message: &Message, tier: Tier, score: &Score) -> Result<(), Error> {
    database
        .execute(
            "INSERT OR IGNORE INTO spam_guard_reports (message, author, at, tier, points, signals)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                message.id,
                message.author.id,
                message.sent_at,
                tier.name(),
                score.points,
                score.to_string(),
            ],
        )
        .map(drop)
}

/// Forgets what is more than a year old.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM spam_guard_reports WHERE at < ?1";
    database.execute(sql, params![now.saturating_sub(YEAR)]).map(drop)
}
