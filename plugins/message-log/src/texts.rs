//! What stands in the entries and their files. Other people's words are defused wherever they appear.

use crate::cache::Kept;
use crate::entries::By;
use guildhall_sdk::{
    Id, Person, cut, cut_characters, defused, message_link, one_line, quoted_within, relative_time, snowflake_unix_ms,
    utc,
};

/// Discord's bound of a message.
const LONGEST: usize = 2000;
/// Characters of what is quoted of a deleted message.
pub(crate) const QUOTE: usize = 1200;
/// The same where it is told elsewhere too.
pub(crate) const SHORT_QUOTE: usize = 700;
/// Characters of each side of an edit.
const SIDE: usize = 750;
/// Bytes of each message of a bulk deletion.
const LINE: usize = 120;
/// Characters of small print.
const SMALL_PRINT: usize = 400;

/// Where it happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) guild: Id,
    pub(crate) channel: Id,
}

/// The entry about deleted messages of one author, and whether everything that is kept of them stands in it.
pub(crate) fn deleted(
    place: Place,
    messages: &[&Kept],
    bulk: bool,
    by: &By,
    own_user: Option<Id>,
    characters: usize,
) -> (String, bool) {
    let by = deleter(by, bulk, own_user);
    match messages {
        [kept] => {
            let at_once = if bulk { " with others" } else { "" };
            let head = format!(
                "**Deleted**{at_once} {by}: {} in <#{}>",
                what(place, kept.message, &kept.author),
                place.channel
            );
            let room = LONGEST.saturating_sub(head.chars().count() + 1);
            let (rest, whole) = content(kept, characters, room);
            (format!("{head}\n{rest}"), whole)
        }
        several => {
            let author = several.first().map(|kept| person(&kept.author)).unwrap_or_default();
            let mut text = format!(
                "**{} messages deleted at once** {by}: {author} in <#{}>",
                several.len(),
                place.channel
            );
            let mut left = characters;
            for (index, kept) in several.iter().enumerate() {
                let line = line(kept);
                let needed = line.chars().count() + 1;
                if needed > left {
                    text.push_str(&format!("\n-# and {} more", several.len() - index));
                    break;
                }
                left -= needed;
                text.push('\n');
                text.push_str(&line);
            }
            // Lines are cut and joined: the file has them as they were.
            (text, several.iter().all(|kept| kept.text.is_none()))
        }
    }
}

/// The entry about a bulk deletion that many authors lost something in.
pub(crate) fn deleted_of_many(place: Place, messages: usize, authors: usize, by: &By, own_user: Option<Id>) -> String {
    let by = deleter(by, true, own_user);
    format!(
        "**{messages} messages of {authors} authors deleted at once** {by}, in <#{}>",
        place.channel
    )
}

/// The entry about an edit, and whether both sides stand in it.
pub(crate) fn edited(place: Place, message: Id, author: &Person, before: Option<&str>, after: &str) -> (String, bool) {
    let (before, before_whole) = match before {
        Some(before) => side(before),
        None => ("-# what it said before is not kept any more".into(), true),
    };
    let (after, after_whole) = side(after);
    let head = format!("**Edited**: {} in <#{}>", what(place, message, author), place.channel);
    (
        format!("{head}\n{before}\n**to**\n{after}"),
        before_whole && after_whole,
    )
}

fn side(text: &str) -> (String, bool) {
    match quoted_within(text, SIDE) {
        (empty, whole) if empty.is_empty() => ("-# without text".into(), whole),
        quote => quote,
    }
}

/// Both sides of an edit as they were.
pub(crate) fn edited_file(before: Option<&str>, after: &str, bytes: usize) -> String {
    let before = before.unwrap_or("not kept any more");
    cut(&format!("BEFORE\n\n{before}\n\nAFTER\n\n{after}\n"), bytes)
}

/// Deleted messages as they were.
pub(crate) fn file(messages: &[&Kept], bytes: usize) -> String {
    let mut text = String::new();
    for kept in messages {
        let said = kept.text.as_deref().unwrap_or("(not kept any more)");
        let small_print = kept.small_print.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "{} UTC, {} ({}), message {}\n{said}\n{small_print}\n",
            utc(snowflake_unix_ms(kept.message)),
            kept.author.name,
            kept.author.id,
            kept.message
        ));
    }
    cut(&text, bytes)
}

fn what(place: Place, message: Id, author: &Person) -> String {
    let link = message_link(place.guild, place.channel, message);
    format!(
        "[message]({link}) of {}, sent {}",
        person(author),
        relative_time(snowflake_unix_ms(message))
    )
}

fn content(kept: &Kept, characters: usize, room: usize) -> (String, bool) {
    let Some(text) = &kept.text else {
        return ("-# what it said is not kept any more".into(), true);
    };
    let small_print = cut_characters(kept.small_print.as_deref().unwrap_or_default(), SMALL_PRINT);
    let room = room.saturating_sub(small_print.chars().count() + 1);
    let (quote, whole) = quoted_within(text, characters.min(room));
    let parts: Vec<_> = [quote, small_print]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [] => ("-# without text".into(), whole),
        parts => (parts.join("\n"), whole),
    }
}

