//! Texts of the same shape: letters become letters of their script and case, digits become digits, and everything else stays. Links
//! keep their structure and the ends of their hosts' names; mentions and custom emoji keep their form.

use super::{Anonymiser, ID_DIGITS, parse_id};
use rand::RngExt;
use rand::rngs::StdRng;

/// Hosts that say nothing of anybody.
const KNOWN_HOSTS: &[&str] = &[
    "cdn.discordapp.com",
    "discord.com",
    "discord.gg",
    "discordapp.com",
    "media.discordapp.net",
];

/// Neighbours of a letter that are looked at for one that is like it.
const ATTEMPTS: usize = 64;

/// Where one word ends and the next begins, as far as links are concerned.
fn is_between(character: char) -> bool {
    character.is_whitespace() || "<>()[]{}\"'|`*".contains(character)
}

impl Anonymiser {
    /// Another text of the same shape; the same one for the same text.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut random = self.random("text", text);
        let mut other = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((marked, after)) = mark(rest) {
                other.push_str(&self.marked(marked, &mut random));
                rest = after;
                continue;
            }
            let end = rest.find(is_between).unwrap_or(rest.len());
            let (word, after) = if end == 0 {
                rest.split_at(rest.chars().next().map_or(0, char::len_utf8))
            } else {
                rest.split_at(end)
            };
            other.push_str(&self.word(word, &mut random));
            rest = after;
        }
        other
    }

    /// A text whose ids alone are other ones.
    pub(super) fn ids_in(&mut self, text: &str) -> String {
        let mut other = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
            let (before, digits) = rest.split_at(start);
            let end = digits
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(digits.len());
            let (digits, after) = digits.split_at(end);
            other.push_str(before);
            match parse_id(digits) {
                Some(id) => other.push_str(&self.id(id).to_string()),
                None => other.push_str(digits),
            }
            rest = after;
        }
        other.push_str(rest);
        other
    }

    /// `<@1>`, `<#1>`, `<:name:1>`, `<t:1:R>`, `</command:1>`: the name is replaced, and the id.
    fn marked(&mut self, marked: &str, random: &mut StdRng) -> String {
        let inner = &marked[1..marked.len() - 1];
        if inner.starts_with("t:") {
            return marked.to_owned();
        }
        let parts: Vec<_> = inner
            .split(':')
            .map(|part| {
                let digits = part.trim_start_matches(['@', '#', '&', '!']);
                match parse_id(digits) {
                    Some(id) => format!("{}{}", &part[..part.len() - digits.len()], self.id(id)),
                    None if part == "a" => part.to_owned(),
                    None => letters(part, random),
                }
            })
            .collect();
        format!("<{}>", parts.join(":"))
    }

    fn word(&mut self, word: &str, random: &mut StdRng) -> String {
        if matches!(word, "@everyone" | "@here") {
            return word.to_owned();
        }
        if let Some((scheme, rest)) = word.split_once("://")
            && matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
        {
            return format!("{scheme}://{}", self.link(rest, random));
        }
        if is_bare_link(word) {
            return self.link(word, random);
        }
        if word.bytes().filter(u8::is_ascii_digit).count() >= ID_DIGITS {
            let with_ids = self.ids_in(word);
            return if with_ids == word {
                letters(word, random)
            } else {
                letters_around_ids(&with_ids, random)
            };
        }
        letters(word, random)
    }

    /// A link without its scheme: the same host becomes the same other one everywhere.
    fn link(&mut self, link: &str, random: &mut StdRng) -> String {
        let end = link.find(['/', '?', '#']).unwrap_or(link.len());
        let (authority, path) = link.split_at(end);
        let (before, host) = authority
            .rsplit_once('@')
            .map_or(("", authority), |(before, host)| (before, host));
        let mut other = String::new();
        if !before.is_empty() {
            other.push_str(&letters(before, random));
            other.push('@');
        }
        let (host, port) = host
            .split_once(':')
            .map_or((host, None), |(host, port)| (host, Some(port)));
        other.push_str(&self.host(host));
        if let Some(port) = port {
            other.push(':');
            other.push_str(port);
        }
        let with_ids = self.ids_in(path);
        other.push_str(&letters_around_ids(&with_ids, random));
        other
    }

    fn host(&self, host: &str) -> String {
        let lower = host.to_ascii_lowercase();
        if KNOWN_HOSTS.contains(&lower.as_str()) {
            return lower;
        }
        let labels: Vec<_> = lower.split('.').collect();
        let last = labels.len().saturating_sub(1);
        let other = labels.iter().enumerate().map(|(number, label)| {
            if number == last && number > 0 {
                (*label).to_owned()
            } else {
                letters(label, &mut self.random("host", label))
            }
        });
        other.collect::<Vec<_>>().join(".")
    }
}

