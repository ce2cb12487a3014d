//! What this pod and its guilds cost, as the config service is told with every heartbeat.

use crate::files::GuildFiles;
use guildhall_fleet::{GuildLoad, Load};
use guildhall_gateway::Workers;
use guildhall_model::GuildId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counts events per guild, and looks at the size of files that may have grown.
#[derive(Debug)]
pub struct Loads {
    files: GuildFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Instant,
    /// Events since then. A guild that has become idle is told once more.
    events: HashMap<GuildId, u64>,
    bytes: HashMap<GuildId, i64>,
    /// Events and requests that wait for a guild to be taken up.
    waiting: HashMap<GuildId, usize>,
}

impl Loads {
    /// Nothing has happened yet.
    pub fn new(files: GuildFiles) -> Self {
        Self {
            files,
            state: Mutex::new(State {
                since: Instant::now(),
                events: HashMap::new(),
                bytes: HashMap::new(),
                waiting: HashMap::new(),
            }),
        }
    }

    /// Events went to this pod's workers.
    pub(crate) fn count(&self, guild: GuildId, events: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.events.entry(guild).or_default() += events as u64;
    }

    /// So many events or requests wait for the guild, which is not taken up yet.
    pub(crate) fn wait(&self, guild: GuildId, waiting: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.waiting.entry(guild).or_default();
        *known = waiting.max(*known);
    }

    /// How many wait for the guild.
    pub(crate) fn waiting(&self, guild: GuildId) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.get(&guild).copied().unwrap_or_default()
    }

    /// The guild is taken up, and its bytes are told with the next heartbeat, also when no event comes.
    pub(crate) fn taken_up(&self, guild: GuildId) {
        self.count(guild, 0);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.remove(&guild);
    }

    /// The guild is another pod's now.
    pub(crate) fn forget(&self, guild: GuildId) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.events.remove(&guild);
        state.bytes.remove(&guild);
    }

    /// What was since the last time.
    pub fn take(&self, outbox: usize, workers: &Workers) -> (Load, Vec<GuildLoad>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = now.duration_since(state.since).as_secs_f64().max(0.001);
        state.since = now;
        let counted = std::mem::take(&mut state.events);
        let mut guilds = Vec::with_capacity(counted.len());
        let mut total = 0;
        for (guild, events) in counted {
            total += events;
            let bytes = std::fs::metadata(self.files.path(guild)).map_or(0, |file| file.len());
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            state.bytes.insert(guild, bytes);
            if events > 0 {
                state.events.insert(guild, 0);
            }
            guilds.push(GuildLoad {
                guild,
                events_per_second: events as f64 / seconds,
                bytes,
            });
        }
        let load = Load {
            events_per_second: total as f64 / seconds,
            bytes: state.bytes.values().sum(),
            outbox: i64::try_from(outbox).unwrap_or(i64::MAX),
            p99_ms: workers
                .latencies()
                .take_p99()
                .map_or(0, |p99| i32::try_from(p99).unwrap_or(i32::MAX)),
            lag: i64::try_from(workers.committed().behind()).unwrap_or(i64::MAX),
        };
        (load, guilds)
    }
}
