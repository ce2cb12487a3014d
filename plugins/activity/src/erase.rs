//! `/activity erase`: what is kept of a member goes, after a question. Sums of days and channels that name nobody stay. A
//! call erases a bounded part; the rest follows by a timer.

use crate::command::{NAME, is_staff};
use crate::record;
use crate::settings::Settings;
use guildhall_sdk::component::{self, Style};
use guildhall_sdk::{Action, Context, CustomId, Database, Error, Id, Interaction, Timer, Timestamp, params};

/// Rows that a call erases.
const ERASED: u32 = 5000;
/// Until the next call.
const PAUSE: Timestamp = 1000;
/// How long a question can be answered.
const ANSWERABLE: Timestamp = 900_000;
/// What the names of timers begin with; the member follows.
const TIMER: &str = "erase:";

/// Asks before anything is erased.
pub(crate) fn asked(context: &Context, interaction: &Interaction, member: Id, leave_out: bool) -> Result<(), Error> {
    let own = member == interaction.member.user.id;
    let (whose, they) = if own {
        ("you".to_owned(), "you")
    } else {
        (format!("<@{member}>"), "they")
    };
    let later = match (leave_out, own) {
        (true, true) => "From now on nothing of you is counted, either. `/activity me` lets you change your mind.",
        (true, false) => "From now on nothing of them is counted, either, until they ask for it with `/activity me`.",
        (false, true) => "What you write from now on is counted again; choose `leave-out` to be left out.",
        (false, false) => "What they write from now on is counted again; choose `leave-out` to leave them out.",
    };
    let keep = if own {
        " To keep a copy, use `/activity export` first."
    } else {
        ""
    };
    let text = format!(
        "Erase everything that is counted of {whose}? That cannot be undone. The numbers of what {they} wrote go; sums of the \
         whole server in which {they} cannot be told apart stay.{keep}\n{later}"
    );
    let id = format!("{NAME}:erase:{member}:{}:{}", u8::from(leave_out), context.now() / 1000);
    let buttons = vec![
        component::button(Style::Danger, "Erase", &id),
        component::button(Style::Secondary, "Keep it", "activity:keep"),
    ];
    interaction
        .answer_privately_with(&text, &[component::row(buttons)])
        .submit()
}

/// The question was answered with yes.
pub(crate) fn confirmed(
    context: &Context,
    settings: &Settings,
    interaction: &Interaction,
    custom_id: &CustomId<'_>,
) -> Result<(), Error> {
    let (Some(member), Some(asked_at)) = (custom_id.id(1), custom_id.id(3)) else {
        return interaction
            .answer_privately("This button does nothing any more.")
            .submit();
    };
    if asked_at.saturating_mul(1000).saturating_add(ANSWERABLE) < context.now() {
        let text = "This question is too old. Nothing was erased; use `/activity erase` again.";
        return interaction.update_message(text, &[]).submit();
    }
    let own = interaction.member.user.id;
    if member != own && !is_staff(context, settings, interaction) {
        return interaction
            .answer_privately("Only staff may erase what is counted of others. Nothing was erased.")
            .submit();
    }
    let (database, leave_out) = (Database::open()?, custom_id.part(2) == Some("1"));
    if leave_out {
        let sql = "INSERT OR IGNORE INTO activity_left_out (member, since) VALUES (?1, ?2)";
        database.execute(sql, params![member, context.now()])?;
    }
    if member != own {
        context.log(&format!("{own} (staff) erased what was counted of {member}"));
    }
    let is_done = erase(context, &database, member, record::end(&database)?)?;
    let now = if is_done {
        "is erased."
    } else {
        "is being erased; that takes a moment."
    };
    let later = if leave_out {
        " From now on nothing is counted."
    } else {
        ""
    };
    let whose = if member == own {
        "you".to_owned()
    } else {
        format!("<@{member}>")
    };
    let text = format!("What was counted of {whose} {now}{later}");
    interaction.update_message(&text, &[]).submit()
}

/// The next part of an erasure, where the timer is one.
pub(crate) fn go_on(context: &Context, timer: &Timer) -> Result<(), Error> {
    let member = timer.name.strip_prefix(TIMER).and_then(|member| member.parse().ok());
    let (Some(member), Ok(until)) = (member, timer.payload.parse()) else {
        return Ok(());
    };
    erase(context, &Database::open()?, member, until).map(drop)
}

/// Erases the next part of what is kept of a member's messages below this one, and by name in those of others; answers
/// whether that was all.
fn erase(context: &Context, database: &Database, member: Id, until: Id) -> Result<bool, Error> {
    let parts = [
        "DELETE FROM activity_messages WHERE message IN (
             SELECT message FROM activity_messages WHERE author = ?1 AND message < ?2 LIMIT ?3
         )",
        "UPDATE activity_messages SET replied_to = 0 WHERE message IN (
             SELECT message FROM activity_messages WHERE replied_to = ?1 AND message < ?2 LIMIT ?3
         )",
    ];
    for part in parts {
        if database.execute(part, params![member, until, ERASED])? == u64::from(ERASED) {
            let due_at = context.now() + PAUSE;
            let timer = Action::schedule_timer(format!("{TIMER}{member}"), due_at, until.to_string());
            return timer.submit().map(|()| false);
        }
    }
    // Last: while there are rows for them, the triggers keep the number of active members true.
    for table in ["activity_member_days", "activity_members", "activity_exports"] {
        database.execute(&format!("DELETE FROM {table} WHERE member = ?1"), params![member])?;
    }
    Ok(true)
}
