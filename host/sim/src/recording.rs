//! Recorded traffic: JSON lines of events with their times. Those that were composed fit any simulation by placeholders, and
//! say what must come of them; those of a host are Discord's own, and are only told again. `docs/recordings.md` describes the lines.

mod event;
mod expectation;
mod hands;
mod names;
mod told;

pub use expectation::Expectation;
pub use told::{Told, ToldEvent};

use crate::simulation::Simulation;
use crate::snowflake::now_ms;
use expectation::Expected;
use names::Names;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the bot is to make first, a thread or a button, is waited for so long.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The newest form of recordings of hosts that is known here.
pub const RECORDING_FORMAT: u32 = 1;

/// Events in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// None where it was composed.
    origin: Option<Origin>,
    lines: Vec<Line>,
}

/// Where the recording of a host is from: its first line, as `recorded`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Which form the lines have.
    pub format: u32,
    /// The moment of `at_ms` 0, in milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// The bot's user id.
    pub bot: String,
    /// Ids of the guilds; lines name them by their places here.
    pub guilds: Vec<String>,
    /// Whether ids, names and texts are others than they were.
    pub anonymised: bool,
}

/// Why a recording cannot be played.
#[derive(Debug)]
pub struct RecordingError(String);

impl std::fmt::Display for RecordingError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for RecordingError {}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_ms: u64,
    guild: usize,
    #[serde(default)]
    t: String,
    #[serde(default)]
    d: Value,
    /// Events that came at this time and are not here.
    #[serde(default)]
    missed: Option<u64>,
    #[serde(default)]
    measure: bool,
    #[serde(default)]
    expect: Option<String>,
    #[serde(default)]
    scene: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    times: Option<usize>,
}

/// Why an event does not happen.
#[derive(Debug)]
enum Trouble {
    /// What it is about is not there yet.
    NotYet(String),
    /// It makes no sense.
    Wrong(String),
}

impl Recording {
    /// Reads a file of JSON lines.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| RecordingError(format!("{shown}: {error}")))?;
        Self::parse(&text).map_err(|error| RecordingError(format!("{shown}: {error}")))
    }

    /// Reads JSON lines.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct First {
            recorded: Origin,
        }
        let mut recording = Self::default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |error: serde_json::Error| RecordingError(format!("line {number}: {error}"));
            if number == 1 && line.trim_start().starts_with("{\"recorded\"") {
                let First { recorded } = serde_json::from_str(line).map_err(wrong)?;
                if recorded.format > RECORDING_FORMAT {
                    let found = recorded.format;
                    return Err(RecordingError(format!(
                        "its format is {found}, and this version knows {RECORDING_FORMAT}: use a newer guildhall"
                    )));
                }
                recording.origin = Some(recorded);
            } else {
                recording.lines.push(serde_json::from_str(line).map_err(wrong)?);
            }
        }
        recording.lines.sort_by_key(|line| line.at_ms);
        Ok(recording)
    }

    /// Events in it.
    pub fn events(&self) -> usize {
        let happens = |line: &&Line| line.expect.is_none() && line.missed.is_none();
        self.lines.iter().filter(happens).count()
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.lines.last().map_or(0, |line| line.at_ms))
    }
}

impl Simulation {
    /// Plays a recording, so many times as fast as it was recorded; answers what the bot must do about it.
    pub async fn play(&self, recording: &Recording, speed: f64) -> Result<Vec<Expectation>, RecordingError> {
        if recording.origin.is_some() {
            return Err(RecordingError(
                "it was recorded at a host, and its guilds are not here: `guildhall plugin replay` reads it".into(),
            ));
        }
        let guilds = self.guild_ids();
        let (since_ms, mut started) = (now_ms(), Instant::now());
        let mut names = Names::default();
        let mut expected = Vec::new();
        for line in &recording.lines {
            let Some(guild) = guilds.get(line.guild).copied() else {
                return Err(RecordingError(format!(
                    "guild {} of {}: start a larger simulation",
                    line.guild,
                    guilds.len()
                )));
            };
            if line.expect.is_some() {
                expected.push((guild, line));
                continue;
            }
            let at = started + Duration::from_millis(line.at_ms).div_f64(speed.max(0.001));
            tokio::time::sleep_until(at.into()).await;
            // All that follows keeps its distance to what has to wait.
            started += self.happen(&mut names, guild, line).await?;
        }
        let kept = self.shared().lock();
        let expectation = |(guild, line): (u64, &Line)| Expected { guild, since_ms, line }.resolve(&kept, &names);
        let expectations: Result<Vec<_>, _> = expected.into_iter().map(expectation).collect();
        expectations.map_err(|trouble| RecordingError(trouble.into_words()))
    }

    /// Lets an event happen, as soon as what it is about is there; answers how long that took.
    async fn happen(&self, names: &mut Names, guild: u64, line: &Line) -> Result<Duration, RecordingError> {
        let kept = self.shared().config.messages_kept;
        let (started, mut waited) = (Instant::now(), Duration::ZERO);
        loop {
            match self.state(|state| event::happen(state, names, kept, guild, line)) {
                Ok(()) => return Ok(waited),
                Err(Trouble::NotYet(_)) if waited < PATIENCE => {}
                Err(trouble) => {
                    let words = trouble.into_words();
                    return Err(RecordingError(format!("{} at {} ms: {words}", line.t, line.at_ms)));
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            waited = started.elapsed();
        }
    }
}

impl Trouble {
    fn into_words(self) -> String {
        match self {
            Self::NotYet(words) | Self::Wrong(words) => words,
        }
    }
}

#[cfg(test)]
mod tests;
