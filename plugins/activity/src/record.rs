//! The row of each message: written when it is sent, changed with it, gone with it. One statement an event.

use crate::counts::Counts;
use crate::moment::settled_before;
use crate::place::Place;
use crate::upkeep;
use guildhall_sdk::{Context, Database, Error, Id, Message, MessageUpdate, Reaction, params};

/// Members who asked not to be counted are not.
const INSERT: &str = "INSERT OR IGNORE INTO activity_messages (
         message, author, name, channel, parent, category, replied_to, characters, words, code, code_blocks, links, link_count
     )
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
     WHERE NOT EXISTS (SELECT 1 FROM activity_left_out WHERE member = ?2)";

/// A message was sent.
pub(crate) fn sent(context: &Context, message: &Message, place: Place) -> Result<(), Error> {
    let database = Database::open()?;
    if message.id < settled_before(context.now()) {
        return sent_late(&database, message, place);
    }
    insert(&database, message, place).map(drop)
}

fn insert(database: &Database, message: &Message, place: Place) -> Result<bool, Error> {
    let counts = Counts::of(&message.content);
    let inserted = database.execute(
        INSERT,
        params![
            message.id,
            message.author.id,
            &message.author.username,
            message.channel,
            place.parent,
            place.category,
            message.reply_author,
            counts.characters,
            counts.words,
            counts.code_json(),
            counts.code_blocks(),
            counts.links_json(),
            counts.link_count(),
        ],
    )?;
    Ok(inserted == 1)
}

/// A message that was missed while the bot was away: its hour may have been added up, its day may be forgotten.
fn sent_late(database: &Database, message: &Message, place: Place) -> Result<(), Error> {
    let state = upkeep::State::read(database)?;
    if message.id >= state.kept_from && insert(database, message, place)? && message.id < state.rolled_to {
        upkeep::add_up(database, message.id, message.id + 1)?;
    }
    Ok(())
}

/// Above every message that has a row now. What is to be erased or exported ends here: messages that come later are not meant.
pub(crate) fn end(database: &Database) -> Result<Id, Error> {
    let row: Option<(Option<Id>,)> = database.query_first("SELECT max(message) FROM activity_messages", params![])?;
    Ok(row.and_then(|(newest,)| newest).map_or(0, |newest| newest + 1))
}

/// A message was edited. What only made embeds resolve changes nothing.
pub(crate) fn edited(update: &MessageUpdate) -> Result<(), Error> {
    let (Some(content), Some(_)) = (&update.content, update.edited_at) else {
        return Ok(());
    };
    let counts = Counts::of(content);
    Database::open()?
        .execute(
            "UPDATE activity_messages
             SET characters = ?2, words = ?3, code = ?4, code_blocks = ?5, links = ?6, link_count = ?7 WHERE message = ?1",
            params![
                update.id,
                counts.characters,
                counts.words,
                counts.code_json(),
                counts.code_blocks(),
                counts.links_json(),
                counts.link_count(),
            ],
        )
        .map(drop)
}

/// Messages were deleted.
pub(crate) fn deleted(messages: &[Id]) -> Result<(), Error> {
    let database = Database::open()?;
    for message in messages {
        database.execute("DELETE FROM activity_messages WHERE message = ?1", params![*message])?;
    }
    Ok(())
}

/// Somebody else than the author reacted.
pub(crate) fn reacted(reaction: &Reaction) -> Result<(), Error> {
    let sql = "UPDATE activity_messages SET react_count = react_count + 1 WHERE message = ?1 AND author <> ?2";
    Database::open()?
        .execute(sql, params![reaction.message, reaction.user])
        .map(drop)
}

/// Somebody took a reaction back.
pub(crate) fn unreacted(reaction: &Reaction) -> Result<(), Error> {
    let sql = "UPDATE activity_messages SET react_count = react_count - 1
               WHERE message = ?1 AND author <> ?2 AND react_count > 0";
    Database::open()?
        .execute(sql, params![reaction.message, reaction.user])
        .map(drop)
}
