//! Where a message's links lead: to names that imitate well-known ones, elsewhere than their text says, to other servers.

use crate::hosts;
use crate::settings::Settings;
use crate::signal::Signal;
use crate::text::Text;

/// What the links of a message say.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) signals: Vec<Signal>,
    /// Whether one leads elsewhere than to known hosts.
    pub(crate) lead_elsewhere: bool,
}

impl Links {
    pub(crate) fn of(settings: &Settings, text: &Text) -> Self {
        let mut links = Self::default();
        let plain = &text.plain;
        if plain.contains("://") {
            links.hosts(settings, plain);
        }
        if ["discord.gg/", "discord.com/invite/", "discordapp.com/invite/"]
            .iter()
            .any(|invite| plain.contains(invite))
        {
            links.lead_elsewhere = true;
            links.add(Signal::new("link:invite", settings.points_link_invite));
        }
        links
    }

    fn add(&mut self, signal: Signal) {
        self.signals.push(signal);
    }

    fn hosts(&mut self, settings: &Settings, plain: &str) {
        let addresses = plain.match_indices("://").map(|(at, _)| &plain[at + 3..]);
        let hosts: Vec<_> = addresses.clone().filter_map(host).collect();
        let elsewhere: Vec<_> = hosts.iter().filter(|host| !is_known(settings, host)).collect();
        self.lead_elsewhere = !elsewhere.is_empty();
        let masked = masked(settings, plain);
        let imitation = elsewhere.iter().find(|host| hosts::imitates(host));
        let pretended = addresses.clone().find_map(|address| pretended(settings, address));
        // A text that names Discord's or Steam's own host and leads elsewhere imitates it too.
        let shown = masked.as_ref().filter(|masked| hosts::is_a_brands_own(&masked.shown));
        let imitation = imitation
            .map(|host| host.as_str())
            .or(shown.map(|masked| masked.shown.as_str()));
        if let Some(host) = imitation.or(pretended) {
            self.add(Signal::new("link:imitation", settings.points_link_imitation).seen(host));
        }
        if let Some(Masked { shown, target }) = &masked {
            let seen = format!("shows {shown}, leads to {target}");
            self.add(Signal::new("link:masked", settings.points_link_masked).seen(&seen));
        }
        if let Some(host) = elsewhere.iter().find(|host| hosts::is_shortener(host)) {
            self.add(Signal::new("link:shortened", settings.points_link_shortened).seen(host));
        }
        if elsewhere.len() > settings.many_links as usize {
            let seen = format!("{} links", elsewhere.len());
            self.add(Signal::new("link:many", settings.points_link_many).seen(&seen));
        }
    }
}

fn is_known(settings: &Settings, host: &str) -> bool {
    hosts::is_known(host)
        || !settings
            .known_hosts
            .matching(|known| hosts::is_below(host, known))
            .is_empty()
}

/// The host at the start of what follows `://`.
fn host(address: &str) -> Option<String> {
    let host = authority(address)
        .rsplit('@')
        .next()?
        .split(':')
        .next()?
        .trim_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    (host.contains('.') || host == "localhost").then(|| host.to_owned())
}

/// `https://discord.com@evil.example` leads to evil.example, whatever stands before the `@`.
fn pretended<'text>(settings: &Settings, address: &'text str) -> Option<&'text str> {
    let (before, _) = authority(address).rsplit_once('@')?;
    let before = before.split(':').next()?;
    let leads_there = host(address).is_some_and(|host| is_known(settings, &host));
    (is_known(settings, before) && !leads_there).then_some(before)
}

fn authority(address: &str) -> &str {
    let is_part =
        |character: char| character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '@' | ':' | '%');
    &address[..address.find(|character| !is_part(character)).unwrap_or(address.len())]
}

struct Masked {
    shown: String,
    target: String,
}

