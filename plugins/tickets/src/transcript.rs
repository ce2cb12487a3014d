//! What was written in a ticket, as a text file: read from Discord page by page, newest first, until it is whole or long
//! enough.

use crate::log;
use crate::opening::{closed_message, first_message};
use crate::settings::Settings;
use crate::ticket::{self, Ticket};
use guildhall_sdk::mod_log::ReportedMessage;
use guildhall_sdk::{Action, Context, Database, Error, Id, Message, Outcome, WRITTEN, cut, params, utc};

/// Pages of transcripts that are being read; 0 is the newest.
pub(crate) const MIGRATION: &str = "CREATE TABLE tickets_pages (
    ticket INTEGER NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL, messages INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (ticket, page)
) WITHOUT ROWID";

/// Messages that Discord gives at once.
const PAGE: u64 = 100;
/// Bytes of a transcript, and of one message in it.
const BYTES: usize = 160 << 10;
const MESSAGE: usize = 8 << 10;

/// A transcript as it is attached.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Transcript {
    pub(crate) text: String,
    pub(crate) messages: u64,
    /// What is missing; empty where nothing is.
    pub(crate) missing: String,
}

/// Asks for the newest messages before the click that closed the ticket.
pub(crate) fn begin(settings: &Settings, ticket: u64, thread: Id, click: Id) -> Result<(), Error> {
    ask(settings, ticket, thread, click, 0, 0)
}

fn ask(settings: &Settings, ticket: u64, thread: Id, before: Id, page: u64, seen: u64) -> Result<(), Error> {
    let limit = asked_for(settings, seen);
    Action::fetch_messages(thread, Some(before), limit, format!("page:{ticket}:{page}")).submit()
}

/// How many messages the next page takes.
fn asked_for(settings: &Settings, seen: u64) -> u8 {
    let left = settings.transcript_messages.saturating_sub(seen);
    u8::try_from(left.clamp(1, PAGE)).unwrap_or(u8::MAX)
}

/// A page has come, or will not.
pub(crate) fn page(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    page: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    let Some(ticket) = ticket::find(database, id)? else {
        return Ok(());
    };
    let messages = match outcome {
        Outcome::Messages(messages) => messages,
        Outcome::Refused(refusal) => {
            let missing = if refusal.is_channel_gone() {
                "the thread is gone".to_owned()
            } else {
                format!(
                    "Discord does not let me read the thread: {} (code {})",
                    refusal.message, refusal.code
                )
            };
            return finish(context, database, settings, &ticket, missing);
        }
        _ => {
            return finish(
                context,
                database,
                settings,
                &ticket,
                "Discord's answer was no list of messages".into(),
            );
        }
    };
    let (bytes, seen) = so_far(database, id)?;
    let limit = u64::from(asked_for(settings, seen));
    let known = [first_message(&ticket), closed_message(&ticket)];
    let own_user = context.info().map(|guild| guild.own_user);
    let is_quote = |message: &Message| own_user == Some(message.author.id) && known.contains(&message.content);
    let written = write(messages, BYTES.saturating_sub(bytes), is_quote);
    let (count, came) = (written.messages, u64::try_from(messages.len()).unwrap_or(u64::MAX));
    database.execute(
        "INSERT OR REPLACE INTO tickets_pages (ticket, page, text, messages, seen) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, page, written.text, count, came],
    )?;
    let seen = seen + came;
    match (messages.last(), ticket.thread) {
        _ if !written.missing.is_empty() => finish(context, database, settings, &ticket, written.missing),
        (Some(oldest), Some(thread)) if came >= limit && seen < settings.transcript_messages => {
            ask(settings, id, thread, oldest.id, page + 1, seen)
        }
        _ if came >= limit => finish(
            context,
            database,
            settings,
            &ticket,
            "earlier messages are left out".into(),
        ),
        _ => finish(context, database, settings, &ticket, String::new()),
    }
}

/// Bytes and messages of the pages that are there.
fn so_far(database: &Database, ticket: u64) -> Result<(usize, u64), Error> {
    let row: Option<(Option<u64>, Option<u64>)> = database.query_first(
        "SELECT sum(length(CAST(text AS BLOB))), sum(seen) FROM tickets_pages WHERE ticket = ?1",
        params![ticket],
    )?;
    let (bytes, seen) = row.unwrap_or_default();
    Ok((
        usize::try_from(bytes.unwrap_or(0)).unwrap_or(usize::MAX),
        seen.unwrap_or(0),
    ))
}

fn finish(
    context: &Context,
    database: &Database,
    settings: &Settings,
    ticket: &Ticket,
    missing: String,
) -> Result<(), Error> {
    let pages: Vec<(String, u64)> = database.query(
        "SELECT text, messages FROM tickets_pages WHERE ticket = ?1 ORDER BY page DESC",
        params![ticket.id],
    )?;
    database.execute("DELETE FROM tickets_pages WHERE ticket = ?1", params![ticket.id])?;
    let messages = pages.iter().map(|(_, messages)| messages).sum();
    let text: String = pages.into_iter().map(|(text, _)| text).collect();
    let text = format!("{}{text}", head(ticket, messages, &missing));
    let transcript = Transcript {
        text,
        messages,
        missing,
    };
    log::closed(context, database, settings, ticket, Some(transcript))
}

