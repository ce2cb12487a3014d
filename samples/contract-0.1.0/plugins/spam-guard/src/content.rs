//! What a message says.

use crate::settings::{Settings, Words};
use crate::signal::Signal;
use guildhall_sdk::Message;
use std::collections::BTreeSet;

/// The content and every text of the embeds.
pub(crate) fn judged_text(message: &Message) -> String {
    let mut text = message.content.clone();
    let mut add = |part: &str| {
        text.push('\n');
        text.push_str(part);
    };
    for embed in &message.embeds {
        for part in [&embed.url, &embed.title, &embed.description, &embed.footer]
            .into_iter()
            .flatten()
        {
            add(part);
        }
        for field in &embed.fields {
            add(&field.name);
            add(&field.value);
        }
    }
    text
}

pub(crate) fn has_code_block(text: &str) -> bool {
    text.matches("```").count() >= 2
}

pub(crate) fn signals(settings: &Settings, text: &str, message: &Message) -> Vec<Signal> {
    let lower = text.to_lowercase();
    let mut signals = Vec::new();
    for (name, words) in [
        ("spam_keyword:scam", &settings.scam_words),
        ("spam_keyword:nsfw", &settings.nsfw_words),
        ("spam_keyword:crypto", &settings.crypto_words),
        ("spam_keyword:phishing", &settings.phishing_words),
    ] {
        // Each listed word counts once, wherever it stands.
        let found = i32::try_from(words.count(|word| lower.contains(word))).unwrap_or(i32::MAX);
        if found > 0 {
            signals.push(Signal::new(name, found));
        }
    }
    for ping in ["@everyone", "@here"] {
        if text.contains(ping) {
            signals.push(Signal::new("mass_ping", 5));
        }
    }
    if message.mentions.iter().collect::<BTreeSet<_>>().len() > 3 {
        signals.push(Signal::new("high_mention_density", 2));
    }
    if is_zalgo(text) {
        signals.push(Signal::new("zalgo_abuse", 3));
    }
    if has_whole_word(&lower, &settings.safe_words) {
        signals.push(Signal::new("safe_keyword", -10));
    }
    signals
}

fn has_whole_word(lower: &str, words: &Words) -> bool {
    let present: BTreeSet<_> = lower.split(|character: char| !character.is_alphanumeric()).collect();
    words.count(|word| present.contains(word)) > 0
}

/// Whether more than a fifth of the characters are combining marks, stacked on the others.
fn is_zalgo(text: &str) -> bool {
    let (mut all, mut marks) = (0, 0);
    for character in text.chars() {
        all += 1;
        if matches!(
            u32::from(character),
            0x0300..=0x036F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F
        ) {
            marks += 1;
        }
    }
    marks * 5 > all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::message;
    use guildhall_sdk::{Embed, EmbedField};

    fn points(content: &str) -> Vec<(&'static str, i32)> {
        let message = message(1, 1, 0, content);
        signals(&Settings::default(), &judged_text(&message), &message)
            .into_iter()
            .map(|signal| (signal.name, signal.points))
            .collect()
    }

    #[test]
    fn each_listed_word_counts_once_anywhere_in_any_case() {
        assert_eq!(points("FREE Nitro, free nitro! claim"), [("spam_keyword:scam", 3)]);
        assert_eq!(points("hot 18+ nudes"), [("spam_keyword:nsfw", 2)]);
        assert_eq!(points("NFT airdrop, whitelist open"), [("spam_keyword:crypto", 3)]);
        assert_eq!(
            points("your account is suspended, verify"),
            [("spam_keyword:phishing", 2)]
        );
        assert_eq!(points("good morning"), []);
    }

    #[test]
    fn both_mass_pings_count() {
        assert_eq!(points("@everyone look"), [("mass_ping", 5)]);
        assert_eq!(points("@everyone @here look"), [("mass_ping", 5), ("mass_ping", 5)]);
    }

    #[test]
    fn safe_words_count_once_and_only_whole() {
        assert_eq!(points("hiring, remote, onsite"), [("safe_keyword", -10)]);
        assert_eq!(points("remotely possible"), []);
    }

    #[test]
    fn stacked_marks_are_zalgo_and_accents_are_not() {
        assert_eq!(
            points("h\u{300}\u{301}e\u{302}\u{303}l\u{304}p\u{305}"),
            [("zalgo_abuse", 3)]
        );
        assert_eq!(points("où est la bibliothèque, señor Müller?"), []);
        assert_eq!(points(""), []);
    }

    #[test]
    fn more_than_three_different_mentions_are_dense() {
        let mut message = message(1, 1, 0, "hello");
        message.mentions = vec![1, 2, 3, 3, 3];
        assert_eq!(signals(&Settings::default(), "hello", &message), []);
        message.mentions.push(4);
        assert_eq!(
            signals(&Settings::default(), "hello", &message),
            [Signal::new("high_mention_density", 2)]
        );
    }

    #[test]
    fn the_texts_of_embeds_are_judged_too() {
        let mut message = message(1, 1, 0, "look");
        let field = EmbedField {
            name: "claim".into(),
            value: "reward".into(),
            inline: false,
        };
        message.embeds = vec![Embed {
            title: Some("free".into()),
            description: Some("nitro".into()),
            url: Some("https://steam.example".into()),
            color: None,
            author: None,
            footer: Some("gift".into()),
            image: None,
            fields: vec![field],
        }];
        let found = signals(&Settings::default(), &judged_text(&message), &message);
        assert_eq!(found, [Signal::new("spam_keyword:scam", 6)]);
    }
}
