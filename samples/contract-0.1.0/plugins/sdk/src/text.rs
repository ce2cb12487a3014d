//! Other people's text in a moderator's log: no pings, no formatting that reaches beyond it.

/// The text, cut to at most so many bytes, never inside a character.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.into();
    }
    let mut cut = text[..text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()))].to_owned();
    cut.push('…');
    cut
}

/// The text on one line, with Discord's markdown and mentions made harmless.
pub fn defused(text: &str) -> String {
    let mut defused = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' | '\r' => defused.push(' '),
            '@' => defused.push_str("@\u{200b}"),
            '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '[' | ']' | '\\' => {
                defused.push('\\');
                defused.push(character);
            }
            _ => defused.push(character),
        }
    }
    defused
}

/// The text as a block quote of at most so many bytes of it, defused line by line.
pub fn quoted(text: &str, bytes: usize) -> String {
    cut(text, bytes)
        .lines()
        .map(|line| format!("> {}", defused(line)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüß", 6), "ä…");
    }

    #[test]
    fn nothing_in_a_quote_pings_or_formats() {
        assert_eq!(
            defused("@everyone **a**\n<@1>"),
            "@\u{200b}everyone \\*\\*a\\*\\* \\<@\u{200b}1\\>"
        );
        assert_eq!(quoted("a\n> b", 100), "> a\n> \\> b");
    }
}
