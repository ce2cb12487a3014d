//! From a click to a closed ticket. Of two who click at once the first closes it, and the second is told so.

use crate::log;
use crate::opening::{closed_buttons, closed_message};
use crate::settings::Settings;
use crate::ticket::{self, Closed, Feedback, Ticket};
use crate::transcript;
use guildhall_sdk::{
    Action, Context, Database, Error, Interaction, Outcome, Person, cut_characters, defused, permission, relative_time,
};

/// Somebody clicked on a button that closes a ticket.
pub(crate) fn close(
    context: &Context,
    database: &Database,
    settings: &Settings,
    interaction: &Interaction,
    id: u64,
    feedback: Option<&str>,
) -> Result<(), Error> {
    let Some(ticket) = ticket::find(database, id)? else {
        return interaction
            .answer_privately("This ticket was closed long ago, and nothing is left of it but this thread.")
            .submit();
    };
    if let Some(closed) = &ticket.closed {
        return interaction.answer_privately(&already(closed)).submit();
    }
    if !may_close(context, settings, interaction, &ticket) {
        return interaction
            .answer_privately("Only whoever opened the ticket and the moderators can close it.")
            .submit();
    }
    let closed = Closed {
        by: Person::from(&interaction.member.user),
        at: context.now(),
        feedback: feedback.and_then(Feedback::of_word),
    };
    if !ticket::close(database, id, &closed)? {
        return interaction.answer_privately("This ticket is closed already.").submit();
    }
    interaction
        .update_message(&closed_message(&ticket), &[closed_buttons(id)])
        .submit()?;
    if let Some(thread) = ticket.thread.or(interaction.channel) {
        let feedback = closed
            .feedback
            .map(|feedback| format!(" {}", feedback.emoji()))
            .unwrap_or_default();
        Action::send_message(thread, format!("Closed by <@{}>{feedback}", closed.by.id)).submit()?;
        Action::remove_thread_member(thread, ticket.opener.id)
            .token(format!("leave:{id}"))
            .submit()?;
        if settings.transcript && settings.log_channel(context).is_some() {
            return transcript::begin(settings, id, thread, interaction.id);
        }
    }
    let ticket = Ticket {
        closed: Some(closed),
        ..ticket
    };
    log::closed(context, database, settings, &ticket, None)
}

fn already(closed: &Closed) -> String {
    format!(
        "**{}** has closed this ticket {}.",
        defused(&cut_characters(&closed.by.name, 64)),
        relative_time(closed.at)
    )
}

fn may_close(context: &Context, settings: &Settings, interaction: &Interaction, ticket: &Ticket) -> bool {
    let member = &interaction.member;
    member.user.id == ticket.opener.id
        || ticket.role.is_some_and(|role| member.roles.contains(&role))
        || permission::allows(interaction.permissions, permission::MANAGE_THREADS)
        || context.is_staff(member.user.id, &member.roles, settings.moderator_role())
}

/// The opener is out of the thread; one who has left the server has been before.
pub(crate) fn opener_removed(database: &Database, id: u64, outcome: &Outcome) -> Result<(), Error> {
    let Outcome::Refused(refusal) = outcome else {
        return Ok(());
    };
    if refusal.is_gone() || refusal.is_channel_gone() {
        return Ok(());
    }
    let Some(ticket) = ticket::find(database, id)? else {
        return Ok(());
    };
    match ticket.thread {
        Some(thread) => {
            let note = format!(
                "<@{}> could not be removed from this thread: {} (code {}). I need Manage Threads.",
                ticket.opener.id, refusal.message, refusal.code
            );
            Action::send_message(thread, note).submit()
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_second_is_told_who_was_first() {
        let closed = Closed {
            by: Person {
                id: 9,
                name: "b_e_n".into(),
            },
            at: 5000,
            feedback: None,
        };
        assert_eq!(already(&closed), "**b\\_e\\_n** has closed this ticket <t:5:R>.");
    }
}
