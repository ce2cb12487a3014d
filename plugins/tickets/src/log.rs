//! What the mod-log hears of tickets: who closed which, and the transcript. A ticket is no offence, so it does not stand in
//! the user's thread.

use crate::settings::Settings;
use crate::ticket::{self, Ticket};
use crate::transcript::Transcript;
use guildhall_sdk::{
    Action, Context, Database, Error, MessageBody, Outcome, Person, TextFile, channel_link, cut_characters, defused,
    span,
};

/// Logs a closed ticket.
pub(crate) fn closed(
    context: &Context,
    database: &Database,
    settings: &Settings,
    ticket: &Ticket,
    transcript: Option<Transcript>,
) -> Result<(), Error> {
    let text = words(context.guild, ticket, transcript.as_ref());
    let messages = transcript.as_ref().map(|transcript| transcript.messages);
    let Some(channel) = settings.log_channel(context) else {
        context.log(&format!(
            "ticket {} was closed; there is no mod-log channel to note it in",
            ticket.id
        ));
        return ticket::set_log(database, ticket.id, messages, "")
            .and_then(|()| ticket::set_logged(database, ticket.id, None));
    };
    ticket::set_log(database, ticket.id, messages, &text)?;
    let files = transcript
        .filter(|transcript| transcript.messages > 0)
        .map(|transcript| TextFile {
            name: format!("ticket-{}.txt", ticket.id),
            text: transcript.text,
        });
    let (verb, files) = match files {
        Some(file) => ("log", vec![file]),
        None => ("plain", Vec::new()),
    };
    let body = MessageBody {
        files,
        ..Action::body(text)
    };
    Action::send(channel, body)
        .token(format!("{verb}:{}", ticket.id))
        .submit()
}

/// It stands there with its transcript; without permission to attach files, it stands there without.
pub(crate) fn posted(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    if let Outcome::Refused(refusal) = outcome
        && !refusal.is_channel_gone()
        && let (Some(channel), Some(text)) = (settings.log_channel(context), ticket::log_of(database, id)?)
    {
        let note = format!(
            "{text}\nThe transcript could not be attached: {} (code {}). I need Attach Files here.",
            refusal.message, refusal.code
        );
        return Action::send_message(channel, cut_characters(&note, 2000))
            .token(format!("plain:{id}"))
            .submit();
    }
    posted_plain(context, database, id, outcome)
}

/// It stands there, or cannot.
pub(crate) fn posted_plain(context: &Context, database: &Database, id: u64, outcome: &Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Message(message) => ticket::set_logged(database, id, Some(message.id)),
        Outcome::Refused(refusal) => {
            context.warn(&format!(
                "the closing of ticket {id} was not noted in the mod-log: {} (code {})",
                refusal.message, refusal.code
            ));
            ticket::set_logged(database, id, None)
        }
        _ => Ok(()),
    }
}

/// Tells moderators what they should mend.
pub(crate) fn tell(context: &Context, settings: &Settings, text: &str) -> Result<(), Error> {
    context.warn(text);
    match settings.log_channel(context) {
        Some(channel) => Action::send_message(channel, text).submit(),
        None => Ok(()),
    }
}

fn words(guild: u64, ticket: &Ticket, transcript: Option<&Transcript>) -> String {
    let mut parts = vec![format!("**Ticket {}** of {}", ticket.id, person(&ticket.opener))];
    if let Some(closed) = &ticket.closed {
        let feedback = closed
            .feedback
            .map(|feedback| format!(" {}", feedback.emoji()))
            .unwrap_or_default();
        let open = span(closed.at.saturating_sub(ticket.opened_at));
        parts[0].push_str(&format!(" closed by {}{feedback}", person(&closed.by)));
        parts.push(format!("open for {open}"));
    }
    if let Some(Transcript { messages, missing, .. }) = transcript {
        parts.push(match messages {
            0 => "no transcript".into(),
            1 => "1 message".into(),
            several => format!("{several} messages"),
        });
        if !missing.is_empty() {
            parts.push(defused(missing));
        }
    }
    if let Some(thread) = ticket.thread {
        parts.push(format!("[thread]({})", channel_link(guild, thread)));
    }
    parts.join(" · ")
}

/// A mention, and the name for those who do not see mentions of people who have left.
fn person(person: &Person) -> String {
    format!("<@{}> ({})", person.id, defused(&cut_characters(&person.name, 64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{Closed, Feedback};

    #[test]
    fn the_log_tells_who_closed_it_after_what_time_and_what_they_thought() {
        let ticket = Ticket {
            id: 3,
            button: 1,
            opener: Person {
                id: 7,
                name: "a_n".into(),
            },
            role: None,
            channel: 5,
            thread: Some(6),
            concern: String::new(),
            opened_at: 0,
            interaction: 8,
            token: String::new(),
            closed: Some(Closed {
                by: Person {
                    id: 9,
                    name: "ben".into(),
                },
                at: 7_200_000,
                feedback: Some(Feedback::Up),
            }),
        };
        let transcript = Transcript {
            text: "text".into(),
            messages: 14,
            missing: "earlier messages are left out".into(),
        };
        assert_eq!(
            words(1, &ticket, Some(&transcript)),
            "**Ticket 3** of <@7> (a\\_n) closed by <@9> (ben) 👍 · open for 2 h · 14 messages · \
             earlier messages are left out · [thread](https://discord.com/channels/1/6)"
        );
    }
}
