//! [Delete all reported messages]: those that still stand, channel by channel, where the clicker may delete.

use crate::clicks::Click;
use crate::direct_action::DirectAction;
use crate::settings::Settings;
use crate::{reports, texts};
use guildhall_sdk::{
    Action, Context, Database, Error, Id, Interaction, Outcome, Refusal, Timestamp, params, permission,
    snowflake_unix_ms,
};
use std::collections::BTreeMap;

/// Discord deletes many at once only when they are younger than 14 days; an hour is left for clocks and queues.
const YOUNG: Timestamp = (14 * 24 - 1) * 3_600_000;
/// Messages that Discord deletes at once.
const AT_ONCE: usize = 100;
/// A call may submit 100 actions: what is left over takes another click.
const PARTS: usize = 80;
/// Messages that one click looks at.
const MESSAGES: u32 = 1000;

/// Messages of one channel that one request deletes.
#[derive(Debug, PartialEq)]
struct Part {
    channel: Id,
    messages: Vec<Id>,
}

/// Asks Discord to delete.
pub(crate) fn begin(context: &Context, database: &Database, interaction: &Interaction, user: Id) -> Result<(), Error> {
    let reported: Vec<(Id, Id)> = database.query(
        "SELECT DISTINCT channel, message FROM mod_log_reports
         WHERE user = ?1 AND message IS NOT NULL AND channel IS NOT NULL AND deleted_at IS NULL ORDER BY message DESC LIMIT ?2",
        params![user, MESSAGES],
    )?;
    if reported.is_empty() {
        return interaction
            .answer_privately("None of the reported messages is left.")
            .submit();
    }
    let (mut allowed, mut forbidden) = (Vec::new(), Vec::new());
    for part in parts(&reported, context.now()).into_iter().take(PARTS) {
        let may = permission::allows(
            permissions(context, interaction, part.channel),
            permission::MANAGE_MESSAGES,
        );
        if may { allowed.push(part) } else { forbidden.push(part) }
    }
    if allowed.is_empty() {
        return interaction
            .answer_privately("You need the permission **Manage Messages** in the channels of the reported messages.")
            .submit();
    }
    let click = Click::begin(context, database, interaction, DirectAction::Delete, user)?;
    interaction.defer_privately().submit()?;
    for part in forbidden {
        insert(
            database,
            click.id,
            &part,
            Some("you lack the permission Manage Messages"),
        )?;
    }
    for part in allowed {
        let id = insert(database, click.id, &part, None)?;
        Action::delete_messages(part.channel, part.messages)
            .reason(&click.reason())
            .token(format!("deletion:{id}"))
            .submit()?;
    }
    Ok(())
}

/// The clicker's permissions where the messages are; of the server where the channel is not known, as of archived threads.
fn permissions(context: &Context, interaction: &Interaction, channel: Id) -> u64 {
    let member = &interaction.member;
    let channel = context.channel(channel).map(|channel| channel.id);
    context.permissions(member.user.id, &member.roles, channel)
}

fn insert(database: &Database, click: u64, part: &Part, refused: Option<&str>) -> Result<u64, Error> {
    let messages: Vec<_> = part.messages.iter().map(ToString::to_string).collect();
    database.execute(
        "INSERT INTO mod_log_deletions (click, channel, messages, refused, ended) VALUES (?1, ?2, ?3, ?4, ?4 IS NOT NULL)",
        params![click, part.channel, messages.join(","), refused],
    )?;
    let id: Option<(u64,)> = database.query_first("SELECT last_insert_rowid()", params![])?;
    Ok(id.map_or(0, |(id,)| id))
}

/// Young messages of a channel go together, old ones each alone.
fn parts(reported: &[(Id, Id)], now: Timestamp) -> Vec<Part> {
    let mut young: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    let mut old = Vec::new();
    for (channel, message) in reported.iter().copied() {
        if snowflake_unix_ms(message) + YOUNG > now {
            young.entry(channel).or_default().push(message);
        } else {
            let messages = vec![message];
            old.push(Part { channel, messages });
        }
    }
    let young = young.iter().flat_map(|(channel, messages)| {
        messages.chunks(AT_ONCE).map(|messages| Part {
            channel: *channel,
            messages: messages.to_vec(),
        })
    });
    young.chain(old).collect()
}

