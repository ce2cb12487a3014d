//! What a message says, in the forms that the rules look at.

use guildhall_sdk::{Message, written_text};

/// A message's words.
pub(crate) struct Text {
    /// Content, embeds and forwards, in lower case and without characters that nobody sees. Two messages that say the same
    /// have this in common.
    pub(crate) whole: String,
    /// As written, without code blocks: in them nothing pings, nothing can be clicked, and code is full of words.
    pub(crate) prose: String,
    /// The same as `whole` is.
    pub(crate) plain: String,
    /// Whether there is a code block.
    pub(crate) has_code: bool,
}

impl Text {
    pub(crate) fn of(message: &Message) -> Self {
        let written = written_text(message);
        let whole = plain(&written);
        match without_code(&written) {
            Some(prose) => Self {
                plain: plain(&prose),
                has_code: true,
                prose,
                whole,
            },
            None => Self {
                plain: whole.clone(),
                has_code: false,
                prose: written,
                whole,
            },
        }
    }
}

/// The text without its fenced code blocks; none where it has none. A fence that is not closed is no block.
fn without_code(text: &str) -> Option<String> {
    let parts: Vec<_> = text.split("```").collect();
    if parts.len() < 3 {
        return None;
    }
    let unclosed = parts.len().is_multiple_of(2).then(|| parts.len() - 1);
    let outside = parts
        .iter()
        .enumerate()
        .filter(|(index, _)| index.is_multiple_of(2) || Some(*index) == unclosed);
    Some(outside.map(|(_, part)| *part).collect::<Vec<_>>().join("\n"))
}

/// The text in lower case, without outer space and without characters that are not seen: they tear listed words apart.
fn plain(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let seen = |character: &char| !matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    text.chars().filter(seen).flat_map(char::to_lowercase).collect()
}

/// Whether more than so many percent of the characters are combining marks that pile up on the others.
pub(crate) fn is_zalgo(text: &str, percent: u32) -> bool {
    if text.is_ascii() {
        return false;
    }
    let is_mark = |character: char| {
        matches!(
            u32::from(character),
            0x0300..=0x036F | 0x0483..=0x0489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F
        )
    };
    let (mut all, mut marks) = (0_usize, 0_usize);
    for character in text.chars() {
        all += 1;
        marks += usize::from(is_mark(character));
    }
    marks * 100 > all * percent as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    #[test]
    fn code_blocks_are_not_prose() {
        let text = Text::of(&message(1, 1, 0, "look:\n```js\nfree(claim)\n``` thanks"));
        assert!(text.has_code && text.whole.contains("free(claim)"));
        assert_eq!(text.plain.split_whitespace().collect::<Vec<_>>(), ["look:", "thanks"]);
        let text = Text::of(&message(1, 1, 0, "```js\nfree"));
        assert!(!text.has_code && text.plain.contains("free"));
        let text = Text::of(&message(1, 1, 0, "```a``` b ```c"));
        assert!(text.plain.contains('b') && text.plain.contains('c') && !text.plain.contains('a'));
    }

    #[test]
    fn what_is_not_seen_does_not_tear_words_apart() {
        assert_eq!(plain(" FR\u{200b}EE N\u{2060}itro "), "free nitro");
        assert_eq!(plain("ÄRGER"), "ärger");
    }

    #[test]
    fn stacked_marks_are_zalgo_and_accents_are_not() {
        assert!(is_zalgo("h\u{300}\u{301}e\u{302}\u{303}l\u{304}p\u{305}", 20));
        assert!(!is_zalgo(
            "ou\u{300} est la bibliothe\u{300}que, sen\u{303}or Mu\u{308}ller?",
            20
        ));
        assert!(!is_zalgo("où est la bibliothèque", 20) && !is_zalgo("", 20) && !is_zalgo("😀😀😀", 20));
    }
}
