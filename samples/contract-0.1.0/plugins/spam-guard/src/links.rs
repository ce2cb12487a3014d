//! Where a message's links lead: to names that imitate well-known ones, or elsewhere than their text says.

use crate::signal::Signal;

/// Names that scams imitate, with the hosts that are really theirs.
const IMITATED: &[(&str, &[&str])] = &[
    (
        "discord",
        &[
            "discord.com",
            "discord.gg",
            "discord.gift",
            "discordapp.com",
            "discord.new",
            "discordapp.net",
        ],
    ),
    ("steam", &["steampowered.com", "steamcommunity.com", "steamstatic.com"]),
    ("nitro", &[]),
];

pub(crate) fn signals(text: &str) -> Vec<Signal> {
    let mut signals = Vec::new();
    let hosts: Vec<_> = text
        .match_indices("://")
        .filter_map(|(at, _)| host(&text[at + 3..]))
        .collect();
    if hosts.iter().any(|host| imitates(host)) {
        signals.push(Signal::new("link:imitation", 5));
    }
    if has_masked_link(text) {
        signals.push(Signal::new("link:masked", 3));
    }
    if hosts.len() > 3 {
        signals.push(Signal::new("link:many", 2));
    }
    signals
}

/// The host at the start of what follows `://`, in lower case.
fn host(rest: &str) -> Option<String> {
    let end = rest.find(|character: char| !(character.is_alphanumeric() || matches!(character, '.' | '-' | '@' | ':')));
    let authority = &rest[..end.unwrap_or(rest.len())];
    // `https://discord.com@evil.example` leads to evil.example.
    let host = authority.rsplit('@').next()?.split(':').next()?.trim_end_matches('.');
    host.contains('.').then(|| host.to_lowercase())
}

fn imitates(host: &str) -> bool {
    // Digits and look-alikes stand for letters in the names of such hosts.
    let folded: String = host
        .chars()
        .filter(|character| *character != '-')
        .map(|character| match character {
            '0' => 'o',
            '1' | 'l' | 'і' | 'ı' => 'i',
            '3' => 'e',
            '5' => 's',
            'с' => 'c',
            'о' => 'o',
            other => other,
        })
        .collect();
    IMITATED.iter().any(|(name, own)| {
        let is_own = own.iter().any(|own| host == *own || host.ends_with(&format!(".{own}")));
        !is_own && close_to(&folded, name)
    })
}

/// Whether a part of the host is the name, or the name with two neighbouring letters swapped or one left out.
fn close_to(host: &str, name: &str) -> bool {
    if host.contains(name) {
        return true;
    }
    host.split(['.', '-']).any(|label| {
        let (label, name): (Vec<_>, Vec<_>) = (label.chars().collect(), name.chars().collect());
        let swapped = label.len() == name.len()
            && label.iter().zip(&name).filter(|(left, right)| left != right).count() == 2
            && {
                let (mut left, mut right) = (label.clone(), name.clone());
                left.sort_unstable();
                right.sort_unstable();
                left == right
            };
        let left_out = label.len() + 1 == name.len()
            && label.len() > 4
            && (0..name.len()).any(|gap| {
                name.iter()
                    .enumerate()
                    .filter(|(at, _)| *at != gap)
                    .map(|(_, letter)| letter)
                    .eq(label.iter())
            });
        swapped || left_out
    })
}

/// `[https://discord.com](https://evil.example)`: the text names one host, the link leads to another.
fn has_masked_link(text: &str) -> bool {
    text.match_indices("](").any(|(at, _)| {
        let Some(start) = text[..at].rfind('[') else {
            return false;
        };
        let shown = &text[start + 1..at];
        let shown = shown.split_once("://").map_or(shown, |(_, rest)| rest);
        let target = text[at + 2..].split_once("://").and_then(|(_, rest)| host(rest));
        match (host(shown), target) {
            (Some(shown), Some(target)) => shown != target,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        signals(text).into_iter().map(|signal| signal.name).collect()
    }

    #[test]
    fn imitations_are_found_and_the_originals_left_alone() {
        for link in [
            "https://discord-gift.example/x",
            "https://dlscord.example",
            "http://d1sc0rd.example",
            "https://dicsord.example/nitro",
            "https://steamcomunity.example",
            "https://discord.com@evil-discord.example",
        ] {
            assert_eq!(names(link), ["link:imitation"], "{link}");
        }
        for link in [
            "https://discord.com/channels/1",
            "https://cdn.discordapp.com/x",
            "https://steamcommunity.com/id",
            "https://docs.rs/tokio",
        ] {
            assert!(names(link).is_empty(), "{link}");
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_than_it_says_is_masked() {
        assert_eq!(names("[https://example.com](https://evil.example)"), ["link:masked"]);
        assert!(names("[https://example.com/a](https://example.com/b)").is_empty());
        assert!(names("[the docs](https://docs.rs)").is_empty());
    }

    #[test]
    fn more_than_three_links_are_many() {
        assert!(names("https://a.example https://b.example https://c.example").is_empty());
        assert_eq!(
            names("https://a.example https://b.example https://c.example https://d.example"),
            ["link:many"]
        );
    }
}
