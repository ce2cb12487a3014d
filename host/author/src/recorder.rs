//! `guildhall record`: hears guilds at the pods that own them and writes their events into a file, as `plugin replay` and scenarios
//! read it. The file is made when all guilds are heard; from then on it is whole after every line.

use crate::anonymise::Anonymiser;
use anyhow::{Context, Result, bail};
use guildhall_model::GuildId;
use guildhall_pod::RecordedLine;
use guildhall_sim::Origin;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::future::Future;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Lines that wait to be written; the hosts keep what does not fit, and tell what they could not.
const LINES: usize = 1024;
/// A host that says nothing for so long is gone: it has a line every five seconds.
const SILENCE: Duration = Duration::from_secs(20);
/// Between two attempts to hear a guild again.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of one line.
const LINE_BYTES: usize = 64 << 20;

/// Where a guild can be heard.
#[derive(Clone, Debug)]
pub struct Source {
    /// The pod: `http://host:port`.
    pub url: String,
    /// What it must be told.
    pub secret: String,
}

/// Finds the pod of a guild, which may be another one later.
pub trait Locate: Send + Sync + 'static {
    /// Where the guild is now.
    fn locate(&self, guild: GuildId) -> impl Future<Output = Result<Source>> + Send;
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RecordFigures {
    /// Events.
    pub events: u64,
    /// Events that came too fast to be heard.
    pub missed: u64,
}

/// A guild's lines as they come.
struct Heard {
    /// Which of the guilds.
    number: usize,
    line: RecordedLine,
}

/// A guild that is heard.
struct Ear {
    response: Response,
    /// What came of the next line.
    buffer: Vec<u8>,
}

/// Records these guilds until it is told to stop.
pub async fn record(
    locate: impl Locate,
    guilds: &[GuildId],
    out: &Path,
    anonymise: bool,
    stop: impl Future<Output = ()>,
) -> Result<RecordFigures> {
    if out.symlink_metadata().is_ok() {
        bail!(
            "{} is there already, and nothing is overwritten: choose another name",
            out.display()
        );
    }
    let client = Client::builder()
        // The hosts are the operator's own.
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(SILENCE)
        .build()?;
    let locate = Arc::new(locate);
    let mut first = Vec::new();
    for guild in guilds {
        let mut ear = Ear::open(&client, &*locate, *guild).await?;
        let line = ear.next().await?.context("the host ended the recording at once")?;
        first.push((ear, line));
    }
    let mut recording = RecordingFile::create(out, guilds, anonymise, first.iter().map(|(_, line)| line))?;
    let (sender, mut heard) = mpsc::channel(LINES);
    for (number, (ear, line)) in first.into_iter().enumerate() {
        let (client, locate, sender, guild) = (client.clone(), locate.clone(), sender.clone(), guilds[number]);
        recording.take(&Heard { number, line })?;
        tokio::spawn(async move { listen(&client, &*locate, guild, number, ear, sender).await });
    }
    drop(sender);
    recording.flush()?;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            next = heard.recv() => {
                let Some(next) = next else { break };
                recording.take(&next)?;
                if heard.is_empty() {
                    recording.flush()?;
                }
            }
        }
    }
    recording.flush()?;
    Ok(recording.figures)
}

