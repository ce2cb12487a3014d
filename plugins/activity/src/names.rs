//! Names of channels and categories, as they were when they last were there: figures outlive channels.

use guildhall_sdk::{Context, Database, Error, Id, params};
use std::collections::BTreeMap;

/// Discord's channel types that figures name (Discord, Channel Types): text, voice, category, announcement, forum, media.
const NAMED: [u8; 6] = [0, 2, 4, 5, 15, 16];

/// Takes changed names up.
pub(crate) fn refresh(context: &Context, database: &Database) -> Result<(), Error> {
    let sql = "SELECT channel, name, kind, category FROM activity_channels";
    let known: Vec<(Id, String, u64, Option<Id>)> = database.query(sql, params![])?;
    let known: BTreeMap<_, _> = known
        .into_iter()
        .map(|(channel, name, kind, category)| (channel, (name, kind, category)))
        .collect();
    for channel in context.channels() {
        let now = (channel.name, u64::from(channel.kind), channel.parent);
        if !NAMED.contains(&channel.kind) || known.get(&channel.id) == Some(&now) {
            continue;
        }
        let (name, kind, category) = now;
        database.execute(
            "INSERT OR REPLACE INTO activity_channels (channel, name, kind, category) VALUES (?1, ?2, ?3, ?4)",
            params![channel.id, name, kind, category],
        )?;
    }
    Ok(())
}
