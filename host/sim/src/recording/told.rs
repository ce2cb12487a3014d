//! A recording as dispatches, in order and with their moments: for whoever plays it without a simulation, and wants the same
//! every time. A composed one happens in a world of its own, in which no bot does anything.

use super::names::Names;
use super::{Origin, Recording, RecordingError, Trouble, event};
use crate::config::SimConfig;
use crate::object;
use crate::state::State;
use serde_json::Value;

/// When composed recordings begin: 2026-03-02T09:00:00Z, as scenarios do.
const START_MS: u64 = 1_772_442_000_000;

/// What is told of a recording.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The bot's user id.
    pub bot: u64,
    /// The guilds, in the order of their numbers.
    pub guilds: Vec<u64>,
    /// What Discord dispatched, in order. Each guild is described first.
    pub events: Vec<ToldEvent>,
    /// Lines that need what a bot does first, and so cannot happen here: what they wait for.
    pub waiting: Vec<String>,
    /// Events that were missed when it was recorded.
    pub missed: u64,
}

/// One dispatch.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    /// When it came, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The guild.
    pub guild: u64,
    /// Discord's name of the event.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl Recording {
    /// Tells it.
    pub fn tell(&self) -> Result<Told, RecordingError> {
        match &self.origin {
            Some(origin) => self.recorded(origin),
            None => self.composed(),
        }
    }

    fn recorded(&self, origin: &Origin) -> Result<Told, RecordingError> {
        let id = |text: &String| {
            let wrong = || RecordingError(format!("{text:?} is no id"));
            text.parse::<u64>().map_err(|_| wrong())
        };
        let mut told = Told {
            bot: id(&origin.bot)?,
            guilds: origin.guilds.iter().map(id).collect::<Result<_, _>>()?,
            ..Told::default()
        };
        for line in &self.lines {
            let Some(guild) = told.guilds.get(line.guild).copied() else {
                let (guild, guilds) = (line.guild, told.guilds.len());
                return Err(RecordingError(format!(
                    "guild {guild} of {guilds}: its first line names fewer"
                )));
            };
            told.missed += line.missed.unwrap_or(0);
            if line.missed.is_none() {
                told.events.push(ToldEvent {
                    at_ms: origin.started_at_ms + line.at_ms,
                    guild,
                    name: line.t.clone(),
                    data: line.d.clone(),
                });
            }
        }
        Ok(told)
    }

    fn composed(&self) -> Result<Told, RecordingError> {
        let config = SimConfig {
            guilds: self.lines.iter().map(|line| line.guild + 1).max().unwrap_or(0),
            ..SimConfig::default()
        };
        let mut state = State {
            world: crate::seed::world(&config),
            heard: Some(Vec::new()),
            ..State::default()
        };
        let mut told = Told {
            bot: state.world.bot,
            guilds: state.world.guilds.keys().copied().collect(),
            ..Told::default()
        };
        for guild in state.world.guilds.values() {
            told.events.push(ToldEvent {
                at_ms: START_MS,
                guild: guild.id,
                name: "GUILD_CREATE".into(),
                data: object::guild(&state.world, guild),
            });
        }
        let mut names = Names::default();
        for line in self.lines.iter().filter(|line| line.expect.is_none()) {
            let at_ms = START_MS + line.at_ms;
            state.world.snowflakes.clock_ms = Some(at_ms);
            // There are as many guilds as the lines name.
            let guild = told.guilds[line.guild];
            match event::happen(&mut state, &mut names, config.messages_kept, guild, line) {
                Ok(()) => {}
                Err(Trouble::NotYet(words)) => {
                    told.waiting.push(format!("{} at {} ms: {words}", line.t, line.at_ms));
                }
                Err(Trouble::Wrong(words)) => {
                    return Err(RecordingError(format!("{} at {} ms: {words}", line.t, line.at_ms)));
                }
            }
            for (name, guild, data) in state.heard.iter_mut().flat_map(|heard| heard.drain(..)) {
                let data = serde_json::from_str(&data).unwrap_or_default();
                told.events.push(ToldEvent {
                    at_ms,
                    guild,
                    name,
                    data,
                });
            }
        }
        Ok(told)
    }
}

impl Origin {
    /// The origin of what is recorded from this moment on.
    pub fn new(started_at_ms: u64, bot: u64, guilds: &[u64], anonymised: bool) -> Self {
        Self {
            format: super::RECORDING_FORMAT,
            started_at_ms,
            bot: bot.to_string(),
            guilds: guilds.iter().map(ToString::to_string).collect(),
            anonymised,
        }
    }
}
