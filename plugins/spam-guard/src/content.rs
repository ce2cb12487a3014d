//! What the words and mentions of a message say.

use crate::settings::{Settings, Words};
use crate::signal::Signal;
use crate::text::{Text, is_zalgo};
use guildhall_sdk::{Id, Message};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) signals: Vec<Signal>,
    /// Listed words of all kinds.
    pub(crate) listed_words: usize,
    /// Whether it calls many: @everyone, @here, or a crowd by name.
    pub(crate) calls_many: bool,
}

impl Content {
    pub(crate) fn of(settings: &Settings, text: &Text, message: &Message) -> Self {
        let mut content = Self::default();
        content.words(settings, &text.plain);
        for ping in ["@everyone", "@here"] {
            if text.prose.contains(ping) {
                content.calls_many = true;
                content.add(Signal::new("mass_ping", settings.points_mass_ping).seen(&ping[1..]));
            }
        }
        content.mentions(settings, message);
        if is_zalgo(&text.prose, settings.zalgo_percent) {
            content.add(Signal::new("zalgo_abuse", settings.points_zalgo));
        }
        content
    }

    fn add(&mut self, signal: Signal) {
        self.signals.push(signal);
    }

    /// Each listed word counts once, wherever it stands; safe words only as whole words, once in all.
    fn words(&mut self, settings: &Settings, plain: &str) {
        for (name, words, points) in [
            ("spam_keyword:scam", &settings.scam_words, settings.points_scam_word),
            ("spam_keyword:nsfw", &settings.nsfw_words, settings.points_nsfw_word),
            (
                "spam_keyword:crypto",
                &settings.crypto_words,
                settings.points_crypto_word,
            ),
            (
                "spam_keyword:phishing",
                &settings.phishing_words,
                settings.points_phishing_word,
            ),
        ] {
            let found = words.matching(|word| plain.contains(word));
            if let Ok(count @ 1..) = i32::try_from(found.len()) {
                self.listed_words += found.len();
                self.add(Signal::new(name, points.saturating_mul(count)).seen(&found.join(", ")));
            }
        }
        let safe = whole_words(plain, &settings.safe_words);
        if !safe.is_empty() {
            self.add(Signal::new("safe_keyword", settings.points_safe_word).seen(&safe.join(", ")));
        }
    }

    fn mentions(&mut self, settings: &Settings, message: &Message) {
        let users = distinct(&message.mentions);
        if users > settings.many_mentions as usize {
            self.calls_many = true;
            self.add(Signal::new("high_mention_density", settings.points_mentions).seen(&format!("{users} users")));
        }
        let all = users + distinct(&message.mention_roles);
        if all > settings.mention_flood as usize {
            self.calls_many = true;
            self.add(
                Signal::new("mention_flood", settings.points_mention_flood).seen(&format!("{all} users and roles")),
            );
        }
    }
}

fn whole_words<'words>(plain: &str, words: &'words Words) -> Vec<&'words str> {
    let is_outside = |character: Option<char>| character.is_none_or(|character| !character.is_alphanumeric());
    words.matching(|word| {
        plain.match_indices(word).any(|(at, _)| {
            is_outside(plain[..at].chars().next_back()) && is_outside(plain[at + word.len()..].chars().next())
        })
    })
}

fn distinct(ids: &[Id]) -> usize {
    if ids.len() < 2 {
        return ids.len();
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;
    use guildhall_sdk::{Embed, EmbedField, ForwardedMessage};

    fn of(message: &Message) -> Vec<(&'static str, i32)> {
        let content = Content::of(&Settings::default(), &Text::of(message), message);
        let signals = content.signals.into_iter();
        signals.map(|signal| (signal.name, signal.points)).collect()
    }

    fn points(content: &str) -> Vec<(&'static str, i32)> {
        of(&message(1, 1, 0, content))
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
        assert_eq!(points("@\u{200b}everyone who looks"), []);
        assert_eq!(points("```\nif content == \"@everyone\"\n```"), []);
    }

    #[test]
    fn safe_words_count_once_and_only_whole() {
        assert_eq!(points("hiring, remote, onsite"), [("safe_keyword", -10)]);
        assert_eq!(points("[HIRING] a designer"), [("safe_keyword", -10)]);
        assert_eq!(points("remotely possible"), []);
        assert_eq!(points("remotely possible, and remote"), [("safe_keyword", -10)]);
    }

    #[test]
    fn more_than_three_different_mentions_are_dense_and_a_crowd_is_a_flood() {
        let mut message = message(1, 1, 0, "hello");
        message.mentions = vec![1, 2, 3, 3, 3];
        assert_eq!(of(&message), []);
        message.mentions.push(4);
        assert_eq!(of(&message), [("high_mention_density", 2)]);
        message.mentions = (1..=8).collect();
        message.mention_roles = vec![20, 21, 22];
        assert_eq!(of(&message), [("high_mention_density", 2), ("mention_flood", 5)]);
    }

    #[test]
    fn the_texts_of_embeds_and_forwards_are_judged_too() {
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
        assert_eq!(of(&message), [("spam_keyword:scam", 6)]);
        message.embeds.clear();
        message.forwards = vec![ForwardedMessage {
            content: "free nitro".into(),
            sent_at: 0,
            attachments: Vec::new(),
            embeds: Vec::new(),
        }];
        assert_eq!(of(&message), [("spam_keyword:scam", 2)]);
    }
}
