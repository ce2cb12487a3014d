//! What is written about deletions and edits: into the author's deletion thread, and told to `mod-log` where a moderator
//! deleted. A bulk deletion is one entry for each author, or one for all where there are many.

use crate::audit_log::Deleter;
use crate::cache::Kept;
use crate::deletion::Deletion;
use crate::settings::Settings;
use crate::texts::{self, Place};
use crate::{THREADS, unknown};
use guildhall_sdk::mod_log::Entry;
use guildhall_sdk::{Action, Context, Database, Error, Id, MessageBody, Person, Post, TextFile};

/// The key of an entry's post.
pub(crate) const KEY: &str = "entry";
/// Authors of a bulk deletion that have an entry each.
const AUTHORS: usize = 10;
/// Bytes of the files of one deletion, all authors together.
const FILES: usize = 60 << 10;

/// Who deleted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum By {
    /// The audit log tells nothing: the author, or a bot.
    Themselves,
    /// The audit log tells.
    Somebody(Deleter),
    /// The audit log cannot be read.
    Hidden,
    /// Nobody looked.
    NotAsked,
}

/// Writes about messages that were deleted in one go.
pub(crate) fn deleted(
    context: &Context,
    database: &Database,
    settings: &Settings,
    deletion: &Deletion,
    by: &By,
) -> Result<(), Error> {
    let Some(log) = settings.log_channel(context) else {
        return Ok(());
    };
    if deletion.unknown > 0 {
        unknown::count(context, database, settings, deletion, by)?;
    }
    let place = Place {
        guild: context.guild,
        channel: deletion.channel,
    };
    let authors = by_author(&deletion.kept);
    if authors.len() > AUTHORS {
        return many_authors(context, log, place, deletion, authors.len(), by);
    }
    let file_bytes = FILES / authors.len().max(1);
    let own_user = context.info().map(|info| info.own_user);
    for messages in authors {
        let Some(first) = messages.first() else { continue };
        let (content, whole) = texts::deleted(place, &messages, deletion.bulk, by, own_user, texts::QUOTE);
        let file = (!whole).then(|| ("deleted.txt".to_owned(), texts::file(&messages, file_bytes)));
        let post = Post {
            content,
            key: KEY.into(),
            files: file.into_iter().collect(),
            ..Post::default()
        };
        THREADS.post(context, database, log, &first.author, &post)?;
        if let By::Somebody(deleter) = by
            && Some(deleter.executor) != own_user
        {
            let (text, _) = texts::deleted(place, &messages, deletion.bulk, by, own_user, texts::SHORT_QUOTE);
            tell_mod_log(&first.author, text, first.message, messages.len() == 1)?;
        }
    }
    Ok(())
}

fn tell_mod_log(author: &Person, text: String, message: Id, alone: bool) -> Result<(), Error> {
    let entry = Entry {
        message: alone.then_some(message),
        key: format!("deletion:{message}"),
        ..Entry::about(author.clone(), text)
    };
    entry.emit()
}

/// One entry in the log channel itself, with everything in a file.
fn many_authors(
    context: &Context,
    log: Id,
    place: Place,
    deletion: &Deletion,
    authors: usize,
    by: &By,
) -> Result<(), Error> {
    let messages: Vec<_> = deletion.kept.iter().collect();
    let own_user = context.info().map(|info| info.own_user);
    let content = texts::deleted_of_many(place, messages.len(), authors, by, own_user);
    let file = TextFile {
        name: "deleted.txt".into(),
        text: texts::file(&messages, FILES),
    };
    let body = MessageBody {
        files: vec![file],
        ..Action::body(content)
    };
    Action::send(log, body).submit()
}

/// Messages with one author together, in the order in which the authors first appear.
fn by_author(kept: &[Kept]) -> Vec<Vec<&Kept>> {
    let mut authors: Vec<Vec<&Kept>> = Vec::new();
    for message in kept {
        let known = authors
            .iter_mut()
            .find(|messages| messages[0].author.id == message.author.id);
        match known {
            Some(messages) => messages.push(message),
            None => authors.push(vec![message]),
        }
    }
    authors
}

/// Writes about an edit. `before` is none where it is not kept any more.
pub(crate) fn edited(
    context: &Context,
    database: &Database,
    settings: &Settings,
    (message, channel): (Id, Id),
    author: &Person,
    (before, after): (Option<&str>, &str),
) -> Result<(), Error> {
    let Some(log) = settings.log_channel(context) else {
        return Ok(());
    };
    let place = Place {
        guild: context.guild,
        channel,
    };
    let (content, whole) = texts::edited(place, message, author, before, after);
    let file = (!whole).then(|| ("edited.txt".to_owned(), texts::edited_file(before, after, FILES)));
    let post = Post {
        content,
        key: KEY.into(),
        files: file.into_iter().collect(),
        ..Post::default()
    };
    THREADS.post(context, database, log, author, &post)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_author_stand_together() {
        let kept = |message, author| Kept {
            message,
            author: Person {
                id: author,
                name: String::new(),
            },
            text: None,
            small_print: None,
        };
        let all = [kept(1, 7), kept(2, 8), kept(3, 7)];
        let ids: Vec<Vec<_>> = by_author(&all)
            .iter()
            .map(|messages| messages.iter().map(|kept| kept.message).collect())
            .collect();
        assert_eq!(ids, [vec![1, 3], vec![2]]);
    }
}