/// Messages that come newest first, written oldest first, as many of the newest as the bytes allow. The quote of the
/// concern is left out: its words stand at the head.
fn write(messages: &[Message], bytes: usize, is_quote: impl Fn(&Message) -> bool) -> Transcript {
    let (mut parts, mut left, mut missing) = (Vec::new(), bytes, "");
    for message in messages.iter().filter(|message| !is_quote(message)) {
        let Some(text) = one(message) else { continue };
        if text.len() > left {
            missing = "earlier messages are left out";
            break;
        }
        left -= text.len();
        parts.push(text);
    }
    Transcript {
        messages: u64::try_from(parts.len()).unwrap_or(u64::MAX),
        text: parts.into_iter().rev().collect(),
        missing: missing.into(),
    }
}

/// One message; none for what Discord itself writes into a thread. Further lines are indented, so that nobody can write a
/// line that looks like another's.
fn one(message: &Message) -> Option<String> {
    let parts = ReportedMessage::from(message);
    let forwarded = message
        .forwards
        .first()
        .map(|forwarded| format!("(forwarded) {}", forwarded.content));
    let text = forwarded.as_deref().unwrap_or(&message.content);
    if text.is_empty() && !WRITTEN.contains(&message.kind) {
        return None;
    }
    let mut lines: Vec<String> = cut(text, MESSAGE).lines().map(str::to_owned).collect();
    let mut list = |name: &str, things: &[String]| {
        if !things.is_empty() {
            lines.push(format!("[{name}: {}]", one_line(&things.join(", "))));
        }
    };
    list("attachments", &parts.attachments);
    list("embeds", &parts.embeds);
    list("stickers", &parts.stickers);
    list("poll", parts.poll.as_slice());
    list("reactions", &parts.reactions);
    let edited = if message.edited_at.is_some() { " (edited)" } else { "" };
    let author = one_line(&message.author.username);
    Some(format!(
        "{} {author}{edited}: {}\n",
        utc(message.sent_at),
        lines.join("\n    ")
    ))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn head(ticket: &Ticket, messages: u64, missing: &str) -> String {
    let mut lines = vec![
        format!("Ticket {}", ticket.id),
        format!(
            "opened by {} ({}), {} UTC",
            one_line(&ticket.opener.name),
            ticket.opener.id,
            utc(ticket.opened_at)
        ),
    ];
    if let Some(closed) = &ticket.closed {
        let feedback = closed
            .feedback
            .map(|feedback| format!(", {}", feedback.emoji()))
            .unwrap_or_default();
        lines.push(format!(
            "closed by {} ({}), {} UTC{feedback}",
            one_line(&closed.by.name),
            closed.by.id,
            utc(closed.at)
        ));
    }
    if !ticket.concern.is_empty() {
        let concern: Vec<_> = ticket.concern.lines().collect();
        lines.push(format!("concern: {}", concern.join("\n    ")));
    }
    let plural = if messages == 1 { "" } else { "s" };
    lines.push(format!("{messages} message{plural}, oldest first, times in UTC"));
    if !missing.is_empty() {
        lines.push(format!("Incomplete: {missing}"));
    }
    lines.join("\n") + "\n\n"
}

/// Forgets pages of tickets that are gone: nobody waits for them.
pub(crate) fn prune(database: &Database) -> Result<(), Error> {
    database.execute(
        "DELETE FROM tickets_pages WHERE ticket NOT IN (SELECT id FROM tickets_tickets)",
        params![],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_sdk::User;

    fn message(id: Id, kind: u8, content: &str) -> Message {
        Message {
            id,
            channel: 5,
            author: User {
                id: 7,
                username: "ann".into(),
                global_name: None,
                bot: false,
            },
            member: None,
            webhook: false,
            kind,
            content: content.into(),
            sent_at: id * 1000,
            edited_at: None,
            mentions_everyone: false,
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            attachments: Vec::new(),
            embeds: Vec::new(),
            reply_to: None,
            reply_author: None,
            forwards: Vec::new(),
            poll: None,
            stickers: vec!["wave".into()],
            reactions: Vec::new(),
        }
    }

    #[test]
    fn messages_are_turned_round_and_cannot_be_forged() {
        let plain = |id, kind, content: &str| Message {
            stickers: Vec::new(),
            ..message(id, kind, content)
        };
        let newest_first = [
            message(2, 0, ""),
            plain(1, 0, "a\n1970-01-01 00:00:00 ben: b"),
            plain(0, 1, ""),
        ];
        let written = write(&newest_first, 1000, |_| false);
        assert_eq!(
            written.text,
            "1970-01-01 00:00:01 ann: a\n    1970-01-01 00:00:00 ben: b\n1970-01-01 00:00:02 ann: [stickers: wave]\n"
        );
        assert_eq!((written.messages, written.missing.as_str()), (2, ""));
    }

    #[test]
    fn the_newest_messages_are_kept_where_not_all_fit() {
        let written = write(&[message(2, 0, "new"), message(1, 0, "old")], 60, |_| false);
        assert!(written.text.contains("new") && !written.text.contains("old"));
        assert_eq!((written.messages, written.missing.is_empty()), (1, false));
    }

    #[test]
    fn the_last_page_is_as_small_as_it_must_be() {
        let settings: Settings = serde_json::from_str(r#"{"transcript_messages":150}"#).expect("settings");
        assert_eq!(
            (
                asked_for(&settings, 0),
                asked_for(&settings, 100),
                asked_for(&settings, 150)
            ),
            (100, 50, 1)
        );
    }
}
