//! What other plugins tell about a user besides reports. What two of them tell with the same key stands there once.

use crate::settings::Settings;
use crate::{THREADS, reports};
use guildhall_sdk::mod_log::Entry;
use guildhall_sdk::{Context, Database, Error, Id, Post, Timestamp, params};

pub(crate) const MIGRATION: &str = "CREATE TABLE mod_log_keys (
    user INTEGER NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (user, key)
) WITHOUT ROWID";

/// The key of a post that is forwarded and needs nothing more.
pub(crate) const KEY: &str = "entry";
/// Equal keys are one entry for so long.
const SAME: Timestamp = 60_000;

/// Puts an entry into the user's thread, under the report that it is about.
pub(crate) fn add(context: &Context, settings: &Settings, entry: &Entry) -> Result<(), Error> {
    let database = Database::open()?;
    let user = entry.user.id;
    let Some(channel) = settings.log_channel(context) else {
        context.log(&format!(
            "an entry about user {user} is shown nowhere: the server has no mod-log channel"
        ));
        return Ok(());
    };
    if !is_new(&database, user, &entry.key, context.now())? {
        return Ok(());
    }
    let mut post = Post {
        content: entry.text.clone(),
        key: KEY.into(),
        ..Post::default()
    };
    if let Some(message) = entry.message
        && let Some((report, thread, standing)) = report_of(&database, user, message)?
    {
        post.follows = reports::key(report);
        let is_here = THREADS.thread_of(&database, user)? == thread;
        post.reply_to = standing.filter(|_| is_here);
    }
    THREADS.post(context, &database, channel, &entry.user, &post)
}

fn is_new(database: &Database, user: Id, key: &str, now: Timestamp) -> Result<bool, Error> {
    if key.is_empty() {
        return Ok(true);
    }
    let changed = database.execute(
        "INSERT INTO mod_log_keys (user, key, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (user, key) DO UPDATE SET at = ?3 WHERE at + ?4 <= ?3",
        params![user, key, now, SAME],
    )?;
    Ok(changed > 0)
}

/// Id, thread and entry of a report; the latter two where it stands somewhere.
type Standing = (u64, Option<Id>, Option<Id>);

/// The newest report of a message.
fn report_of(database: &Database, user: Id, message: Id) -> Result<Option<Standing>, Error> {
    database.query_first(
        "SELECT id, thread, entry FROM mod_log_reports WHERE message = ?1 AND user = ?2 ORDER BY id DESC LIMIT 1",
        params![message, user],
    )
}

/// Forgets keys that are long over.
pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "DELETE FROM mod_log_keys WHERE at + ?2 <= ?1";
    database.execute(sql, params![now, SAME]).map(drop)
}
