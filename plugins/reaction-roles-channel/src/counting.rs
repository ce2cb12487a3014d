//! Who reacted to what with the emoji that have a channel. Bots have rows too, so that they can be taken off what Discord
//! counts, and are counted by nobody.

use crate::targets;
use guildhall_sdk::{Database, Error, Id, Timestamp, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE reaction_roles_channel_reactions (
    message INTEGER NOT NULL, emoji TEXT NOT NULL, user INTEGER NOT NULL, bot INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (message, emoji, user)
) WITHOUT ROWID;
CREATE INDEX reaction_roles_channel_reactions_age ON reaction_roles_channel_reactions (at)";

/// More rows than this, and the oldest go early.
const ROWS: u32 = 200_000;
/// Reactions that Discord may count before their events are here.
const UNDER_WAY: u64 = 10;

/// What is known of the reactions to a message with one emoji.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) people: u64,
    pub(crate) bots: u64,
}

/// What follows from a count of Discord's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The threshold was reached by a reaction that is known.
    Reached,
    /// Not yet.
    Below,
    /// It seems to have been reached before anybody counted, unless events are still under way.
    Unsure,
    /// It was reached before anybody counted.
    Past,
}

/// Notes a reaction; false where it was known.
pub(crate) fn note(
    database: &Database,
    message: Id,
    emoji: &str,
    user: Id,
    is_bot: bool,
    at: Timestamp,
) -> Result<bool, Error> {
    let new = database.execute(
        "INSERT OR IGNORE INTO reaction_roles_channel_reactions (message, emoji, user, bot, at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![message, emoji, user, is_bot, at],
    )?;
    Ok(new > 0)
}

pub(crate) fn forget(database: &Database, message: Id, emoji: &str, user: Id) -> Result<(), Error> {
    database.execute(
        "DELETE FROM reaction_roles_channel_reactions WHERE message = ?1 AND emoji = ?2 AND user = ?3",
        params![message, emoji, user],
    )?;
    Ok(())
}

/// The message is done with for this emoji.
pub(crate) fn forget_message(database: &Database, message: Id, emoji: &str) -> Result<(), Error> {
    database.execute(
        "DELETE FROM reaction_roles_channel_reactions WHERE message = ?1 AND emoji = ?2",
        params![message, emoji],
    )?;
    Ok(())
}

pub(crate) fn forget_emoji(database: &Database, emoji: &str) -> Result<(), Error> {
    database.execute(
        "DELETE FROM reaction_roles_channel_reactions WHERE emoji = ?1",
        params![emoji],
    )?;
    Ok(())
}

pub(crate) fn known(database: &Database, message: Id, emoji: &str) -> Result<Known, Error> {
    let row: Option<(u64, u64)> = database.query_first(
        "SELECT count(*), count(*) FILTER (WHERE bot) FROM reaction_roles_channel_reactions
         WHERE message = ?1 AND emoji = ?2",
        params![message, emoji],
    )?;
    let (all, bots) = row.unwrap_or_default();
    Ok(Known {
        people: all - bots,
        bots,
    })
}

/// The people who reacted, in their order, at most so many.
pub(crate) fn people(database: &Database, message: Id, emoji: &str, limit: usize) -> Result<Vec<Id>, Error> {
    let rows: Vec<(Id,)> = database.query(
        "SELECT user FROM reaction_roles_channel_reactions WHERE message = ?1 AND emoji = ?2 AND NOT bot
         ORDER BY at, user LIMIT ?3",
        params![message, emoji, u64::try_from(limit).unwrap_or(u64::MAX)],
    )?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// Judges by what Discord counts: a message that was popular before anybody counted is not news.
pub(crate) fn judge(discords_count: u64, known: Known, threshold: u64) -> Verdict {
    let people = discords_count.saturating_sub(known.bots);
    let before = people.saturating_sub(known.people);
    if people < threshold {
        Verdict::Below
    } else if before < threshold {
        Verdict::Reached
    } else if before < threshold + UNDER_WAY {
        Verdict::Unsure
    } else {
        Verdict::Past
    }
}

/// Forgets reactions from before then, and more where there are too many.
pub(crate) fn prune(database: &Database, before: Timestamp) -> Result<(), Error> {
    let too_many: Option<(Timestamp,)> = database.query_first(
        "SELECT at FROM reaction_roles_channel_reactions ORDER BY at DESC LIMIT 1 OFFSET ?1",
        params![ROWS],
    )?;
    let before = too_many.map_or(before, |(at,)| before.max(at + 1));
    let forgotten = database.execute(
        "DELETE FROM reaction_roles_channel_reactions WHERE at < ?1",
        params![before],
    )?;
    if forgotten > 0 {
        targets::forget_before(database, before)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(people: u64, bots: u64) -> Known {
        Known { people, bots }
    }

    #[test]
    fn the_threshold_counts_when_a_known_reaction_reaches_it() {
        assert_eq!(judge(2, known(1, 0), 3), Verdict::Below);
        assert_eq!(judge(3, known(1, 0), 3), Verdict::Reached);
        assert_eq!(judge(4, known(2, 0), 3), Verdict::Reached, "two came at once");
        assert_eq!(judge(1, known(1, 0), 1), Verdict::Reached);
    }

    #[test]
    fn bots_do_not_count() {
        assert_eq!(judge(3, known(1, 1), 3), Verdict::Below);
        assert_eq!(judge(0, known(1, 1), 1), Verdict::Below, "and nothing underflows");
    }

    #[test]
    fn what_was_popular_before_is_past_for_sure_only_well_beyond_the_threshold() {
        assert_eq!(judge(4, known(1, 0), 3), Verdict::Unsure);
        assert_eq!(judge(14, known(1, 0), 3), Verdict::Past);
    }
}
