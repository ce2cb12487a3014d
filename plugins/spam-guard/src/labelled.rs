//! The labelled messages of `samples/spam`, judged as the plugin would judge them: nothing that a regular means well may be
//! reported, and what is spam should be.

use crate::history::{Entry, History};
use crate::identity::Identity;
use crate::judgement::judge;
use crate::settings::Settings;
use crate::signal::Tier;
use crate::testing::{attachment, message};
use crate::text::Text;
use guildhall_sdk::{Embed, Id, Member, Message};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

const LABELLED: &str = include_str!("../../../samples/spam/labelled.jsonl");
/// 2026-03-02T09:00:00Z.
const START: u64 = 1_772_442_000_000;
const DISCORD_EPOCH: u64 = 1_420_070_400_000;

#[derive(Deserialize)]
struct Labelled {
    at_ms: u64,
    author: String,
    account_age_ms: u64,
    joined_ago_ms: u64,
    channel: String,
    content: String,
    attachments: Vec<File>,
    embeds: Vec<LinkEmbed>,
    mentions: Vec<String>,
    spam: bool,
    regular: bool,
    why: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    size: u64,
}

#[derive(Deserialize)]
struct LinkEmbed {
    title: String,
    description: String,
    url: String,
}

fn number(name: &str) -> Id {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() & 0x3f_ffff
}

fn read(line: &Labelled, index: usize) -> Message {
    let sent_at = START + line.at_ms;
    let id = ((sent_at - DISCORD_EPOCH) << 22) | index as u64;
    let mut message = message(id, number(&line.channel), sent_at, &line.content);
    message.author.id = ((sent_at - line.account_age_ms - DISCORD_EPOCH) << 22) | number(&line.author);
    message.author.username.clone_from(&line.author);
    message.member = Some(Member {
        user: message.author.clone(),
        nick: None,
        roles: Vec::new(),
        joined_at: Some(sent_at - line.joined_ago_ms),
        timed_out_until: None,
    });
    message.mentions = line.mentions.iter().map(|name| number(name)).collect();
    let files = (0..).zip(&line.attachments);
    message.attachments = files
        .map(|(place, file)| attachment(id + place, &file.filename, file.size))
        .collect();
    let embed = |embed: &LinkEmbed| Embed {
        title: Some(embed.title.clone()),
        description: Some(embed.description.clone()),
        url: Some(embed.url.clone()),
        color: None,
        author: None,
        footer: None,
        image: None,
        fields: Vec::new(),
    };
    message.embeds = line.embeds.iter().map(embed).collect();
    message
}

#[test]
fn nothing_that_a_regular_means_well_is_reported_and_most_spam_is() {
    let lines: Vec<Labelled> = LABELLED
        .lines()
        .map(|line| serde_json::from_str(line).expect("a message"))
        .collect();
    assert!(lines.len() >= 600, "{}", lines.len());
    let settings = Settings::default();
    let mut earlier = BTreeMap::<Id, Vec<Entry>>::new();
    let (mut reported, mut acted_on) = (BTreeSet::new(), BTreeSet::new());
    for (index, line) in lines.iter().enumerate() {
        let message = read(line, index);
        let text = Text::of(&message);
        let current = Entry::of(&message, Identity::of(&message, &text));
        let entries = earlier.entry(message.author.id).or_default();
        let history = History::of(current, entries.iter().rev().take(19).copied());
        entries.push(current);
        let score = judge(&settings, &message, &text, &history);
        let tier = score.tier(&settings);
        if tier == Tier::None {
            println!("{}", missed(line, &score.to_string()).unwrap_or_default());
            continue;
        }
        if !line.spam {
            println!(
                "not spam, {} ({}): {:?} {}",
                tier.name(),
                score.points,
                line.content,
                score
            );
        }
        reported.insert(index);
        match tier {
            Tier::Medium if !score.holds_for_copies() => {
                acted_on.insert(index);
            }
            Tier::Medium | Tier::High => {
                let copies = history.standing_copies(&settings).into_values().flatten();
                acted_on.extend(copies.filter_map(|id| usize::try_from(id & 0x3f_ffff).ok()));
            }
            _ => {}
        }
    }
    reported.extend(&acted_on);
    for (name, found, least_precision, least_recall) in
        [("reported", &reported, 0.95, 0.8), ("acted on", &acted_on, 1.0, 0.6)]
    {
        let right = found.iter().filter(|index| lines[**index].spam).count() as f64;
        let spam = lines.iter().filter(|line| line.spam).count() as f64;
        let (precision, recall) = (right / found.len() as f64, right / spam);
        println!(
            "{name}: {} of {} messages, precision {precision:.3}, recall {recall:.3}",
            found.len(),
            lines.len()
        );
        assert!(precision >= least_precision && recall >= least_recall, "{name}");
    }
    let wronged = |found: &BTreeSet<usize>, of: &dyn Fn(&Labelled) -> bool| -> Vec<&str> {
        let wrong = found
            .iter()
            .map(|index| &lines[*index])
            .filter(|line| !line.spam && of(line));
        wrong.map(|line| line.content.as_str()).collect()
    };
    assert_eq!(
        wronged(&reported, &|line| line.regular),
        Vec::<&str>::new(),
        "reported regulars"
    );
    assert_eq!(wronged(&acted_on, &|_| true), Vec::<&str>::new(), "punished people");
}

fn missed(line: &Labelled, score: &str) -> Option<String> {
    line.spam
        .then(|| format!("missed: {:?} ({}): {score}", line.content, line.why))
}
