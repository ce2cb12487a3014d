//! What follows when something stands in a user's thread: it is forwarded to the log channel, a report has a line below the
//! forward and is told to other plugins, and the first one brings the buttons.

use crate::settings::Settings;
use crate::{controls, entries, reports};
use guildhall_sdk::mod_log::Reason;
use guildhall_sdk::{Action, Context, Database, Error, Id, MessageBody, Posted, params};

/// Discord's message flag: the link of a scam shows nothing here.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

pub(crate) fn stands(
    context: &Context,
    database: &Database,
    settings: &Settings,
    posted: &Posted,
) -> Result<(), Error> {
    let channel = settings.log_channel(context);
    // Where no thread could be made it stands in the log channel already.
    let forwarded_to = channel.filter(|channel| settings.forward && *channel != posted.thread);
    let key = posted.post.key.as_str();
    if let Some(report) = key.strip_prefix("report:").and_then(|id| id.parse().ok()) {
        return report_stands(context, database, channel, forwarded_to, report, posted);
    }
    match forwarded_to {
        Some(channel) if key == entries::KEY => forward(channel, posted),
        _ => Ok(()),
    }
}

fn forward(channel: Id, posted: &Posted) -> Result<(), Error> {
    Action::forward(channel, posted.thread, posted.message).submit()
}

fn report_stands(
    context: &Context,
    database: &Database,
    channel: Option<Id>,
    forwarded_to: Option<Id>,
    report: u64,
    posted: &Posted,
) -> Result<(), Error> {
    let row: Option<(String, Option<Id>, Option<String>)> = database.query_first(
        "SELECT reason, message, summary FROM mod_log_reports WHERE id = ?1",
        params![report],
    )?;
    let Some((reason, message, summary)) = row else {
        return Ok(());
    };
    // The summary quotes what somebody wrote: it is not kept.
    database.execute(
        "UPDATE mod_log_reports SET thread = ?2, entry = ?3, summary = NULL WHERE id = ?1",
        params![report, posted.thread, posted.message],
    )?;
    if let Some(channel) = forwarded_to {
        forward(channel, posted)?;
        if let Some(summary) = summary {
            let body = MessageBody {
                flags: SUPPRESS_EMBEDS,
                ..Action::body(summary)
            };
            Action::send(channel, body).submit()?;
        }
    }
    if let Some(channel) = channel {
        controls::post_once(context, database, channel, posted.thread, posted.user)?;
    }
    match reason_of(&reason) {
        Some(reason) => reports::filed(database, reason, posted.user, message, (posted.thread, posted.message)),
        None => Ok(()),
    }
}

fn reason_of(word: &str) -> Option<Reason> {
    [
        Reason::Anonymous,
        Reason::Track,
        Reason::Spam,
        Reason::Automod,
        Reason::Vote,
    ]
    .into_iter()
    .find(|reason| reason.word() == word)
}