/// Hands on what is heard, and hears the guild again, wherever it is, when that ends.
async fn listen(
    client: &Client,
    locate: &impl Locate,
    guild: GuildId,
    number: usize,
    mut ear: Ear,
    sender: mpsc::Sender<Heard>,
) {
    loop {
        match ear.next().await {
            Ok(Some(line)) => {
                if sender.send(Heard { number, line }).await.is_err() {
                    return;
                }
                continue;
            }
            Ok(None) => tracing::warn!(%guild, "the host ended the recording; the guild is looked for again"),
            Err(error) => {
                tracing::warn!(%guild, error = format!("{error:#}"), "the guild is not heard any more, and looked for again")
            }
        }
        loop {
            if sender.is_closed() {
                return;
            }
            match Ear::open(client, locate, guild).await {
                Ok(again) => break ear = again,
                Err(error) => tracing::warn!(%guild, error = format!("{error:#}"), "the guild cannot be heard yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Ear {
    async fn open(client: &Client, locate: &impl Locate, guild: GuildId) -> Result<Self> {
        let Source { url, secret } = locate.locate(guild).await?;
        let url = url.trim_end_matches('/');
        let request = client
            .get(format!("{url}/internal/v1/guilds/{guild}/recording"))
            .bearer_auth(secret);
        let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
        let status = response.status();
        if status.is_success() {
            let buffer = Vec::new();
            return Ok(Self { response, buffer });
        }
        let said = response.text().await.unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED => bail!(
                "{url} does not take the secret: give the host's own as GUILDHALL_RECORD_SECRET, or a fleet's as GUILDHALL_CLUSTER_SECRET"
            ),
            StatusCode::NOT_FOUND if said.is_empty() => bail!(
                "nothing can be recorded at {url}: start the host with GUILDHALL_RECORD_SECRET, or record.secret in its configuration"
            ),
            _ => bail!(
                "{url}: {}",
                if said.is_empty() {
                    status.to_string()
                } else {
                    said.trim().to_owned()
                }
            ),
        }
    }

    /// The next line; none where the host has ended.
    async fn next(&mut self) -> Result<Option<RecordedLine>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(
                    serde_json::from_slice(&line).context("the host says something else than a recording")?,
                ));
            }
            if self.buffer.len() > LINE_BYTES {
                bail!("a line of the recording is longer than {LINE_BYTES} bytes");
            }
            match self.response.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

struct RecordingFile {
    out: BufWriter<std::fs::File>,
    shown: String,
    started_at_ms: u64,
    /// When the last event came, after the start.
    last_at_ms: u64,
    anonymiser: Option<Anonymiser>,
    figures: RecordFigures,
}

impl RecordingFile {
    fn create<'lines>(
        path: &Path,
        guilds: &[GuildId],
        anonymise: bool,
        first: impl Iterator<Item = &'lines RecordedLine>,
    ) -> Result<Self> {
        let told = first.filter_map(|line| match line {
            RecordedLine::Guild { at_ms, bot, .. } => Some((*at_ms, bot.parse::<u64>().ok()?)),
            _ => None,
        });
        // The hosts' clocks count, not this machine's.
        let (started_at_ms, bot) = told.min().context("the host does not say who its bot is")?;
        let mut anonymiser = anonymise.then(Anonymiser::default);
        let mut id = |id: u64| anonymiser.as_mut().map_or(id, |anonymiser| anonymiser.id(id));
        let guilds: Vec<_> = guilds.iter().map(|guild| id(guild.0)).collect();
        let origin = Origin::new(started_at_ms, id(bot), &guilds, anonymise);
        let file = std::fs::File::create_new(path).with_context(|| format!("{} cannot be made", path.display()))?;
        let mut recording = Self {
            out: BufWriter::new(file),
            shown: path.display().to_string(),
            started_at_ms,
            last_at_ms: 0,
            anonymiser,
            figures: RecordFigures::default(),
        };
        recording.write(&json!({ "recorded": origin }))?;
        Ok(recording)
    }

    fn take(&mut self, heard: &Heard) -> Result<()> {
        let guild = heard.number;
        match &heard.line {
            RecordedLine::Guild { at_ms, described, .. } => {
                self.event(guild, *at_ms, "GUILD_CREATE", (**described).clone())
            }
            RecordedLine::Event { at_ms, name, data } => {
                let data = serde_json::from_str(data.get()).context("the host says something else than an event")?;
                self.figures.events += 1;
                self.event(guild, *at_ms, name, data)
            }
            RecordedLine::Missed(missed) => {
                self.figures.missed += missed;
                let at_ms = self.last_at_ms;
                self.write(&json!({ "at_ms": at_ms, "guild": guild, "missed": missed }))
            }
            RecordedLine::Quiet => Ok(()),
        }
    }

    fn event(&mut self, guild: usize, at_ms: u64, name: &str, mut data: Value) -> Result<()> {
        if let Some(anonymiser) = &mut self.anonymiser {
            anonymiser.event(name, &mut data);
        }
        let at_ms = at_ms.saturating_sub(self.started_at_ms);
        self.last_at_ms = self.last_at_ms.max(at_ms);
        self.write(&json!({ "at_ms": at_ms, "guild": guild, "t": name, "d": data }))
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        writeln!(self.out, "{line}").with_context(|| format!("{} cannot be written", self.shown))
    }

    fn flush(&mut self) -> Result<()> {
        self.out
            .flush()
            .with_context(|| format!("{} cannot be written", self.shown))
    }
}
