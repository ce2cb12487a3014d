//! `/activity export`: all that is kept of a member, as JSON files by direct message. One file after the other, each when
//! the one before has arrived: a call may send only so much.

use crate::record;
use guildhall_sdk::{
    Action, ActionResult, Context, Database, Error, Id, Interaction, MessageBody, Outcome, Refusal, TextFile,
    Timestamp, params,
};

/// Between two exports of a member.
const PAUSE: Timestamp = 600_000;
/// Messages of a file.
const MESSAGES: usize = 1000;
/// Bytes of a file.
const BYTES: usize = 200_000;
/// What the token of a file begins with; the member follows.
const TOKEN: &str = "export:";
/// Discord: the user takes no direct messages from the bot.
const CLOSED: u32 = 50_007;

/// A member asks.
pub(crate) fn asked(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    let (database, member, now) = (Database::open()?, interaction.member.user.id, context.now());
    let sql = "SELECT asked_at FROM activity_exports WHERE member = ?1 AND asked_at > ?2";
    let earlier: Option<(Timestamp,)> = database.query_first(sql, params![member, now.saturating_sub(PAUSE)])?;
    if let Some((asked_at,)) = earlier {
        let text = format!(
            "Your last export is on its way or has arrived. You can ask for another one <t:{}:R>.",
            (asked_at + PAUSE) / 1000
        );
        return interaction.answer_privately(&text).submit();
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM activity_by_member WHERE member = ?1)
                   OR EXISTS (SELECT 1 FROM activity_messages WHERE author = ?1)";
    if database.query_first(sql, params![member])? != Some((true,)) {
        return interaction.answer_privately("Nothing is counted of you here.").submit();
    }
    database.execute(
        "INSERT OR REPLACE INTO activity_exports (member, interaction, token, asked_at, part, last_message, end_message)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?5)",
        params![member, interaction.id, &interaction.token, now, record::end(&database)?],
    )?;
    interaction.defer_privately().submit()?;
    send_next(context, &database, member)
}

/// What came of a file.
pub(crate) fn sent(context: &Context, result: &ActionResult) -> Result<(), Error> {
    let Some(member) = result
        .token
        .strip_prefix(TOKEN)
        .and_then(|member| member.parse::<Id>().ok())
    else {
        return Ok(());
    };
    let database = Database::open()?;
    let Some(export) = Export::of(&database, member)? else {
        return Ok(());
    };
    if let Outcome::Refused(refusal) = &result.outcome {
        // They may mend it and ask again at once.
        database.execute("DELETE FROM activity_exports WHERE member = ?1", params![member])?;
        return export.answer(&why_not(refusal));
    }
    if export.last_message.is_some() {
        return send_next(context, &database, member);
    }
    let files = if export.part == 1 {
        "1 file".to_owned()
    } else {
        format!("{} files", export.part)
    };
    export.answer(&format!(
        "All that is counted of you is in your direct messages now: {files}."
    ))
}

fn why_not(refusal: &Refusal) -> String {
    if refusal.code == CLOSED {
        return "I cannot write to you. Allow direct messages from members of this server (in the server's menu, under \
                Privacy Settings), and ask again."
            .into();
    }
    format!(
        "The file did not arrive: Discord says “{}” (code {}). Ask again later.",
        refusal.message, refusal.code
    )
}

/// An export that is under way.
struct Export {
    interaction: Id,
    token: String,
    /// Files that were sent.
    part: u64,
    /// Messages up to this one are sent; none where all are.
    last_message: Option<Id>,
    /// Above all messages that belong to it.
    end: Id,
}

impl Export {
    fn of(database: &Database, member: Id) -> Result<Option<Self>, Error> {
        let sql = "SELECT interaction, token, part, last_message, end_message FROM activity_exports WHERE member = ?1";
        let row: Option<(Id, String, u64, Option<Id>, Id)> = database.query_first(sql, params![member])?;
        Ok(row.map(|(interaction, token, part, last_message, end)| Self {
            interaction,
            token,
            part,
            last_message,
            end,
        }))
    }

    fn answer(&self, text: &str) -> Result<(), Error> {
        Action::respond_privately(self.interaction, &self.token, text).submit()
    }
}

