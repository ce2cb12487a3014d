//! How well spam is told from chat: the labelled messages of samples/spam, through the plugin.

use crate::figure::Figure;
use crate::suite::{guild, iso8601, now, registry, snowflake};
use anyhow::{Context, Result, ensure};
use guildhall_discord::Frame;
use guildhall_model::{Action, GuildId};
use guildhall_store::guild_file;
use rusqlite::{Connection, OpenFlags};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use tempfile::TempDir;

const GUILD: u64 = 1000;

#[derive(Deserialize)]
struct Labelled {
    at_ms: u64,
    author: String,
    account_age_ms: u64,
    joined_ago_ms: u64,
    channel: String,
    content: String,
    attachments: Vec<Value>,
    embeds: Vec<Value>,
    mentions: Vec<String>,
    everyone: bool,
    spam: bool,
    regular: bool,
}

/// Measures and prints; fails when a regular who wrote no spam was punished.
pub(crate) fn run(plugins: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/spam/labelled.jsonl");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let messages: Vec<Labelled> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let directory = TempDir::new()?;
    let registry = registry(
        std::iter::once(plugins.join("spam_guard.wasm")),
        &directory.path().join("compiled"),
    )?;
    let start = now();
    let guilds = directory.path().join("guilds");
    let mut stepped = guild(&guilds, &registry, GUILD, start)?;
    let mut ids = Ids::default();
    let (mut sent, mut deleted) = (Vec::new(), HashSet::new());
    for (number, labelled) in messages.iter().enumerate() {
        let at = start + labelled.at_ms;
        let id = snowflake(at) + number as u64 + 1;
        sent.push(id);
        for entry in stepped.dispatch(&[ids.frame(labelled, id, at)?], at)? {
            if let Action::DeleteMessages { messages, .. } = entry.submitted.action {
                deleted.extend(messages.iter().map(|message| message.0));
            }
        }
    }
    drop(stepped);
    // What was deleted as a copy of a later one has no report of its own.
    let mut reported = reported(&guild_file(&guilds, GuildId(GUILD)))?;
    reported.extend(&deleted);
    let harmed = messages
        .iter()
        .zip(&sent)
        .filter(|(labelled, id)| labelled.regular && !labelled.spam && deleted.contains(*id));
    ensure!(harmed.count() == 0, "a regular who wrote no spam was punished");
    for (name, decided) in [("suite.spam", &deleted), ("suite.spam_reported", &reported)] {
        let right = |id: &u64| messages[sent.iter().position(|known| known == id).unwrap_or(0)].spam;
        let hits = decided.iter().filter(|id| right(id)).count() as f64;
        let spam = messages.iter().filter(|labelled| labelled.spam).count() as f64;
        for (figure, value) in [
            ("precision", hits / decided.len().max(1) as f64),
            ("recall", hits / spam),
        ] {
            print(&Figure {
                name: format!("{name}_{figure}"),
                value,
                unit: "",
                baseline: None,
            });
        }
    }
    Ok(())
}

/// Messages that were reported.
fn reported(file: &Path) -> Result<HashSet<u64>> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare("SELECT message FROM spam_guard_reports")?;
    let ids = statement.query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Names are the same people, channels and files wherever they stand.
#[derive(Default)]
struct Ids {
    people: HashMap<String, u64>,
    channels: HashMap<String, u64>,
    files: u64,
}

impl Ids {
    fn frame(&mut self, labelled: &Labelled, id: u64, at: u64) -> Result<Frame> {
        let next = self.people.len() as u64;
        let created = snowflake(at.saturating_sub(labelled.account_age_ms)) + next;
        let author = *self.people.entry(labelled.author.clone()).or_insert(created);
        let next = GUILD + 12 + self.channels.len() as u64;
        let channel = *self.channels.entry(labelled.channel.clone()).or_insert(next);
        let mentions: Vec<_> = labelled
            .mentions
            .iter()
            .map(|name| {
                let known = self.people.get(name).copied().unwrap_or(77_000 + name.len() as u64);
                json!({ "id": known.to_string(), "username": name })
            })
            .collect();
        let attachments = labelled.attachments.iter().map(|attachment| {
            self.files += 1;
            let mut file = attachment.clone();
            file["id"] = (9_000_000 + self.files).to_string().into();
            file["url"] = format!("https://cdn.discordapp.com/{}", self.files).into();
            file
        });
        let data = json!({
            "id": id.to_string(), "channel_id": channel.to_string(), "guild_id": GUILD.to_string(),
            "author": { "id": author.to_string(), "username": labelled.author },
            "member": { "roles": [], "joined_at": iso8601(at.saturating_sub(labelled.joined_ago_ms)) },
            "content": labelled.content, "timestamp": iso8601(at), "type": 0, "mention_everyone": labelled.everyone,
            "mentions": mentions, "mention_roles": [], "attachments": attachments.collect::<Vec<_>>(),
            "embeds": labelled.embeds,
        });
        let text = json!({ "op": 0, "t": "MESSAGE_CREATE", "s": 1, "d": data }).to_string();
        Frame::parse(text)?.context("a dispatch")
    }
}
