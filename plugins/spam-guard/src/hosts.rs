//! Hosts that are known, and hosts that want to be taken for them.

/// A name that scams imitate.
struct Brand {
    name: &'static str,
    /// The hosts that are really its own.
    own: &'static [&'static str],
    /// Whether the name is so long and so unlike any word that a host with a slip of it is no accident.
    is_unmistakable: bool,
}

const BRANDS: &[Brand] = &[
    Brand {
        name: "discord",
        own: &[
            "discord.com",
            "discord.gg",
            "discord.gift",
            "discord.new",
            "discord.dev",
            "discord.media",
            "discordapp.com",
            "discordapp.net",
            "discordstatus.com",
        ],
        is_unmistakable: false,
    },
    Brand {
        name: "steamcommunity",
        own: &["steamcommunity.com"],
        is_unmistakable: true,
    },
    Brand {
        name: "steampowered",
        own: &[
            "steampowered.com",
            "steamstatic.com",
            "steamgifts.com",
            "steamdb.info",
            "s.team",
        ],
        is_unmistakable: true,
    },
    Brand {
        name: "metamask",
        own: &["metamask.io"],
        is_unmistakable: false,
    },
    Brand {
        name: "opensea",
        own: &["opensea.io"],
        is_unmistakable: false,
    },
    Brand {
        name: "paypal",
        own: &["paypal.com", "paypal.me"],
        is_unmistakable: false,
    },
    Brand {
        name: "roblox",
        own: &["roblox.com", "rbxcdn.com"],
        is_unmistakable: false,
    },
];

/// Names that stand beside a bait, as in `steam-gift`.
const BAITED: &[&str] = &[
    "discord", "steam", "nitro", "roblox", "robux", "metamask", "opensea", "paypal",
];
/// What such hosts promise or ask for.
const BAITS: &[&str] = &[
    "gift",
    "free",
    "claim",
    "airdrop",
    "giveaway",
    "promo",
    "bonus",
    "reward",
    "verify",
    "verification",
    "login",
    "nitro",
];

/// Hosts that people link to every day. Their links say nothing about spam.
const KNOWN: &[&str] = &[
    "apple.com",
    "archive.org",
    "arxiv.org",
    "bsky.app",
    "codepen.io",
    "codesandbox.io",
    "dev.to",
    "docs.rs",
    "figma.com",
    "github.com",
    "github.io",
    "gitlab.com",
    "giphy.com",
    "godbolt.org",
    "google.com",
    "imgur.com",
    "jsfiddle.net",
    "linkedin.com",
    "localhost",
    "mastodon.social",
    "microsoft.com",
    "mozilla.org",
    "nodejs.org",
    "pastebin.com",
    "python.org",
    "react.dev",
    "reactjs.org",
    "readthedocs.io",
    "reddit.com",
    "rust-lang.org",
    "spotify.com",
    "stackblitz.com",
    "stackexchange.com",
    "stackoverflow.com",
    "tenor.com",
    "twitch.tv",
    "twitter.com",
    "typescriptlang.org",
    "vercel.com",
    "w3.org",
    "wikipedia.org",
    "x.com",
    "youtu.be",
    "youtube.com",
];

/// Services whose links hide where they lead.
const SHORTENERS: &[&str] = &[
    "bit.ly",
    "clck.ru",
    "cutt.ly",
    "goo.su",
    "is.gd",
    "rb.gy",
    "rebrand.ly",
    "shorturl.at",
    "t.ly",
    "tiny.cc",
    "tinyurl.com",
    "u.to",
];

/// Letters of the shortest name whose slips are looked for.
const SHORTEST_WITH_SLIPS: usize = 7;

/// Whether the host is this one or stands below it.
pub(crate) fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether it is a known host of everybody's.
pub(crate) fn is_known(host: &str) -> bool {
    KNOWN.iter().any(|known| is_below(host, known)) || is_a_brands_own(host)
}

/// Whether it belongs to one of the names that scams imitate.
pub(crate) fn is_a_brands_own(host: &str) -> bool {
    BRANDS.iter().any(|brand| brand.owns(host))
}

pub(crate) fn is_shortener(host: &str) -> bool {
    SHORTENERS.iter().any(|shortener| is_below(host, shortener))
}

/// Whether the host wants to be taken for another: a known host as its beginning (`discord.com.example`), look-alike
/// characters (`dlscord`), a slip in a name that has no other use (`steamcomunity`), or a name beside a bait (`steam-gift`).
pub(crate) fn imitates(host: &str) -> bool {
    if is_known(host) {
        return false;
    }
    let folded = folded(host);
    host.split('.').any(is_baited) || BRANDS.iter().any(|brand| brand.is_imitated(host, &folded))
}