/// `[https://example.com](https://evil.example)`: the text names one host, the link leads to another, unknown one.
fn masked(settings: &Settings, plain: &str) -> Option<Masked> {
    plain.match_indices("](").find_map(|(at, _)| {
        let start = plain[..at].rfind('[')?;
        let text = plain[start + 1..at].trim().trim_matches(['<', '>', '*', '_', '`']);
        let (with_scheme, rest) = match text.split_once("://") {
            Some((_, rest)) => (true, rest),
            None => (text.starts_with("www."), text),
        };
        let shown = host(rest)?;
        let target = host(plain[at + 2..].trim_start_matches('<').split_once("://")?.1)?;
        // `[main.rs](…)` names a file. Only what is written as an address, or is a host that everybody knows, names a host.
        let names_a_host = with_scheme || is_known(settings, &shown);
        let is_same = hosts::is_below(&target, &shown) || hosts::is_below(&shown, &target);
        (names_a_host && !is_same && !is_known(settings, &target)).then_some(Masked { shown, target })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn of(content: &str) -> Links {
        Links::of(&Settings::default(), &Text::of(&message(1, 1, 0, content)))
    }

    fn names(content: &str) -> Vec<&'static str> {
        of(content).signals.into_iter().map(|signal| signal.name).collect()
    }

    #[test]
    fn imitations_are_found_and_the_originals_left_alone() {
        for link in [
            "https://discord-gift.example/x",
            "see http://d1sc0rd.example now",
            "https://discord.com@evil.example",
            "HTTPS://STEAMCOMUNITY.EXAMPLE/gift",
        ] {
            assert_eq!(names(link), ["link:imitation"], "{link}");
        }
        for link in [
            "https://discord.com/channels/1",
            "https://cdn.discordapp.com/x",
            "https://docs.rs/tokio",
        ] {
            assert!(names(link).is_empty(), "{link}");
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_than_it_says_is_masked() {
        assert_eq!(names("[https://example.com](https://evil.example)"), ["link:masked"]);
        assert_eq!(names("[www.example.com/a](<https://evil.example>)"), ["link:masked"]);
        assert_eq!(
            names("[steamcommunity.com/gift/50](https://evil.example/50)"),
            ["link:imitation", "link:masked"]
        );
        for fine in [
            "[https://example.com/a](https://example.com/b)",
            "[example.com](https://www.example.com)",
            "[the docs](https://docs.rs)",
            "[main.rs](https://example.com/main.rs)",
            "[Node.js](https://example.com)",
            "[https://youtube.com](https://youtu.be/x)",
        ] {
            assert!(names(fine).is_empty(), "{fine}");
        }
    }

    #[test]
    fn more_than_three_links_elsewhere_are_many() {
        assert!(names("https://a.example https://b.example https://c.example").is_empty());
        assert_eq!(
            names("https://a.example https://b.example https://c.example https://d.example"),
            ["link:many"]
        );
        assert!(names("https://docs.rs/a https://docs.rs/b https://github.com/c").is_empty());
    }

    #[test]
    fn invites_and_shortened_links_are_named() {
        assert_eq!(names("come to discord.gg/abc"), ["link:invite"]);
        assert_eq!(names("https://discord.com/invite/abc"), ["link:invite"]);
        assert_eq!(names("https://bit.ly/abc"), ["link:shortened"]);
    }

    #[test]
    fn links_in_code_lead_nowhere() {
        let links = of("```\ncurl https://discord-gift.example\n```");
        assert!(links.signals.is_empty() && !links.lead_elsewhere);
    }

    #[test]
    fn a_guild_knows_hosts_of_its_own() {
        let settings: Settings = serde_json::from_str(r#"{"known_hosts":["our-wiki.example"]}"#).expect("settings");
        let text = |content| Text::of(&message(1, 1, 0, content));
        assert!(!Links::of(&settings, &text("https://a.our-wiki.example/x")).lead_elsewhere);
        assert!(Links::of(&settings, &text("https://not-our-wiki.example")).lead_elsewhere);
    }
}