/// Something between `<` and `>` that Discord shows as something else, at the beginning of a text.
fn mark(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find('>')?;
    let is_mark = inner.starts_with(['@', '#', ':', '/']) || inner.starts_with("a:") || inner.starts_with("t:");
    let is_short = end <= 80 && !inner[..end].contains(char::is_whitespace);
    (is_mark && is_short).then(|| text.split_at(end + 2))
}

/// `example.org/page` without a scheme; also a file's name, whose end says what it is.
fn is_bare_link(word: &str) -> bool {
    let host = word.split(['/', '?', '#']).next().unwrap_or_default();
    let mut labels = host.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let has_end = (2..=12).contains(&last.len()) && last.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.contains('.') && has_end && labels.all(is_label)
}

/// Letters and digits become others; ids that were replaced stay as they are.
fn letters_around_ids(text: &str, random: &mut StdRng) -> String {
    let mut other = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let is_digit = rest.starts_with(|character: char| character.is_ascii_digit());
        let end = rest
            .find(|character: char| character.is_ascii_digit() != is_digit)
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        match parse_id(part) {
            Some(_) => other.push_str(part),
            None => other.push_str(&letters(part, random)),
        }
        rest = after;
    }
    other
}

fn letters(text: &str, random: &mut StdRng) -> String {
    text.chars().map(|character| letter(character, random)).collect()
}

fn letter(character: char, random: &mut StdRng) -> char {
    match character {
        'a'..='z' => random.random_range(b'a'..=b'z').into(),
        'A'..='Z' => random.random_range(b'A'..=b'Z').into(),
        '0'..='9' => random.random_range(b'0'..=b'9').into(),
        _ if character.is_alphanumeric() => {
            // Scripts lie in rows of 64: the neighbours of a letter are letters of its script.
            let row = u32::from(character) & !0x3f;
            let sort = |letter: char| (letter.is_alphabetic(), letter.is_numeric(), letter.is_uppercase());
            let neighbours = (0..ATTEMPTS).filter_map(|_| char::from_u32(row | random.random_range(0..64)));
            let mut alike = neighbours.filter(|other| sort(*other) == sort(character));
            alike.next().unwrap_or('x')
        }
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(text: &str) -> String {
        Anonymiser::with_key([7; 32]).text(text)
    }

    #[test]
    fn a_text_keeps_its_shape_and_the_same_one_becomes_the_same() {
        let (text, told) = (
            "Free NITRO, 100% real! 🎉 schöne Grüße",
            other("Free NITRO, 100% real! 🎉 schöne Grüße"),
        );
        assert_ne!(text, told);
        assert_eq!(text.chars().count(), told.chars().count());
        for (before, after) in text.chars().zip(told.chars()) {
            assert_eq!(before.is_alphanumeric(), after.is_alphanumeric(), "{told}");
            assert_eq!(before.is_uppercase(), after.is_uppercase(), "{told}");
            assert!(before.is_alphanumeric() || before == after, "{told}");
        }
        assert_eq!(told, other(text));
        assert!(!told.contains("schö") && !told.contains("Free"));
    }

    #[test]
    fn links_keep_their_structure_and_hosts_are_known_again() {
        let told = other("https://www.secret.example.org:8080/path/to?key=value#part and example.org/other");
        let first = told.split(' ').next().expect("a link");
        assert!(
            first.starts_with("https://") && first.contains(".org:8080/") && first.contains('?') && first.contains('#'),
            "{told}"
        );
        assert_eq!(
            first.matches('/').count(),
            "https://www.secret.example.org:8080/path/to?key=value#part"
                .matches('/')
                .count()
        );
        let host = |link: &str| {
            link.split(['/', ':'])
                .next()
                .unwrap_or_default()
                .rsplit('.')
                .nth(1)
                .map(str::to_owned)
        };
        let bare = told.rsplit(' ').next().expect("a link");
        assert_eq!(host(&first["https://".len()..]), host(bare), "{told}");
        assert!(!told.contains("secret") && !told.contains("example") && !told.contains("path"));
        assert!(other("https://discord.gg/abcdef").starts_with("https://discord.gg/"));
        assert!(other("photo.png").ends_with(".png"));
    }

    #[test]
    fn marks_keep_their_form() {
        let told = other(
            "<@1190000000000000001> <@&1190000000000000002> <#1190000000000000003> <a:wave:1190000000000000004> <t:1772442000:R> @everyone <not a mark>",
        );
        assert!(
            told.starts_with("<@1") && told.contains(" <@&1") && told.contains(" <#1") && told.contains(" <a:"),
            "{told}"
        );
        assert!(told.contains("<t:1772442000:R> @everyone"), "{told}");
        assert!(
            !told.contains("wave") && !told.contains("not a mark") && !told.contains("1190000000000000001"),
            "{told}"
        );
    }
}
