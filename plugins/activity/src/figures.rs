//! Figures as people read them: of one member, and of those who take part most steadily.

use crate::moment::{DAY, day, first_message};
use crate::settings::Settings;
use guildhall_sdk::{Context, Database, Error, FromRow, FromValue, Id, Timestamp, Value, params};

/// Days that figures are shown for.
const SHOWN: u64 = 30;
/// Days that "mostly in" looks at, and messages of all members in them.
const LATELY: Timestamp = 7 * DAY;
const LOOKED_AT: u32 = 20_000;
/// Members of a list.
const LISTED: u64 = 10;

/// What somebody wrote in some days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figures {
    days: i64,
    messages: i64,
    words: i64,
    code_blocks: i64,
    links: i64,
    replies: i64,
    reactions: i64,
}

impl FromRow for Figures {
    const COLUMNS: usize = 7;

    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
        // A sum of no rows is NULL.
        let mut next = || {
            let read = values.next().and_then(|value| Option::<i64>::from_value(value).ok());
            read.flatten().unwrap_or(0)
        };
        Ok(Self {
            days: next(),
            messages: next(),
            words: next(),
            code_blocks: next(),
            links: next(),
            replies: next(),
            reactions: next(),
        })
    }
}

impl Figures {
    /// Of these days, both included.
    fn of(database: &Database, member: Id, first: u64, last: u64) -> Result<Self, Error> {
        let sql = "SELECT count(DISTINCT day), sum(messages), sum(words), sum(code_blocks), sum(links), sum(replies),
                       sum(reactions) FROM activity_by_member WHERE day >= ?1 AND day <= ?2 AND member = ?3";
        Ok(database
            .query_first(sql, params![first, last, member])?
            .unwrap_or_default())
    }

    fn line(&self, days: u64) -> String {
        format!(
            "{} on {} ({} %) · {} · {} · {} · {} to others · {} received",
            counted(self.messages, "message"),
            counted(self.days, "day"),
            self.days * 100 / days.cast_signed().max(1),
            counted(self.words, "word"),
            counted(self.code_blocks, "code block"),
            counted(self.links, "link"),
            counted_as(self.replies, "reply", "replies"),
            counted(self.reactions, "reaction"),
        )
    }
}

fn counted(number: i64, what: &str) -> String {
    counted_as(number, what, &format!("{what}s"))
}

fn counted_as(number: i64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// Whether this member asked not to be counted, and when.
pub(crate) fn left_out_since(database: &Database, member: Id) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT since FROM activity_left_out WHERE member = ?1";
    let row: Option<(Timestamp,)> = database.query_first(sql, params![member])?;
    Ok(row.map(|(since,)| since))
}

/// A member's figures, in the third person.
pub(crate) fn of_member(context: &Context, database: &Database, member: Id) -> Result<String, Error> {
    let today = day(context.now());
    let first = (today + 1).saturating_sub(SHOWN);
    let now = Figures::of(database, member, first, today)?;
    let before = Figures::of(database, member, first.saturating_sub(SHOWN), first.saturating_sub(1))?;
    let sql = "SELECT first_day FROM activity_members WHERE member = ?1";
    let since: Option<(u64,)> = database.query_first(sql, params![member])?;
    let mut lines = Vec::new();
    if now.messages == 0 {
        lines.push(format!("Nothing in the last {SHOWN} days."));
    } else {
        lines.push(now.line(SHOWN));
    }
    if before.messages > 0 {
        lines.push(format!("The {SHOWN} days before: {}", before.line(SHOWN)));
    }
    let places = mostly_in(context, database, member)?;
    if !places.is_empty() {
        lines.push(format!("In the last 7 days mostly in {}", places.join(", ")));
    }
    if let Some((since,)) = since {
        lines.push(format!("Counted since <t:{}:D>", since * DAY / 1000));
    }
    Ok(lines.join("\n"))
}

fn mostly_in(context: &Context, database: &Database, member: Id) -> Result<Vec<String>, Error> {
    let sql = "SELECT place, count(*) AS messages FROM (
                   SELECT author, coalesce(parent, channel) AS place FROM activity_messages
                   WHERE message >= ?1 ORDER BY message DESC LIMIT ?2
               ) WHERE author = ?3 GROUP BY place ORDER BY messages DESC, place LIMIT 3";
    let since = first_message(context.now().saturating_sub(LATELY));
    let places: Vec<(Id, i64)> = database.query(sql, params![since, LOOKED_AT, member])?;
    Ok(places
        .into_iter()
        .map(|(place, messages)| format!("<#{place}> ({messages})"))
        .collect())
}

/// What is kept of everybody, and how to have it or be rid of it.
pub(crate) fn explanation(settings: &Settings) -> String {
    format!(
        "-# Only numbers are kept, never what somebody wrote: those of each message for {} days, of each day for {} days. \
         `/activity export` sends you all that is kept of you, `/activity erase` erases it.",
        settings.keep_days, settings.keep_member_days
    )
}

/// Who took part on the most days of these, and the place of the one who asks.
pub(crate) fn top(context: &Context, database: &Database, days: u64, asked_by: Id) -> Result<String, Error> {
    let sql = "SELECT place, member, days, messages FROM (
                   SELECT rank() OVER (ORDER BY days DESC, messages DESC) AS place, member, days, messages FROM (
                       SELECT member, count(DISTINCT day) AS days, sum(messages) AS messages FROM activity_by_member
                       WHERE day > ?1 GROUP BY member
                   )
               ) WHERE place <= ?2 OR member = ?3 ORDER BY place, member LIMIT 20";
    let since = day(context.now()).saturating_sub(days);
    let rows: Vec<(u64, Id, i64, i64)> = database.query(sql, params![since, LISTED, asked_by])?;
    if rows.is_empty() {
        return Ok(format!("Nobody has written in the last {days} days."));
    }
    let told = |days: i64, messages: i64| format!("{}, {}", counted(days, "day"), counted(messages, "message"));
    let mut lines = vec![format!("**Who took part most steadily in the last {days} days**")];
    for (place, member, days, messages) in &rows {
        if *place <= LISTED {
            lines.push(format!("{place}. <@{member}>: {}", told(*days, *messages)));
        }
    }
    if let Some((place, _, days, messages)) = rows.iter().find(|row| row.1 == asked_by && row.0 > LISTED) {
        lines.push(format!("You are at place {place}: {}", told(*days, *messages)));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_a_sentence() {
        let figures = Figures {
            days: 18,
            messages: 126,
            words: 2345,
            code_blocks: 1,
            links: 0,
            replies: 1,
            reactions: 55,
        };
        assert_eq!(
            figures.line(30),
            "126 messages on 18 days (60 %) · 2345 words · 1 code block · 0 links · 1 reply to others · 55 reactions received"
        );
    }

    #[test]
    fn sums_of_nothing_are_nothing() {
        let mut values = params![
            0,
            None::<i64>,
            None::<i64>,
            None::<i64>,
            None::<i64>,
            None::<i64>,
            None::<i64>
        ]
        .to_vec()
        .into_iter();
        assert_eq!(Figures::from_row(&mut values).expect("a row"), Figures::default());
    }
}