fn send_next(context: &Context, database: &Database, member: Id) -> Result<(), Error> {
    let Some(export) = Export::of(database, member)? else {
        return Ok(());
    };
    let days = if export.part == 0 {
        days(database, member)?
    } else {
        Vec::new()
    };
    let after = export.last_message.unwrap_or(0);
    let room = BYTES.saturating_sub(days.iter().map(String::len).sum());
    let (messages, last_message) = messages(database, member, after, export.end, room)?;
    let part = export.part + 1;
    database.execute(
        "UPDATE activity_exports SET part = ?2, last_message = ?3 WHERE member = ?1",
        params![member, part, last_message],
    )?;
    let guild = context.info().map_or_else(String::new, |info| info.name);
    let file = TextFile {
        name: format!("activity-{part}.json"),
        text: document(context.guild, member, part, &days, &messages),
    };
    let body = MessageBody {
        files: vec![file],
        ..Action::body(format!(
            "What is counted of you in **{}**, file {part}.",
            guildhall_sdk::one_line(&guild, 100)
        ))
    };
    Action::send_direct(member, body)
        .token(format!("{TOKEN}{member}"))
        .submit()
}

/// The member's figures by day, each as JSON.
fn days(database: &Database, member: Id) -> Result<Vec<String>, Error> {
    let sql = "SELECT json_object('date', date(day * 86400, 'unixepoch'), 'messages', sum(messages),
                   'characters', sum(characters), 'words', sum(words), 'code_blocks', sum(code_blocks),
                   'links', sum(links), 'replies', sum(replies), 'reactions', sum(reactions))
               FROM activity_by_member WHERE member = ?1 GROUP BY day ORDER BY day";
    let rows: Vec<(String,)> = database.query(sql, params![member])?;
    Ok(rows.into_iter().map(|(row,)| row).collect())
}

/// The member's next messages, each as JSON without what it has not, and the last of them; none where there are no more.
fn messages(
    database: &Database,
    member: Id,
    after: Id,
    end: Id,
    room: usize,
) -> Result<(Vec<String>, Option<Id>), Error> {
    let sql = "SELECT message, json_patch('{}', json_object(
                   'message', CAST(message AS TEXT), 'sent_at', strftime('%Y-%m-%dT%H:%M:%SZ', sent_at / 1000, 'unixepoch'),
                   'name', name, 'channel', CAST(channel AS TEXT), 'parent', CAST(parent AS TEXT),
                   'category', CAST(category AS TEXT), 'replied_to', CAST(replied_to AS TEXT), 'characters', characters,
                   'words', words, 'code', json(code), 'links', json(links), 'react_count', react_count))
               FROM activity_messages WHERE message > ?1 AND message < ?2 AND author = ?3 ORDER BY message LIMIT ?4";
    let rows: Vec<(Id, String)> = database.query(sql, params![after, end, member, MESSAGES as u64 + 1])?;
    let mut is_last = rows.len() <= MESSAGES;
    let (mut taken, mut last, mut bytes) = (Vec::new(), None, 0);
    for (message, row) in rows.into_iter().take(MESSAGES) {
        bytes += row.len() + 2;
        // One is always taken, so that the next file goes on.
        if bytes > room && last.is_some() {
            is_last = false;
            break;
        }
        taken.push(row);
        last = Some(message);
    }
    Ok((taken, last.filter(|_| !is_last)))
}

fn document(guild: Id, member: Id, part: u64, days: &[String], messages: &[String]) -> String {
    const ABOUT: &str = "Numbers of your messages, never their text. days: sums of each day (UTC); replies are to others, \
        reactions are those you received. messages: characters and words are counted outside of code blocks; \
        code: language, characters and lines of each code block; links: how often each host is linked; \
        parent: the channel of a thread; replied_to: whom the message replies to, 0 where that person erased it.";
    let list = |rows: &[String]| rows.join(",\n");
    format!(
        "{{\"about\": \"{ABOUT}\",\n\"server\": \"{guild}\", \"member\": \"{member}\", \"file\": {part},\n\
         \"days\": [\n{}\n],\n\"messages\": [\n{}\n]}}\n",
        list(days),
        list(messages)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json() {
        let rows = ["{\"words\":1}".to_owned(), "{\"words\":2}".to_owned()];
        for (days, messages) in [(&rows[..], &rows[..]), (&[], &[])] {
            let text = document(1, 2, 3, days, messages);
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((&value["file"], &value["member"]), (&3.into(), &"2".into()));
            assert_eq!(value["messages"].as_array().map(Vec::len), Some(messages.len()));
        }
    }
}