/// One message of several on one line.
fn line(kept: &Kept) -> String {
    let time = format!("<t:{}:T>", snowflake_unix_ms(kept.message) / 1000);
    let said = match &kept.text {
        None => "(not kept any more)".into(),
        Some(text) => one_line(text, LINE),
    };
    let small_print = kept.small_print.as_ref().map_or("", |_| " (and more than text)");
    format!("> {time} {said}{small_print}")
}

fn deleter(by: &By, bulk: bool, own_user: Option<Id>) -> String {
    match by {
        // Nothing of these is in the audit log.
        By::Themselves if bulk => "by a bot or with a ban".into(),
        By::Themselves => "by the author or a bot".into(),
        By::Somebody(deleter) if Some(deleter.executor) == own_user => "by this bot".into(),
        By::Somebody(deleter) => {
            let reason = deleter.reason.as_deref().map(|reason| one_line(reason, 120));
            let reason = reason
                .filter(|reason| !reason.is_empty())
                .map(|reason| format!(" ({reason})"));
            format!("by <@{}>{}", deleter.executor, reason.unwrap_or_default())
        }
        By::Hidden => "by somebody (the bot cannot read the audit log)".into(),
        By::NotAsked => "by somebody".into(),
    }
}

/// A mention, and the name for those who do not see mentions of people who have left.
fn person(person: &Person) -> String {
    match person.name.trim() {
        "" => format!("<@{}>", person.id),
        name => format!("<@{}> ({})", person.id, defused(&cut_characters(name, 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit_log::Deleter;

    const PLACE: Place = Place { guild: 3, channel: 5 };

    fn kept(text: Option<&str>) -> Kept {
        Kept {
            message: 175_928_847_299_117_063,
            author: Person {
                id: 7,
                name: "ann_b".into(),
            },
            text: text.map(str::to_owned),
            small_print: None,
        }
    }

    fn somebody() -> By {
        By::Somebody(Deleter {
            executor: 9,
            author: Some(7),
            reason: Some("spam\n@here".into()),
        })
    }

    #[test]
    fn an_entry_says_by_whom_whose_where_when_and_what() {
        let (text, whole) = deleted(
            PLACE,
            &[&kept(Some("@everyone\n**x**"))],
            false,
            &somebody(),
            Some(1),
            QUOTE,
        );
        assert_eq!(
            text,
            "**Deleted** by <@9> (spam @\u{200b}here): \
             [message](https://discord.com/channels/3/5/175928847299117063) of <@7> (ann\\_b), sent <t:1462015105:R> in <#5>\n\
             > @\u{200b}everyone\n> \\*\\*x\\*\\*"
        );
        assert!(whole);
        let (text, _) = deleted(PLACE, &[&kept(None)], false, &By::Themselves, None, QUOTE);
        assert!(
            text.starts_with("**Deleted** by the author or a bot: ")
                && text.ends_with("\n-# what it said is not kept any more"),
            "{text}"
        );
        let (text, _) = deleted(PLACE, &[&kept(Some(""))], false, &somebody(), Some(9), QUOTE);
        assert!(
            text.contains("by this bot") && text.ends_with("\n-# without text"),
            "{text}"
        );
    }

    #[test]
    fn nothing_makes_an_entry_too_long() {
        for text in ["*".repeat(4000), "\n".repeat(4000), "äöü ".repeat(1000)] {
            let long = Kept {
                small_print: Some("-# ".repeat(900)),
                ..kept(Some(&text))
            };
            let (entry, whole) = deleted(PLACE, &[&long], false, &somebody(), None, QUOTE);
            assert!(
                entry.chars().count() <= 2000 && (!whole || text.trim().is_empty()),
                "{}",
                entry.chars().count()
            );
            let (entry, whole) = deleted(PLACE, &vec![&long; 100], true, &somebody(), None, QUOTE);
            assert!(entry.chars().count() <= 2000 && !whole, "{}", entry.chars().count());
            let (entry, _) = edited(PLACE, 1, &long.author, Some(&text), &text);
            assert!(entry.chars().count() <= 2000, "{}", entry.chars().count());
        }
    }

    #[test]
    fn an_edit_shows_both_sides() {
        let author = Person {
            id: 7,
            name: "ann".into(),
        };
        let (text, whole) = edited(PLACE, 1, &author, Some("free\nnitro"), "");
        assert!(
            whole && text.ends_with("in <#5>\n> free\n> nitro\n**to**\n-# without text"),
            "{text}"
        );
        let (text, _) = edited(PLACE, 1, &author, None, "now");
        assert!(
            text.ends_with("\n-# what it said before is not kept any more\n**to**\n> now"),
            "{text}"
        );
    }

    #[test]
    fn files_name_moments_as_people_do() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(1_709_210_096_000), "2024-02-29 12:34:56");
        assert_eq!(utc(1_772_442_000_000), "2026-03-02 09:00:00");
        assert_eq!(
            file(&[&kept(Some("as it was: **x**"))], 1000),
            "2016-04-30 11:18:25 UTC, ann_b (7), message 175928847299117063\nas it was: **x**\n\n"
        );
    }
}
