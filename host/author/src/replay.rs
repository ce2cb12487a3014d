//! `plugin replay`: a recorded stream through one plugin. What it did, what is left of it, and how long its calls took.

use crate::rig::RigHost;
use crate::workbench::Workbench;
use anyhow::{Context, Result, bail};
use guildhall_scenario::ReplaySettings;
use guildhall_sim::Recording;
use serde_json::{Map, Value};
use std::path::Path;
use std::time::Duration;

/// A guild of a recording that was replayed.
#[derive(Debug)]
pub struct ReplayedGuild {
    /// What happened in it, and the rows that are left.
    pub text: String,
}

/// What came of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayFigures {
    /// Guilds.
    pub guilds: usize,
    /// Events that Discord sent.
    pub events: usize,
    /// Actions for Discord.
    pub actions: usize,
    /// Calls of the plugin.
    pub calls: usize,
    /// Of them, those that failed.
    pub failures: usize,
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// Of a hundred calls, one took longer.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
    /// Events that are not in the recording, as it was read too slowly.
    pub missed: u64,
    /// Lines that need what a bot does first, and were left out.
    pub waiting: Vec<String>,
}

/// Replays a recording, and tells each guild as it ends.
pub fn replay(
    workbench: &Workbench,
    recording: &Path,
    component: &Path,
    settings: &ReplaySettings,
    tell: &mut dyn FnMut(&ReplayedGuild),
) -> Result<ReplayFigures> {
    let told = Recording::read(recording).and_then(|recording| recording.tell())?;
    if told.events.is_empty() {
        bail!("{} has no events", recording.display());
    }
    let id = workbench.load::<RigHost>(component)?.description().id.clone();
    let plugins = workbench.plugins().with_file(&id, component);
    let mut figures = ReplayFigures {
        guilds: told.guilds.len(),
        missed: told.missed,
        waiting: told.waiting.clone(),
        ..ReplayFigures::default()
    };
    let mut times = Vec::new();
    for number in 0..told.guilds.len() {
        let replayed = guildhall_scenario::replay(&told, number, &plugins, &id, settings)
            .with_context(|| format!("guild {number} of {}", recording.display()))?;
        figures.events += replayed.events;
        figures.actions += replayed.actions;
        figures.calls += replayed.calls.len();
        figures.failures += replayed.calls.iter().filter(|call| call.failure.is_some()).count();
        times.extend(replayed.calls.iter().map(|call| call.took));
        tell(&ReplayedGuild { text: replayed.text });
    }
    times.sort();
    (figures.p50, figures.p99) = (share(&times, 50), share(&times, 99));
    figures.longest = times.last().copied().unwrap_or_default();
    Ok(figures)
}

/// The time that so many of a hundred did not pass; `times` are in order.
fn share(times: &[Duration], percent: usize) -> Duration {
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

/// Reads a file with settings, a JSON object or TOML.
pub fn settings_file(file: &Path) -> Result<Map<String, Value>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    if file.extension().is_some_and(|extension| extension == "toml") {
        return toml::from_str(&text).with_context(|| format!("{shown} is no TOML"));
    }
    serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_times_that_there_are() {
        let times: Vec<_> = (1..=101).map(Duration::from_micros).collect();
        assert_eq!(share(&times, 50), Duration::from_micros(51));
        assert_eq!(share(&times, 99), Duration::from_micros(100));
        assert_eq!(share(&[], 50), Duration::ZERO);
    }
}
