//! Edits: what a message said before and what it says now. Discord sends the same event when a link's embed resolves or a
//! message is pinned; those are none.

use crate::settings::Settings;
use crate::{cache, entries};
use guildhall_sdk::{Context, Database, Error, MessageUpdate, Person, Timestamp};

/// Where nothing is kept to compare with, an edit is one when it happened just now.
const JUST_NOW: Timestamp = 60_000;

/// Takes up an update of a message.
pub(crate) fn take(context: &Context, update: &MessageUpdate) -> Result<(), Error> {
    let (Some(after), Some(edited_at)) = (&update.content, update.edited_at) else {
        return Ok(());
    };
    if update.author.as_ref().is_some_and(|author| author.bot) {
        return Ok(());
    }
    let settings = Settings::of(context);
    if !settings.is_on(context) || settings.ignores(context, update.channel) {
        return Ok(());
    }
    let database = Database::open()?;
    let kept = cache::find(&database, update.id)?;
    let before = kept.as_ref().and_then(|kept| kept.text.as_deref());
    let is_edit = match before {
        Some(before) => before != after,
        None => context.received_at.saturating_sub(edited_at) < JUST_NOW,
    };
    let author = kept.as_ref().map(|kept| kept.author.clone());
    let (true, Some(author)) = (is_edit, author.or_else(|| update.author.as_ref().map(Person::from))) else {
        return Ok(());
    };
    cache::edit(&database, (update.id, update.channel), &author, after, context.now())?;
    if !settings.log_edits {
        return Ok(());
    }
    let message = (update.id, update.channel);
    entries::edited(context, &database, &settings, message, &author, (before, after))
}
