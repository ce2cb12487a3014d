//! Tables, the triggers that keep sums true when a message changes later, and the views and feeds that others read. The
//! columns are described in docs/plugins/activity.md; they are read from outside, so that released ones never change their
//! meaning.

/// Figures as the tables of sums have them.
pub(crate) const FIGURES: &str = "messages, characters, words, code_blocks, links, replies, reactions";

/// The same figures of one message's row.
const OF_MESSAGE: &str = "1 AS messages, characters, words, code_blocks, link_count AS links,
     (replied_to IS NOT NULL AND replied_to <> author) AS replies, react_count AS reactions";

/// The same figures of several rows that have them.
const SUMS: &str = "sum(messages) AS messages, sum(characters) AS characters, sum(words) AS words,
     sum(code_blocks) AS code_blocks, sum(links) AS links, sum(replies) AS replies, sum(reactions) AS reactions";

const COLUMNS: &str = "messages INTEGER NOT NULL, characters INTEGER NOT NULL, words INTEGER NOT NULL,
     code_blocks INTEGER NOT NULL, links INTEGER NOT NULL, replies INTEGER NOT NULL, reactions INTEGER NOT NULL";

/// Days of the feed of participants.
const PARTICIPANTS: u32 = 30;
/// Days of the feed of long-time helpers: 13 weeks.
const COHORT: u32 = 91;
/// Days since somebody's first message after which they count as long-time.
const LONG_TIME: u32 = 180;

/// The steps of the schema, in their order.
pub(crate) fn steps() -> [String; 5] {
    [tables(), triggers(), views(), portal(), feeds()]
}

fn tables() -> String {
    format!(
        "CREATE TABLE activity_messages (
             message INTEGER PRIMARY KEY, author INTEGER NOT NULL, name TEXT NOT NULL, channel INTEGER NOT NULL,
             parent INTEGER, category INTEGER, replied_to INTEGER, characters INTEGER NOT NULL, words INTEGER NOT NULL,
             code TEXT, code_blocks INTEGER NOT NULL, links TEXT, link_count INTEGER NOT NULL,
             react_count INTEGER NOT NULL DEFAULT 0,
             sent_at INTEGER GENERATED ALWAYS AS ((message >> 22) + 1420070400000) VIRTUAL,
             day INTEGER GENERATED ALWAYS AS (((message >> 22) + 1420070400000) / 86400000) VIRTUAL
         );
         CREATE TABLE activity_days (day INTEGER PRIMARY KEY, members INTEGER NOT NULL, {COLUMNS});
         CREATE TABLE activity_member_days (
             day INTEGER NOT NULL, member INTEGER NOT NULL, {COLUMNS}, PRIMARY KEY (day, member)
         ) WITHOUT ROWID;
         CREATE TABLE activity_channel_days (
             day INTEGER NOT NULL, channel INTEGER NOT NULL, category INTEGER, {COLUMNS}, PRIMARY KEY (day, channel)
         ) WITHOUT ROWID;
         CREATE TABLE activity_members (
             member INTEGER PRIMARY KEY, name TEXT NOT NULL, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL
         );
         CREATE TABLE activity_channels (
             channel INTEGER PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, category INTEGER
         );
         CREATE TABLE activity_left_out (member INTEGER PRIMARY KEY, since INTEGER NOT NULL);
         CREATE TABLE activity_exports (
             member INTEGER PRIMARY KEY, interaction INTEGER NOT NULL, token TEXT NOT NULL, asked_at INTEGER NOT NULL,
             part INTEGER NOT NULL, last_message INTEGER, end_message INTEGER NOT NULL
         );
         CREATE TABLE activity_state (
             id INTEGER PRIMARY KEY CHECK (id = 1), today INTEGER NOT NULL, rolled_to INTEGER NOT NULL,
             kept_from INTEGER NOT NULL
         );
         INSERT INTO activity_state VALUES (1, 0, 0, 0);"
    )
}

/// A message that is added up already takes its figures along when it changes or goes. One that is forgotten because of its
/// age does not: it is below `kept_from` by then.
fn triggers() -> String {
    let when = "WHEN old.message < (SELECT rolled_to FROM activity_state)
                 AND old.message >= (SELECT kept_from FROM activity_state)";
    let changed = "characters = characters + new.characters - old.characters, words = words + new.words - old.words,
         code_blocks = code_blocks + new.code_blocks - old.code_blocks, links = links + new.link_count - old.link_count,
         reactions = reactions + new.react_count - old.react_count";
    let gone = "messages = messages - 1, characters = characters - old.characters, words = words - old.words,
         code_blocks = code_blocks - old.code_blocks, links = links - old.link_count,
         replies = replies - (old.replied_to IS NOT NULL AND old.replied_to <> old.author),
         reactions = reactions - old.react_count";
    let of_member = "day = old.day AND member = old.author";
    let of_channel = "day = old.day AND channel = coalesce(old.parent, old.channel)";
    format!(
        "CREATE TRIGGER activity_messages_changed
         AFTER UPDATE OF characters, words, code_blocks, link_count, react_count ON activity_messages {when}
         BEGIN
             UPDATE activity_member_days SET {changed} WHERE {of_member};
             UPDATE activity_channel_days SET {changed} WHERE {of_channel};
             UPDATE activity_days SET {changed} WHERE day = old.day;
         END;
         CREATE TRIGGER activity_messages_gone AFTER DELETE ON activity_messages {when}
         BEGIN
             UPDATE activity_member_days SET {gone} WHERE {of_member};
             UPDATE activity_channel_days SET {gone} WHERE {of_channel};
             UPDATE activity_days SET {gone}, members = members - EXISTS (
                 SELECT 1 FROM activity_member_days WHERE {of_member} AND messages = 0
             ) WHERE day = old.day;
             DELETE FROM activity_member_days WHERE {of_member} AND messages = 0;
             DELETE FROM activity_channel_days WHERE {of_channel} AND messages = 0;
         END;"
    )
}