/// Discord has deleted a part, or refused; after the last one the moderator is told.
pub(crate) fn result(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    let row: Option<(u64, String)> = database.query_first(
        "SELECT click, messages FROM mod_log_deletions WHERE id = ?1 AND NOT ended",
        params![id],
    )?;
    let Some((click, messages)) = row else { return Ok(()) };
    let refused = match outcome {
        // What was gone before counts as well.
        Outcome::Refused(refusal) if !refusal.is_gone() && !refusal.is_channel_gone() => Some(cause(refusal)),
        _ => None,
    };
    if refused.is_none() {
        reports::mark_deleted(database, &ids(&messages), context.now())?;
    }
    database.execute(
        "UPDATE mod_log_deletions SET ended = 1, refused = ?2 WHERE id = ?1",
        params![id, refused],
    )?;
    let parts: Vec<(Id, String, Option<String>, bool)> = database.query(
        "SELECT channel, messages, refused, ended FROM mod_log_deletions WHERE click = ?1 ORDER BY id",
        params![click],
    )?;
    match Click::load(database, click)? {
        Some(click) if parts.iter().all(|(.., ended)| *ended) => {
            let parts = parts
                .into_iter()
                .map(|(channel, messages, refused, _)| (channel, ids(&messages).len(), refused));
            end(context, database, settings, &click, parts)
        }
        _ => Ok(()),
    }
}

fn end(
    context: &Context,
    database: &Database,
    settings: &Settings,
    click: &Click,
    parts: impl Iterator<Item = (Id, usize, Option<String>)>,
) -> Result<(), Error> {
    let mut deleted = 0;
    let mut failed: BTreeMap<(Id, String), usize> = BTreeMap::new();
    for (channel, messages, refused) in parts {
        match refused {
            None => deleted += messages,
            Some(refused) => *failed.entry((channel, refused)).or_default() += messages,
        }
    }
    let count = texts::counted(deleted, "message");
    if deleted > 0 {
        let done = click.action.done(settings, click.user);
        click.note(context, database, settings, &format!("{done}: {count}"))?;
    }
    let mut answer = match deleted {
        0 => "Nothing was deleted.".to_owned(),
        _ => format!("{count} deleted."),
    };
    // What failed may be tried again at once.
    let succeeded = failed.is_empty();
    for ((channel, refused), messages) in failed.into_iter().take(10) {
        let messages = texts::counted(messages, "message");
        answer.push_str(&format!(
            "\nNot deleted: {messages} in <#{channel}>, because {refused}."
        ));
    }
    click.end(context, database, succeeded, &answer)
}

fn cause(refusal: &Refusal) -> String {
    const MISSING_ACCESS: u32 = 50_001;
    const MISSING_PERMISSIONS: u32 = 50_013;
    match refusal.code {
        MISSING_ACCESS => "I do not see the channel".into(),
        MISSING_PERMISSIONS => "I lack the permission Manage Messages".into(),
        code => format!("Discord says “{}” (code {code})", refusal.message),
    }
}

fn ids(text: &str) -> Vec<Id> {
    text.split(',').filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn young_messages_go_together_and_old_ones_alone() {
        let now = 1_772_442_000_000;
        let sent = |age: u64| ((now - age - 1_420_070_400_000) << 22) + age % 1000;
        let (new, newer, old) = (sent(60_000), sent(50_000), sent(YOUNG + 1));
        let found = parts(&[(5, newer), (5, new), (6, new + 1), (5, old)], now);
        let part = |channel, messages| Part { channel, messages };
        assert_eq!(
            found,
            [part(5, vec![newer, new]), part(6, vec![new + 1]), part(5, vec![old])]
        );
        let many: Vec<_> = (0..250).map(|index| (5, new + index)).collect();
        assert_eq!(
            parts(&many, now)
                .iter()
                .map(|part| part.messages.len())
                .collect::<Vec<_>>(),
            [100, 100, 50]
        );
    }
}
