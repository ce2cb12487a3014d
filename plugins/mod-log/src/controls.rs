//! The two messages with buttons below the first report of a user.

use crate::direct_action::DirectAction;
use crate::{ID, THREADS, texts};
use guildhall_sdk::component::{Style, button, row, to_json};
use guildhall_sdk::{Context, Database, Error, Id, Post, params};
use serde_json::Value;

/// Posts them, once in each thread.
pub(crate) fn post_once(
    context: &Context,
    database: &Database,
    channel: Id,
    thread: Id,
    user: Id,
) -> Result<(), Error> {
    let new = database.execute(
        "INSERT OR IGNORE INTO mod_log_controls (user, thread) VALUES (?1, ?2)",
        params![user, thread],
    )?;
    if new == 0 {
        return Ok(());
    }
    let person = THREADS.person(database, user)?;
    let direct = [
        row(vec![
            direct_button(DirectAction::Delete, user),
            direct_button(DirectAction::Kick, user),
            direct_button(DirectAction::Ban, user),
        ]),
        row(vec![
            direct_button(DirectAction::Restrict, user),
            direct_button(DirectAction::Timeout, user),
        ]),
    ];
    // `escalation` takes it up.
    let escalate = button(Style::Primary, "Escalate", &format!("escalation:call:{user}"));
    for (content, rows) in [
        (texts::direct_actions(user), &direct[..]),
        (texts::escalation(user), &[row(vec![escalate])]),
    ] {
        let post = Post {
            content,
            components: to_json(rows),
            ..Post::default()
        };
        THREADS.post(context, database, channel, &person, &post)?;
    }
    Ok(())
}

fn direct_button(action: DirectAction, user: Id) -> Value {
    let style = match action {
        DirectAction::Restrict | DirectAction::Timeout => Style::Secondary,
        DirectAction::Delete | DirectAction::Kick | DirectAction::Ban => Style::Danger,
    };
    button(style, action.label(), &format!("{ID}:{}:{user}", action.word()))
}