/// What is added up and what is not yet, in one. `since` limits both to days: it is pushed down here by hand, because
/// SQLite pushes nothing through a grouping.
fn by_member(since: &str) -> String {
    format!(
        "SELECT day, member, {FIGURES} FROM activity_member_days WHERE day >= {since}
         UNION ALL
         SELECT day, author, {OF_MESSAGE} FROM activity_messages
         WHERE message >= (SELECT rolled_to FROM activity_state) AND day >= {since}"
    )
}

fn views() -> String {
    let yesterday = ago(1);
    let recent = by_member(&yesterday);
    format!(
        "CREATE VIEW activity_by_member AS
         SELECT day, member, {FIGURES} FROM activity_member_days
         UNION ALL
         SELECT day, author, {OF_MESSAGE} FROM activity_messages
         WHERE message >= (SELECT rolled_to FROM activity_state);

         CREATE VIEW activity_by_day AS
         SELECT day, date(day * 86400, 'unixepoch') AS date, members, {FIGURES} FROM activity_days WHERE day < {yesterday}
         UNION ALL
         SELECT day, date(day * 86400, 'unixepoch'), count(DISTINCT member), {SUMS} FROM ({recent}) GROUP BY day;"
    )
}

/// So many days before today.
fn ago(days: u32) -> String {
    format!("(SELECT today - {days} FROM activity_state)")
}

/// Queries, kept as text: as views each would take memory of every open file, and they are asked seldom.
fn feeds() -> String {
    let participants = by_member(&ago(PARTICIPANTS - 1));
    let cohort = by_member(&ago(COHORT - 1));
    let weeks = COHORT / 7;
    let ranks: Vec<_> = ["weeks", "words", "code_blocks", "replies", "reactions"]
        .map(|figure| format!("percent_rank() OVER (ORDER BY {figure}) AS {figure}_rank"))
        .into();
    let ranks = ranks.join(", ");
    let feeds = [
        (
            "by_channel",
            format!(
                "SELECT day, channel, category, {FIGURES} FROM activity_channel_days
         UNION ALL
         SELECT day, coalesce(parent, channel), category, {OF_MESSAGE} FROM activity_messages
         WHERE message >= (SELECT rolled_to FROM activity_state)"
            ),
        ),
        ("channel_totals", totals("channel")),
        ("category_totals", totals("category")),
        (
            "participants",
            format!(
                "SELECT rank() OVER (ORDER BY days DESC, messages DESC) AS place, member, activity_members.name AS name, days,
                min(1.0, days / {PARTICIPANTS}.0) AS consistency, {FIGURES}
         FROM (SELECT member, count(DISTINCT day) AS days, {SUMS} FROM ({participants}) GROUP BY member)
         LEFT JOIN activity_members USING (member)"
            ),
        ),
        (
            "cohort",
            format!(
                "SELECT *, (weeks_rank + words_rank + code_blocks_rank + replies_rank + reactions_rank) / 5 AS standing FROM (
             SELECT *, min(1.0, weeks / {weeks}.0) AS consistency, {ranks} FROM (
                 SELECT member, activity_members.name AS name, first_day, count(DISTINCT day) AS days,
                        count(DISTINCT ((SELECT today FROM activity_state) - day) / 7) AS weeks, {SUMS}
                 FROM ({cohort}) JOIN activity_members USING (member)
                 WHERE first_day <= (SELECT today - {LONG_TIME} FROM activity_state)
                 GROUP BY member
             )
         )"
            ),
        ),
    ];
    let rows = feeds.map(|(name, sql)| format!("('{name}', '{}')", sql.replace('\'', "''")));
    format!(
        "CREATE TABLE activity_feeds (name TEXT PRIMARY KEY, sql TEXT NOT NULL) WITHOUT ROWID;
         INSERT INTO activity_feeds VALUES {};",
        rows.join(", ")
    )
}

/// What the portal plots.
fn portal() -> String {
    "CREATE VIEW activity_portal_days AS
     SELECT 'messages of members' AS series, day, messages AS value FROM activity_by_day
     UNION ALL
     SELECT 'active members', day, members FROM activity_by_day"
        .into()
}

/// Figures of the last 30 days by channel or by category, with names as they were last known.
fn totals(what: &str) -> String {
    let since = format!("(SELECT today - {} FROM activity_state)", PARTICIPANTS - 1);
    format!(
        "SELECT figures.{what} AS {what}, activity_channels.name AS name, {SUMS} FROM (
             SELECT channel, category, {FIGURES} FROM activity_channel_days WHERE day >= {since}
             UNION ALL
             SELECT coalesce(parent, channel), category, {OF_MESSAGE} FROM activity_messages
             WHERE message >= (SELECT rolled_to FROM activity_state) AND day >= {since}
         ) AS figures LEFT JOIN activity_channels ON activity_channels.channel = figures.{what} GROUP BY figures.{what}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_plugins_own() {
        for step in steps() {
            let names = step
                .split("CREATE ")
                .skip(1)
                .filter_map(|statement| statement.split_whitespace().nth(1));
            assert!(names.into_iter().all(|name| name.starts_with("activity_")), "{step}");
        }
    }
}
