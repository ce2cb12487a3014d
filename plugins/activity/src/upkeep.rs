//! What happens every hour: messages of past hours are added up by day, and what is old is forgotten. Each message is added
//! up once; what changes in it later is corrected by the schema's triggers. A call does a bounded part and asks for another
//! one: a guild may have been taken over with years of messages.

use crate::moment::{DAY, day, first_message, settled_before};
use crate::names;
use crate::schema::FIGURES;
use crate::settings::Settings;
use guildhall_sdk::{Action, Context, Database, Error, Id, Timestamp, params};

/// The recurring timer.
pub(crate) const HOURLY: &str = "hourly";
/// Comes soon where a call has not done everything.
pub(crate) const MORE: &str = "more";

/// Messages that a call adds up.
const ADDED_UP: u32 = 10_000;
/// Messages that a call forgets.
const FORGOTTEN: u32 = 5000;
/// Days of members' figures that a call forgets.
const FORGOTTEN_DAYS: u32 = 5;
/// Rows of members' figures that are kept at most; the oldest days go first.
const MEMBER_DAYS: u64 = 300_000;
/// Until the next call.
const PAUSE: Timestamp = 2000;

/// How far the sums go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct State {
    /// The day that feeds end with.
    pub(crate) today: u64,
    /// Messages below are added up.
    pub(crate) rolled_to: Id,
    /// Messages below are forgotten, or will be.
    pub(crate) kept_from: Id,
}

impl State {
    pub(crate) fn read(database: &Database) -> Result<Self, Error> {
        let row = database.query_first("SELECT today, rolled_to, kept_from FROM activity_state", params![])?;
        let (today, rolled_to, kept_from) = row.unwrap_or_default();
        Ok(Self {
            today,
            rolled_to,
            kept_from,
        })
    }
}

/// Does the next part of what is due.
pub(crate) fn run(context: &Context, settings: &Settings) -> Result<(), Error> {
    let (database, now) = (Database::open()?, context.now());
    let state = State::read(&database)?;
    if state.today != day(now) {
        database.execute("UPDATE activity_state SET today = ?1", params![day(now)])?;
        names::refresh(context, &database)?;
        // Answers to Discord have ended long ago.
        database.execute(
            "DELETE FROM activity_exports WHERE asked_at < ?1",
            params![now.saturating_sub(DAY)],
        )?;
    }
    let is_done = add_up_next(&database, &state, now)?
        && forget_messages(&database, settings, now)?
        && forget_members(&database, settings, now)?;
    if is_done {
        return Ok(());
    }
    Action::schedule_timer(MORE, now + PAUSE, "").submit()
}

/// Adds the next messages up; answers whether those were all.
fn add_up_next(database: &Database, state: &State, now: Timestamp) -> Result<bool, Error> {
    let settled = settled_before(now);
    if state.rolled_to >= settled {
        return Ok(true);
    }
    let sql = "SELECT message FROM activity_messages WHERE message >= ?1 AND message < ?2
               ORDER BY message LIMIT 1 OFFSET ?3";
    let further: Option<(Id,)> = database.query_first(sql, params![state.rolled_to, settled, ADDED_UP])?;
    let end = further.map_or(settled, |(message,)| message);
    add_up(database, state.rolled_to, end)?;
    database.execute("UPDATE activity_state SET rolled_to = ?1", params![end])?;
    Ok(further.is_none())
}