/// `steam-gift`, `freenitro`: a name with a bait before or after it.
fn is_baited(label: &str) -> bool {
    let label = label.replace('-', "");
    BAITED
        .iter()
        .filter_map(|name| label.split_once(name))
        .any(|(before, after)| BAITS.iter().any(|bait| before.contains(bait) || after.contains(bait)))
}

impl Brand {
    fn owns(&self, host: &str) -> bool {
        self.own.iter().any(|own| is_below(host, own))
    }

    fn is_imitated(&self, host: &str, folded_host: &str) -> bool {
        let begins_with_own = self.own.iter().any(|own| {
            let rest = host.strip_prefix("www.").unwrap_or(host).strip_prefix(own);
            rest.is_some_and(|rest| rest.starts_with(['.', '-']))
        });
        let looks_alike = !host.contains(self.name) && folded_host.contains(&folded(self.name));
        let has_a_slip = host.split(['.', '-']).any(|label| {
            if self.is_unmistakable {
                label == self.name || distance(label, self.name) <= 2
            } else {
                is_slip(label, self.name)
            }
        });
        begins_with_own || looks_alike || has_a_slip
    }
}

/// The host with characters that look alike made the same.
fn folded(host: &str) -> String {
    let host = host.replace("rn", "m").replace("vv", "w");
    let fold = |character| match character {
        '0' | 'о' | 'ο' => 'o',
        '1' | 'l' | '|' | 'і' | 'ı' => 'i',
        '3' | 'е' | 'é' => 'e',
        '4' | 'а' => 'a',
        '5' | 'ѕ' => 's',
        'с' => 'c',
        'р' => 'p',
        'ԁ' => 'd',
        other => other,
    };
    host.chars().filter(|character| *character != '-').map(fold).collect()
}

/// Whether the label is the name with two neighbouring letters swapped, one left out inside, or one put in inside. Other
/// letters in their place make other words (a discard is no Discord), and slips of short names are names of people.
fn is_slip(label: &str, name: &str) -> bool {
    let (label, name): (Vec<_>, Vec<_>) = (label.chars().collect(), name.chars().collect());
    if name.len() < SHORTEST_WITH_SLIPS {
        return false;
    }
    let without = |letters: &[char], at: usize| -> Vec<char> {
        let rest = letters.iter().enumerate().filter(|(index, _)| *index != at);
        rest.map(|(_, letter)| *letter).collect()
    };
    if label.len() == name.len() {
        return label != name
            && (1..name.len()).any(|at| {
                let mut swapped = name.clone();
                swapped.swap(at - 1, at);
                swapped == label
            });
    }
    let (longer, shorter) = if label.len() > name.len() {
        (&label, &name)
    } else {
        (&name, &label)
    };
    longer.len() == shorter.len() + 1 && (1..longer.len() - 1).any(|at| without(longer, at) == *shorter)
}

/// How many letters have to be put in, left out or changed to make one of the other (Levenshtein), counted to 3.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > 2 {
        return 3;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imitations_are_found() {
        for host in [
            "discord-gift.example",
            "dlscord.example",
            "d1sc0rd.example",
            "dicsord.example",
            "disord.example",
            "dliscord.example",
            "steamcomunity.example",
            "stearncommunity.example",
            "steamcommunnity.example",
            "steamcommunity.example",
            "free-nitro.example",
            "steam-gifts-50.example",
            "discord.com.example",
            "discord.gift-claim.example",
            "metamask-verify.example",
            "rnetarnask.example",
            "paypa1.example",
        ] {
            assert!(imitates(host), "{host}");
        }
    }

    #[test]
    fn the_originals_and_those_who_live_on_them_are_left_alone() {
        for host in [
            "discord.com",
            "cdn.discordapp.com",
            "steamcommunity.com",
            "store.steampowered.com",
            "www.steamgifts.com",
            "steamdb.info",
            "steamcharts.example",
            "discord.js.org",
            "discordjs.guide",
            "discordpy.readthedocs.io",
            "discard.example",
            "payal.example",
            "metamark.example",
            "login.nitropack.example",
            "nitro.example",
            "nitro.build",
            "nitrokey.example",
            "upstream-free.example",
            "docs.rs",
            "free-for.dev",
            "opensearch.example",
        ] {
            assert!(!imitates(host), "{host}");
        }
    }

    #[test]
    fn what_stands_below_a_host_is_its_own() {
        assert!(is_below("gist.github.com", "github.com") && is_below("x.com", "x.com"));
        assert!(!is_below("netflix.com", "x.com"));
        assert!(is_known("doc.rust-lang.org") && !is_known("rust-lang.org.example"));
    }
}
