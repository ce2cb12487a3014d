//! From a click to an open ticket: the modal, the thread, its first messages. The opener is told what happens at each turn,
//! and never loses what they wrote.

use crate::button::{self, Button};
use crate::log;
use crate::settings::Settings;
use crate::setup::TEXT_CHANNEL;
use crate::ticket::{self, Feedback, Ticket};
use guildhall_sdk::component::{Style, button as component, disabled, paragraph, row, to_json};
use guildhall_sdk::{
    Action, Context, Database, Error, Id, Interaction, MessageBody, Outcome, Person, cut_characters, quoted,
    quoted_within,
};
use serde_json::Value;

const CONCERN: &str = "concern";
const DAY: u64 = 24 * 3_600_000;
/// Discord's bound of a modal's title, and of a thread's name.
const TITLE: usize = 45;
const NAME: usize = 100;
/// Characters that a quote may take, with room for what stands around it.
const QUOTE: usize = 1800;
/// Discord: the guild has as many active threads as it may.
const TOO_MANY_THREADS: u32 = 160_006;

/// Somebody clicked on a button that opens tickets: asks what it is about.
pub(crate) fn ask(
    context: &Context,
    database: &Database,
    settings: &Settings,
    interaction: &Interaction,
    button: u64,
) -> Result<(), Error> {
    let button = match usable(context, database, settings, interaction, button)? {
        Ok((button, _)) => button,
        Err(problem) => return interaction.answer_privately(&problem).submit(),
    };
    let (shortest, longest) = settings.concern_length();
    let field = paragraph(
        CONCERN,
        "What is it about?",
        "Only you and the moderators will read this.",
        shortest,
        longest,
    );
    let custom_id = format!("{}:concern:{}", crate::ID, button.id);
    interaction
        .open_modal(&custom_id, &cut_characters(&button.text, TITLE), &[field])
        .submit()
}

/// The modal was sent: makes the thread.
pub(crate) fn open(
    context: &Context,
    database: &Database,
    settings: &Settings,
    interaction: &Interaction,
    button: u64,
) -> Result<(), Error> {
    let concern = interaction.modal_text(CONCERN).unwrap_or_default();
    let concern = concern.trim();
    if concern.is_empty() {
        return interaction
            .answer_privately("Please write what it is about. No ticket was opened.")
            .submit();
    }
    let (button, channel) = match usable(context, database, settings, interaction, button)? {
        Ok(usable) => usable,
        Err(problem) => return interaction.answer_privately(&with_text(&problem, concern)).submit(),
    };
    let opener = Person::from(&interaction.member.user);
    let name = opener.name.clone();
    let ticket = Ticket {
        id: 0,
        button: button.id,
        opener,
        role: None,
        channel,
        thread: None,
        concern: concern.to_owned(),
        opened_at: context.now(),
        interaction: interaction.id,
        token: interaction.token.clone(),
        closed: None,
    };
    let id = ticket::insert(database, &ticket)?;
    interaction.defer_privately().submit()?;
    Action::create_thread(channel, cut_characters(&format!("Ticket {id}: {name}"), NAME), true)
        .reason(&format!("ticket of {name} ({})", ticket.opener.id))
        .token(format!("thread:{id}"))
        .submit()
}

/// The button and the channel for its tickets, or what to tell whoever clicked.
fn usable(
    context: &Context,
    database: &Database,
    settings: &Settings,
    interaction: &Interaction,
    button: u64,
) -> Result<Result<(Button, Id), String>, Error> {
    let Some(button) = button::find(database, button)? else {
        return Ok(Err(
            "This button is not in use any more. Please tell a moderator.".into()
        ));
    };
    let since = context.now().saturating_sub(DAY);
    let recent = ticket::opened_since(database, interaction.member.user.id, since)?;
    if u64::try_from(recent.len()).unwrap_or(u64::MAX) >= settings.tickets_per_day {
        return Ok(Err(too_many(&recent)));
    }
    // Where the channel is gone, tickets open where the button stands.
    let channels = [Some(button.channel), interaction.channel, Some(button.place)];
    let channel = channels.into_iter().flatten().find(|channel| {
        context
            .channel(*channel)
            .is_some_and(|known| known.kind == TEXT_CHANNEL)
    });
    match channel {
        Some(channel) => Ok(Ok((button, channel))),
        None => {
            let problem = "the channel for its tickets is gone. `/tickets-channel` sets up a new button";
            complain(context, database, settings, &button, problem)?;
            Ok(Err(
                "Tickets cannot be opened at the moment. Please tell a moderator.".into()
            ))
        }
    }
}

