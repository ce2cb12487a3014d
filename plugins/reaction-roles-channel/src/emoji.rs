//! Emoji: as people type them into a command, as reactions carry them, and as they are shown.

use guildhall_sdk::Emoji;

/// Makes a character look like an emoji. People and clients leave it out at will.
const EMOJI_STYLE: char = '\u{fe0f}';
const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';
const END_OF_TAGS: char = '\u{e007f}';

/// What two reactions with the same emoji have in common: the id of a custom emoji, or the characters of a unicode one.
pub(crate) fn key(emoji: &Emoji) -> String {
    match emoji.id {
        Some(id) => id.to_string(),
        None => without_style(&emoji.name),
    }
}

/// How the emoji is written in a message.
pub(crate) fn shown(emoji: &Emoji) -> String {
    match emoji.id {
        Some(id) => format!("<{}:{}:{id}>", if emoji.animated { "a" } else { "" }, emoji.name),
        None => emoji.name.clone(),
    }
}

/// Reads what was typed into the command: one unicode emoji, or a custom one as Discord writes it (`<:name:id>`,
/// `<a:name:id>`).
pub(crate) fn parse(text: &str) -> Option<Emoji> {
    let text = text.trim();
    if let Some(custom) = text.strip_prefix('<') {
        return parse_custom(custom.strip_suffix('>')?);
    }
    let characters: Vec<char> = text.chars().collect();
    (!characters.is_empty() && emoji_length(&characters) == characters.len()).then(|| Emoji {
        id: None,
        name: text.to_owned(),
        animated: false,
    })
}

fn parse_custom(text: &str) -> Option<Emoji> {
    let (kind, rest) = text.split_once(':')?;
    let (name, id) = rest.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_');
    if !is_name || !["", "a"].contains(&kind) {
        return None;
    }
    Some(Emoji {
        id: Some(id.parse().ok().filter(|id| *id > 0)?),
        name: name.to_owned(),
        animated: kind == "a",
    })
}

fn without_style(name: &str) -> String {
    name.chars().filter(|character| *character != EMOJI_STYLE).collect()
}

/// How many characters the emoji takes that these begin with; 0 where they begin with none (Unicode Technical Standard 51,
/// without its tables: what looks like an emoji is one).
fn emoji_length(characters: &[char]) -> usize {
    let mut length = element_length(characters);
    while length > 0 && characters.get(length) == Some(&JOINER) {
        match element_length(&characters[length + 1..]) {
            0 => return 0,
            next => length += 1 + next,
        }
    }
    length
}

/// One part of a joined emoji, with its style, skin tone, keycap or tags.
fn element_length(characters: &[char]) -> usize {
    let Some(first) = characters.first() else { return 0 };
    if is_flag_letter(*first) {
        return if characters.get(1).is_some_and(|second| is_flag_letter(*second)) {
            2
        } else {
            0
        };
    }
    let mut length = 1;
    if characters.get(length) == Some(&EMOJI_STYLE) {
        length += 1;
    }
    if matches!(first, '0'..='9' | '#' | '*') {
        return if characters.get(length) == Some(&KEYCAP) {
            length + 1
        } else {
            0
        };
    }
    if !is_symbol(*first) {
        return 0;
    }
    if characters
        .get(length)
        .is_some_and(|tone| ('\u{1f3fb}'..='\u{1f3ff}').contains(tone))
    {
        length += 1;
    }
    let tags = characters[length..]
        .iter()
        .take_while(|tag| ('\u{e0020}'..=END_OF_TAGS).contains(*tag))
        .count();
    length + tags
}

fn is_flag_letter(character: char) -> bool {
    ('\u{1f1e6}'..='\u{1f1ff}').contains(&character)
}

fn is_symbol(character: char) -> bool {
    matches!(u32::from(character),
        0xa9 | 0xae | 0x203c | 0x2049 | 0x2122 | 0x2139 | 0x2194..=0x21aa | 0x231a..=0x23ff | 0x24c2
        | 0x25aa..=0x27bf | 0x2934 | 0x2935 | 0x2b05..=0x2b55 | 0x3030 | 0x303d | 0x3297 | 0x3299
        | 0x1f000..=0x1faff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed_key(text: &str) -> Option<String> {
        parse(text).map(|emoji| key(&emoji))
    }

    #[test]
    fn unicode_emoji_of_every_kind_are_read() {
        for text in ["⭐", "❤️", "❤", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "1️⃣", "#⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "™️", " 📌 "]
        {
            assert!(parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_emoji_is_refused() {
        for text in [
            "",
            "star",
            ":star:",
            "⭐⭐",
            "1",
            "🇩",
            "⭐ x",
            "<:star>",
            "<:st ar:5>",
            "<b:star:5>",
            "<:star:0>",
            "<@5>",
            "‍",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_same_emoji_has_the_same_key_however_it_is_written() {
        assert_eq!(parsed_key("❤️"), parsed_key("❤"));
        assert_ne!(parsed_key("👍"), parsed_key("👍🏽"));
        let renamed = Emoji {
            id: Some(42),
            name: "other".into(),
            animated: false,
        };
        assert_eq!(parsed_key("<a:party:42>"), Some(key(&renamed)));
        assert_eq!(
            parse("<a:party:42>").map(|emoji| shown(&emoji)).as_deref(),
            Some("<a:party:42>")
        );
        assert_eq!(
            parse("<:party:42>").map(|emoji| shown(&emoji)).as_deref(),
            Some("<:party:42>")
        );
    }
}
