//! Other people's text in a moderator's log: no pings, no formatting that reaches beyond it.

use crate::Timestamp;

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

/// The text on one line of at most so many bytes, defused.
pub fn one_line(text: &str, bytes: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    defused(&cut(&words.join(" "), bytes))
}

/// A moment as Discord shows it to each reader: "3 hours ago".
pub fn relative_time(moment: Timestamp) -> String {
    format!("<t:{}:R>", moment / 1000)
}

/// How long something lasts, in its largest unit: `3 h`, `2 d`.
pub fn span(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Lines of a bounded quote: a wall of empty lines is as much in the way as a wall of text.
const QUOTED_LINES: usize = 30;

/// The text, cut to at most so many characters.
pub fn cut_characters(text: &str, characters: usize) -> String {
    if text.len() <= characters || text.chars().nth(characters).is_none() {
        return text.into();
    }
    let mut cut: String = text.chars().take(characters.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The text as a block quote that is itself at most so many characters and 30 lines long, defused; and whether all of
/// the text is in it.
pub fn quoted_within(text: &str, characters: usize) -> (String, bool) {
    let mut quote = String::new();
    let mut left = characters.saturating_sub(1);
    for (index, line) in text.trim_end().lines().enumerate() {
        let start = if index == 0 { "> " } else { "\n> " };
        if index == QUOTED_LINES || left < start.len() {
            quote.push('…');
            return (quote, false);
        }
        quote.push_str(start);
        left -= start.len();
        for character in line.chars() {
            let harmless = defused(character.encode_utf8(&mut [0; 4]));
            let needed = harmless.chars().count();
            if needed > left {
                quote.push('…');
                return (quote, false);
            }
            quote.push_str(&harmless);
            left -= needed;
        }
    }
    (quote, true)
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

    #[test]
    fn a_bounded_quote_stays_within_its_bounds_and_says_whether_it_is_whole() {
        assert_eq!(quoted_within("a\nb*", 100), ("> a\n> b\\*".into(), true));
        assert_eq!(quoted_within("", 100), (String::new(), true));
        for text in [
            "*".repeat(500),
            "\n".repeat(500) + "x",
            "ä\n".repeat(500),
            "@".repeat(90),
        ] {
            let (quote, whole) = quoted_within(&text, 100);
            assert!(
                quote.chars().count() <= 100 && quote.lines().count() <= 31 && !whole,
                "{quote}"
            );
            assert!(
                !quote.trim_end_matches('…').ends_with('\\'),
                "a mark is never cut from its backslash: {quote}"
            );
        }
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert_eq!(cut_characters("äöü", 3), "äöü");
        assert_eq!(cut_characters("äöüß", 3), "äö…");
    }
}