/// `You have opened 2 tickets within a day: #a #b. More are not possible for now.`
fn too_many(recent: &[Option<Id>]) -> String {
    let threads: Vec<_> = recent
        .iter()
        .flatten()
        .take(5)
        .map(|thread| format!("<#{thread}>"))
        .collect();
    let what = match recent.len() {
        1 => "a ticket".to_owned(),
        several => format!("{several} tickets"),
    };
    let separator = if threads.is_empty() { "" } else { ": " };
    format!(
        "You have opened {what} within a day{separator}{}. More are not possible for now.",
        threads.join(" ")
    )
}

/// The thread is there, or cannot be made.
pub(crate) fn thread_made(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    let Some(ticket) = ticket::find(database, id)? else {
        return Ok(());
    };
    let button = button::find(database, ticket.button)?;
    match outcome {
        Outcome::Channel(thread) => welcome(context, database, settings, button.as_ref(), &ticket, thread.id),
        Outcome::Refused(refusal) => {
            ticket::remove(database, id)?;
            let problem = with_text(
                "Your ticket could not be opened. Please tell a moderator.",
                &ticket.concern,
            );
            Action::respond_privately(ticket.interaction, &ticket.token, &problem).submit()?;
            let cause = if refusal.code == TOO_MANY_THREADS {
                "this server has as many open threads as Discord allows; archive some".to_owned()
            } else {
                format!(
                    "{} (code {}). I need View Channel, Create Private Threads and Send Messages in Threads there",
                    refusal.message, refusal.code
                )
            };
            let problem = format!("no thread can be made in <#{}>: {cause}", ticket.channel);
            match &button {
                Some(button) => complain(context, database, settings, button, &problem),
                None => log::tell(context, settings, &problem),
            }
        }
        _ => Ok(()),
    }
}

fn welcome(
    context: &Context,
    database: &Database,
    settings: &Settings,
    button: Option<&Button>,
    ticket: &Ticket,
    thread: Id,
) -> Result<(), Error> {
    let role = role_to_notify(context, settings, button.and_then(|button| button.role));
    ticket::set_thread(database, ticket.id, thread, role)?;
    Action::add_thread_member(thread, ticket.opener.id)
        .token(format!("member:{}", ticket.id))
        .submit()?;
    // Nothing that anybody wrote stands in the one message that notifies.
    let notified = role.map(|role| format!(", for <@&{role}>")).unwrap_or_default();
    let notice = MessageBody {
        allow_mentions: true,
        ..Action::body(format!("**Ticket {}** of <@{}>{notified}", ticket.id, ticket.opener.id))
    };
    Action::send(thread, notice).submit()?;
    let body = MessageBody {
        components: to_json(&[close_buttons(ticket.id)]),
        ..Action::body(first_message(ticket))
    };
    Action::send(thread, body).submit()?;
    let answer = format!("Your ticket is open: <#{thread}>");
    Action::respond_privately(ticket.interaction, &ticket.token, &answer).submit()?;
    match (role, button) {
        (None, Some(button)) => {
            let problem = format!(
                "nobody was notified of <#{thread}>: the button's role is gone or was never set, and there is no moderator \
                 role either. `/setup` sets one"
            );
            complain(context, database, settings, button, &problem)
        }
        _ => Ok(()),
    }
}

/// The opener is in the thread, or cannot be.
pub(crate) fn member_added(database: &Database, id: u64, outcome: &Outcome) -> Result<(), Error> {
    let Some(ticket) = ticket::find(database, id)? else {
        return Ok(());
    };
    if let (Outcome::Refused(refusal), Some(thread)) = (outcome, ticket.thread) {
        let cause = if refusal.is_gone() {
            "they have left the server".to_owned()
        } else {
            format!(
                "they may not see <#{}> ({}, code {})",
                ticket.channel, refusal.message, refusal.code
            )
        };
        let note = format!("<@{}> could not be added to this ticket: {cause}.", ticket.opener.id);
        Action::send_message(thread, note).submit()?;
        if !ticket.token.is_empty() {
            let answer = "Your ticket is open and the moderators have your text, but you cannot be added to it. \
                          They will get in touch with you.";
            Action::respond_privately(ticket.interaction, &ticket.token, answer).submit()?;
        }
    }
    ticket::forget_token(database, id)
}

