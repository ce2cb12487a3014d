//! [Delete message] below a tracked message: who deleted it is noted with the report.

use crate::neighbours;
use crate::tracked::{delete_button, forget, respond, spent_button, text};
use guildhall_sdk::component::row;
use guildhall_sdk::mod_log::Entry;
use guildhall_sdk::{
    Action, Context, CustomId, Database, Error, Id, Interaction, Outcome, Person, Refusal, Timestamp, channel_link,
    message_link, one_line, params,
};
use serde_json::Value;

pub(crate) const MIGRATION: &str = "CREATE TABLE report_deletions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, interaction INTEGER NOT NULL, token TEXT NOT NULL, channel INTEGER NOT NULL,
    message INTEGER NOT NULL, user INTEGER NOT NULL, staff INTEGER NOT NULL, staff_name TEXT NOT NULL,
    at INTEGER NOT NULL
)";

/// Discord: the bot does not see the channel.
const MISSING_ACCESS: u32 = 50_001;
/// Discord: the bot lacks a permission.
const MISSING_PERMISSIONS: u32 = 50_013;
/// A deletion whose result has not come for so long is forgotten.
const LOST: u64 = 24 * 3_600_000;

/// A message that is being deleted.
#[derive(Debug)]
struct Deletion {
    interaction: Id,
    token: String,
    channel: Id,
    message: Id,
    user: Id,
    staff: Person,
}

/// Whoever clicked is staff.
pub(crate) fn click(context: &Context, interaction: &Interaction, custom_id: &CustomId<'_>) -> Result<(), Error> {
    let ids = (custom_id.id(1), custom_id.id(2), custom_id.id(3));
    let ("delete", (Some(channel), Some(message), Some(user))) = (custom_id.verb(), ids) else {
        return interaction
            .answer_privately("This button is of another version and does nothing any more.")
            .submit();
    };
    let database = Database::open()?;
    let deletion = Deletion {
        interaction: interaction.id,
        token: interaction.token.clone(),
        channel,
        message,
        user,
        staff: Person::from(&interaction.member.user),
    };
    // What is said below is the last word.
    forget(&database, message)?;
    if neighbours::is_deleted(&database, message) {
        return deletion
            .update(context, &database, "The message was deleted already.", &[])
            .submit();
    }
    let id = deletion.keep(&database, context.now())?;
    let spent = spent_button(channel, message, user);
    deletion
        .update(context, &database, "The message is being deleted.", &[row(vec![spent])])
        .submit()?;
    Action::delete_messages(channel, vec![message])
        .reason(&format!(
            "tracked; deleted by {} ({})",
            deletion.staff.name, deletion.staff.id
        ))
        .token(format!("deleted:{id}"))
        .submit()
}

/// Discord has deleted it, or not.
pub(crate) fn deleted(context: &Context, id: u64, outcome: &Outcome) -> Result<(), Error> {
    let database = Database::open()?;
    let Some(deletion) = Deletion::take(&database, id)? else {
        return Ok(());
    };
    if let Outcome::Refused(refusal) = outcome {
        let reason = cause(deletion.channel, refusal);
        let again = delete_button(deletion.channel, deletion.message, deletion.user);
        let rows = if refusal.is_channel_gone() {
            Vec::new()
        } else {
            vec![row(vec![again])]
        };
        return deletion.update(context, &database, &reason, &rows).submit();
    }
    deletion.tell_log(context, &database)?;
    deletion
        .update(context, &database, "The message is deleted.", &[])
        .submit()
}

/// Why Discord refused, as a moderator can mend it.
fn cause(channel: Id, refusal: &Refusal) -> String {
    match refusal.code {
        _ if refusal.is_channel_gone() => "The channel does not exist any more, and the message neither.".into(),
        MISSING_ACCESS => format!("The message was not deleted: the bot does not see <#{channel}>."),
        MISSING_PERMISSIONS => {
            format!("The message was not deleted: the bot lacks the permission *Manage messages* in <#{channel}>.")
        }
        code => {
            let words = one_line(&refusal.message, 200);
            format!("The message was not deleted; Discord says: {words} (code {code}).")
        }
    }
}

impl Deletion {
    fn keep(&self, database: &Database, now: Timestamp) -> Result<u64, Error> {
        database.execute(
            "INSERT INTO report_deletions (interaction, token, channel, message, user, staff, staff_name, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                self.interaction,
                &self.token,
                self.channel,
                self.message,
                self.user,
                self.staff.id,
                &self.staff.name,
                now,
            ],
        )?;
        let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
        Ok(id.map_or(0, |(id,)| id))
    }

    fn take(database: &Database, id: u64) -> Result<Option<Self>, Error> {
        let row: Option<(Id, String, Id, Id, Id, Id, String)> = database.query_first(
            "SELECT interaction, token, channel, message, user, staff, staff_name FROM report_deletions WHERE id = ?1",
            params![id],
        )?;
        database.execute("DELETE FROM report_deletions WHERE id = ?1", params![id])?;
        Ok(
            row.map(|(interaction, token, channel, message, user, staff, name)| Self {
                interaction,
                token,
                channel,
                message,
                user,
                staff: Person { id: staff, name },
            }),
        )
    }

    /// The message that the button stands in, with this below its first line.
    fn update(&self, context: &Context, database: &Database, line: &str, rows: &[Value]) -> Action {
        let place = neighbours::log_thread(database, self.user).map(|thread| channel_link(context.guild, thread));
        let text = match place {
            Some(link) => format!("{}\n{line}", text(Some(&link))),
            None => line.to_owned(),
        };
        respond(7, self.interaction, &self.token, &text, rows)
    }

    fn tell_log(&self, context: &Context, database: &Database) -> Result<(), Error> {
        let name = neighbours::known_name(database, self.user);
        let link = message_link(context.guild, self.channel, self.message);
        let text = format!(
            "<@{}> ({}) deleted the tracked message {link} in <#{}>.",
            self.staff.id,
            one_line(&self.staff.name, 60),
            self.channel
        );
        Entry {
            message: Some(self.message),
            key: format!("deleted:{}", self.message),
            ..Entry::about(Person { id: self.user, name }, text)
        }
        .emit()
    }
}

/// Forgets deletions whose result never came.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let lost = now.saturating_sub(LOST);
    database.execute("DELETE FROM report_deletions WHERE at < ?1", params![lost])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_can_be_mended() {
        let refusal = |code| Refusal {
            status: 403,
            code,
            message: "**no**".into(),
        };
        assert!(cause(5, &refusal(MISSING_PERMISSIONS)).contains("*Manage messages* in <#5>"));
        assert!(cause(5, &refusal(1)).contains("\\*\\*no\\*\\* (code 1)"));
    }
}
