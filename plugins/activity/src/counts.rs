//! What a text consists of, in numbers: characters and words outside of code, code blocks, links by host. The text itself
//! goes no further.

use serde::Serialize;
use std::collections::BTreeMap;

/// The numbers of a text.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts<'text> {
    /// Characters outside of code blocks.
    pub(crate) characters: u64,
    /// Words outside of code blocks.
    pub(crate) words: u64,
    code: Vec<CodeBlock<'text>>,
    links: BTreeMap<String, u32>,
}

/// A fenced block.
#[derive(Debug, PartialEq, Serialize)]
struct CodeBlock<'text> {
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'text str>,
    characters: usize,
    lines: usize,
}

impl<'text> Counts<'text> {
    pub(crate) fn of(content: &'text str) -> Self {
        let mut counts = Self::default();
        let mut rest = content;
        while let Some((before, inside, after)) = next_block(rest) {
            counts.add_text(before);
            if !inside.trim().is_empty() {
                counts.code.push(CodeBlock::of(inside));
            }
            rest = after;
        }
        counts.add_text(rest);
        counts
    }

    fn add_text(&mut self, text: &str) {
        self.characters += text.trim().chars().count() as u64;
        self.words += text.split_whitespace().count() as u64;
        for (at, _) in text.match_indices("://") {
            if is_web(&text[..at])
                && let Some(host) = host(&text[at + 3..])
            {
                *self.links.entry(host).or_default() += 1;
            }
        }
    }

    pub(crate) fn code_blocks(&self) -> u64 {
        self.code.len() as u64
    }

    pub(crate) fn link_count(&self) -> u64 {
        self.links.values().copied().map(u64::from).sum()
    }

    /// `[{"language":"rust","characters":120,"lines":5}]`; none where there is no code.
    pub(crate) fn code_json(&self) -> Option<String> {
        let some = (!self.code.is_empty()).then_some(&self.code)?;
        serde_json::to_string(some).ok()
    }

    /// `{"docs.rs":2}`; none where there is no link.
    pub(crate) fn links_json(&self) -> Option<String> {
        let some = (!self.links.is_empty()).then_some(&self.links)?;
        serde_json::to_string(some).ok()
    }
}

impl<'text> CodeBlock<'text> {
    fn of(inside: &'text str) -> Self {
        let (language, body) = match inside.split_once('\n') {
            Some(("", body)) => (None, body),
            Some((first, body)) if is_language(first) => (Some(first), body),
            _ => (None, inside),
        };
        let body = body.strip_suffix('\n').unwrap_or(body);
        Self {
            language,
            characters: body.chars().count(),
            lines: body.lines().count(),
        }
    }
}

/// The next fenced block: what stands before it, in it, and behind it. A fence that nothing closes is text.
fn next_block(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("```")?;
    let (inside, after) = rest.split_once("```")?;
    Some((before, inside, after))
}

fn is_language(word: &str) -> bool {
    word.len() <= 20
        && word
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'-' | b'#' | b'.' | b'_'))
}

/// Whether a link of the web begins where this text ends.
fn is_web(before: &str) -> bool {
    let scheme = before
        .rsplit(|letter: char| !letter.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

/// The host at the start of what follows `://`, in lower case, without `www.`.
fn host(rest: &str) -> Option<String> {
    let end = rest.find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '@' | ':')));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let host = authority.rsplit('@').next()?.split(':').next()?.trim_end_matches('.');
    let host = host.to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (host.contains('.') && host.len() <= 253).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(content: &str) -> (u64, u64, String, String) {
        let counts = Counts::of(content);
        (
            counts.characters,
            counts.words,
            counts.code_json().unwrap_or_default(),
            counts.links_json().unwrap_or_default(),
        )
    }

    #[test]
    fn characters_and_words_are_counted_as_people_count_them() {
        assert_eq!(told("hello there"), (11, 2, String::new(), String::new()));
        assert_eq!(
            told("  zwölf Boxkämpfer\n\njagen 🦊 "),
            (25, 4, String::new(), String::new())
        );
        assert_eq!(told(""), (0, 0, String::new(), String::new()));
    }

    #[test]
    fn code_is_counted_by_itself() {
        let (characters, words, code, _) = told("look:\n```rust\nfn main() {\n}\n```\nright?");
        assert_eq!((characters, words), (11, 2));
        assert_eq!(code, r#"[{"language":"rust","characters":13,"lines":2}]"#);
        assert_eq!(told("```one line```").2, r#"[{"characters":8,"lines":1}]"#);
        assert_eq!(told("```\na\n\nb```").2, r#"[{"characters":4,"lines":3}]"#);
        assert_eq!(told("```a b\nc```").2, r#"[{"characters":5,"lines":2}]"#);
        assert_eq!(Counts::of("```a``` and ```b```").code_blocks(), 2);
    }

    #[test]
    fn what_is_no_code_block_is_text() {
        assert_eq!(told("``` open"), (8, 2, String::new(), String::new()));
        assert_eq!(told("`inline` code").2, "");
        assert_eq!(told("``````").2, "");
    }

    #[test]
    fn links_are_counted_by_host() {
        let links =
            told("https://docs.rs/a and <https://www.Docs.rs:443/b>, [x](http://me@example.org/c) ftp://a.example").3;
        assert_eq!(links, r#"{"docs.rs":2,"example.org":1}"#);
        assert_eq!(Counts::of("https://a.example https://a.example").link_count(), 2);
        assert_eq!(told("http:// https://localhost ://x.example").3, "");
        assert_eq!(told("```\nhttps://in.code.example\n```").3, "");
        assert_eq!(told("äöü://x.example 🦊https://y.example").3, r#"{"y.example":1}"#);
    }
}