/// Adds these messages to the figures of their days.
pub(crate) fn add_up(database: &Database, from: Id, end: Id) -> Result<(), Error> {
    let sql = "SELECT min(day), max(day) FROM activity_messages WHERE message >= ?1 AND message < ?2";
    let Some((Some(first), Some(last))) =
        database.query_first::<(Option<u64>, Option<u64>)>(sql, params![from, end])?
    else {
        return Ok(());
    };
    let sums = "count(*), sum(characters), sum(words), sum(code_blocks), sum(link_count),
         sum(replied_to IS NOT NULL AND replied_to <> author), sum(react_count)
         FROM activity_messages WHERE message >= ?1 AND message < ?2";
    let adds = "messages = messages + excluded.messages, characters = characters + excluded.characters,
         words = words + excluded.words, code_blocks = code_blocks + excluded.code_blocks, links = links + excluded.links,
         replies = replies + excluded.replies, reactions = reactions + excluded.reactions";
    let statements = [
        format!(
            "INSERT INTO activity_member_days (day, member, {FIGURES}) SELECT day, author, {sums} GROUP BY day, author
             ON CONFLICT (day, member) DO UPDATE SET {adds}"
        ),
        format!(
            "INSERT INTO activity_channel_days (day, channel, category, {FIGURES})
             SELECT day, coalesce(parent, channel), max(category), {sums} GROUP BY day, coalesce(parent, channel)
             ON CONFLICT (day, channel) DO UPDATE SET category = excluded.category, {adds}"
        ),
        format!(
            "INSERT INTO activity_days (day, members, {FIGURES}) SELECT day, 0, {sums} GROUP BY day
             ON CONFLICT (day) DO UPDATE SET {adds}"
        ),
        "INSERT INTO activity_members (member, name, first_day, last_day)
         SELECT author, max(name), min(day), max(day) FROM activity_messages WHERE message >= ?1 AND message < ?2
         GROUP BY author
         ON CONFLICT (member) DO UPDATE SET name = excluded.name, first_day = min(first_day, excluded.first_day),
             last_day = max(last_day, excluded.last_day)"
            .to_owned(),
    ];
    for statement in statements {
        database.execute(&statement, params![from, end])?;
    }
    let members = "UPDATE activity_days SET members = (
                       SELECT count(*) FROM activity_member_days WHERE activity_member_days.day = activity_days.day
                   ) WHERE day BETWEEN ?1 AND ?2";
    database.execute(members, params![first, last]).map(drop)
}

/// Forgets messages that are too old or too many; answers whether all of them are.
fn forget_messages(database: &Database, settings: &Settings, now: Timestamp) -> Result<bool, Error> {
    let state = State::read(database)?;
    let since = day(now).saturating_sub(settings.keep_days);
    let by_number = match day_beyond(database, "messages", settings.keep_messages, since)? {
        Some(beyond) if beyond >= day(now) => newest_but(database, settings.keep_messages)?,
        Some(beyond) => first_message((beyond + 1) * DAY),
        None => 0,
    };
    // What is not added up yet stays.
    let kept_from = first_message(since * DAY).max(by_number).min(state.rolled_to);
    if kept_from > state.kept_from {
        // Before the rows go: the triggers take their figures for forgotten, not for deleted.
        database.execute("UPDATE activity_state SET kept_from = ?1", params![kept_from])?;
    }
    let bound = kept_from.max(state.kept_from);
    let sql = "SELECT message FROM activity_messages WHERE message < ?1 ORDER BY message LIMIT 1 OFFSET ?2";
    let further: Option<(Id,)> = database.query_first(sql, params![bound, FORGOTTEN])?;
    let end = further.map_or(bound, |(message,)| message);
    database.execute("DELETE FROM activity_messages WHERE message < ?1", params![end])?;
    Ok(further.is_none())
}

/// The newest day with which the last days have more of this figure than so many; none where all since then have no more.
fn day_beyond(database: &Database, figure: &str, most: u64, since: u64) -> Result<Option<u64>, Error> {
    let sql = format!(
        "SELECT max(day) FROM (
             SELECT day, sum({figure}) OVER (ORDER BY day DESC) AS together FROM activity_days WHERE day >= ?2
         ) WHERE together > ?1"
    );
    let row: Option<(Option<u64>,)> = database.query_first(&sql, params![most, since])?;
    Ok(row.and_then(|(day,)| day))
}

/// The lowest id of this many newest messages.
fn newest_but(database: &Database, number: u64) -> Result<Id, Error> {
    let sql = "SELECT message FROM activity_messages ORDER BY message DESC LIMIT 1 OFFSET ?1";
    let row: Option<(Id,)> = database.query_first(sql, params![number])?;
    Ok(row.map_or(0, |(message,)| message + 1))
}

/// Forgets figures of members that are too old or too many; answers whether all of them are.
fn forget_members(database: &Database, settings: &Settings, now: Timestamp) -> Result<bool, Error> {
    let by_age = day(now).saturating_sub(settings.keep_member_days);
    // Today's figures stay, however many they are.
    let by_number =
        day_beyond(database, "members", MEMBER_DAYS, by_age)?.map_or(0, |beyond| (beyond + 1).min(day(now)));
    let first = by_age.max(by_number);
    let sql = "DELETE FROM activity_member_days WHERE day = (SELECT min(day) FROM activity_member_days) AND day < ?1";
    for forgotten in 0..FORGOTTEN_DAYS {
        if database.execute(sql, params![first])? == 0 {
            if forgotten > 0 {
                database.execute("DELETE FROM activity_members WHERE last_day < ?1", params![first])?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}