/// The message with the concern, above the buttons that close the ticket.
pub(crate) fn first_message(ticket: &Ticket) -> String {
    with_quote(ticket, "When it is settled, close the ticket:")
}

/// The same message, once the ticket is closed.
pub(crate) fn closed_message(ticket: &Ticket) -> String {
    with_quote(ticket, "This ticket is closed.")
}

fn with_quote(ticket: &Ticket, line: &str) -> String {
    let quote = quote(&ticket.concern);
    let separator = if quote.is_empty() { "" } else { "\n" };
    format!("{quote}{separator}{line}")
}

/// The same buttons, not to be clicked any more.
pub(crate) fn closed_buttons(ticket: u64) -> Value {
    row(buttons(ticket).into_iter().map(disabled).collect())
}

fn close_buttons(ticket: u64) -> Value {
    row(buttons(ticket))
}

fn buttons(ticket: u64) -> Vec<Value> {
    let plain = component(Style::Danger, "Close ticket", &format!("{}:close:{ticket}", crate::ID));
    let with_feedback = [Feedback::Up, Feedback::Down].map(|feedback| {
        let custom_id = format!("{}:close:{ticket}:{}", crate::ID, feedback.word());
        component(Style::Secondary, &format!("Close {}", feedback.emoji()), &custom_id)
    });
    [plain].into_iter().chain(with_feedback).collect()
}

/// The first of these roles that still is: the button's, the plugin's, the guild's.
pub(crate) fn role_to_notify(context: &Context, settings: &Settings, of_button: Option<Id>) -> Option<Id> {
    let roles = context.roles();
    let candidates = [of_button, settings.moderator_role(), context.common().moderator_role];
    candidates
        .into_iter()
        .flatten()
        .find(|role| *role != context.guild && roles.iter().any(|known| known.id == *role))
}

fn complain(
    context: &Context,
    database: &Database,
    settings: &Settings,
    button: &Button,
    problem: &str,
) -> Result<(), Error> {
    if !button::may_complain(database, button.id, context.now())? {
        return Ok(());
    }
    let text = format!("Trouble with the ticket button in <#{}>: {problem}.", button.place);
    log::tell(context, settings, &text)
}

/// What somebody wrote is given back to them.
fn with_text(answer: &str, concern: &str) -> String {
    format!("{answer} This is what you wrote:\n{}", quote(concern))
}

/// All of it, unless somebody writes almost nothing but marks and line breaks.
fn quote(concern: &str) -> String {
    let whole = quoted(concern, concern.len());
    if whole.chars().count() <= QUOTE {
        whole
    } else {
        quoted_within(concern, QUOTE).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(concern: &str) -> Ticket {
        Ticket {
            id: 3,
            button: 1,
            opener: Person {
                id: 7,
                name: "ann".into(),
            },
            role: None,
            channel: 5,
            thread: Some(6),
            concern: concern.into(),
            opened_at: 0,
            interaction: 8,
            token: String::new(),
            closed: None,
        }
    }

    #[test]
    fn whatever_is_written_fits_into_a_message_and_pings_nobody() {
        for text in ["@everyone ".repeat(150), "*".repeat(1500), "\n.".repeat(700)] {
            let message = first_message(&ticket(&text));
            assert!(message.chars().count() <= 2000, "{}", message.chars().count());
            assert!(!message.contains("@everyone"));
            assert!(
                with_text("Your ticket could not be opened. Please tell a moderator.", &text)
                    .chars()
                    .count()
                    <= 2000
            );
        }
        assert_eq!(first_message(&ticket("")), "When it is settled, close the ticket:");
    }

    #[test]
    fn there_are_three_ways_to_close() {
        let row = close_buttons(3);
        let ids: Vec<_> = row["components"]
            .as_array()
            .expect("buttons")
            .iter()
            .map(|button| button["custom_id"].as_str().expect("an id"))
            .collect();
        assert_eq!(ids, ["tickets:close:3", "tickets:close:3:up", "tickets:close:3:down"]);
        assert_eq!(closed_buttons(3)["components"][2]["disabled"], true);
    }
}
