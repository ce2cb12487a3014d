//! Which guilds are done, so that a second run goes on where the first one ended: a file with one JSON line for each step,
//! synced before the next one. Each names the digest of the guild's rows, so that a guild that has changed is noticed.

use anyhow::{Context, Result, bail, ensure};
use guildhall_model::GuildId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "step", rename_all = "lowercase")]
enum Line {
    /// The first line: what the file is about.
    Begun { source: String, destination: String },
    /// The guild's file is about to be put in place.
    Placing { guild: String, digest: String },
    /// It is in place.
    Done { guild: String, digest: String },
}

/// The open file; no other run uses it meanwhile.
pub(crate) struct State {
    file: File,
    placing: HashMap<GuildId, String>,
    done: HashMap<GuildId, String>,
}

impl State {
    /// Opens or makes it.
    pub(crate) fn open(path: &Path, source: &Path, destination: &str) -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("the state file {} cannot be opened", path.display()))?;
        file.try_lock()
            .with_context(|| format!("the state file {} is used by another run", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .with_context(|| format!("the state file {} cannot be read", path.display()))?;
        // A line that a crash has cut off says nothing.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut state = Self {
            file,
            placing: HashMap::new(),
            done: HashMap::new(),
        };
        let source = std::fs::canonicalize(source)?.display().to_string();
        for (number, line) in text[..whole].lines().enumerate() {
            let line = serde_json::from_str(line).with_context(|| {
                format!(
                    "{}, line {}: it is not a state file of a migration",
                    path.display(),
                    number + 1
                )
            })?;
            match line {
                Line::Begun {
                    source: of,
                    destination: to,
                } => ensure!(
                    of == source && to == destination,
                    "the state file {} is of a migration of {of} into {to}, and this one is of {source} into {destination}; \
                     give another --state",
                    path.display()
                ),
                Line::Placing { guild, digest } => drop(state.placing.insert(id(&guild)?, digest)),
                Line::Done { guild, digest } => drop(state.done.insert(id(&guild)?, digest)),
            }
        }
        if whole == 0 {
            let destination = destination.to_owned();
            state.add(&Line::Begun { source, destination })?;
        }
        Ok(state)
    }

    /// The digest with which the guild was done.
    pub(crate) fn done(&self, guild: GuildId) -> Option<&String> {
        self.done.get(&guild)
    }

    /// The digest with which the guild was last about to be put in place.
    pub(crate) fn placing(&self, guild: GuildId) -> Option<&String> {
        self.placing.get(&guild)
    }

    pub(crate) fn set_placing(&mut self, guild: GuildId, digest: &str) -> Result<()> {
        self.add(&Line::Placing {
            guild: guild.to_string(),
            digest: digest.to_owned(),
        })
    }

    pub(crate) fn set_done(&mut self, guild: GuildId, digest: &str) -> Result<()> {
        self.add(&Line::Done {
            guild: guild.to_string(),
            digest: digest.to_owned(),
        })
    }

    fn add(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .context("the state file cannot be written")?;
        self.file.sync_data().context("the state file cannot be written")
    }
}

fn id(text: &str) -> Result<GuildId> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => bail!("the state file names a guild {text:?}, which is not a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_remembered_and_a_torn_line_says_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, source) = (directory.path().join("state"), directory.path().join("source"));
        std::fs::write(&source, "").expect("a file");
        let mut state = State::open(&path, &source, "here").expect("a new one");
        state.set_placing(GuildId(1), "a").expect("it is written");
        state.set_done(GuildId(1), "a").expect("it is written");
        state.set_placing(GuildId(2), "b").expect("it is written");
        assert!(State::open(&path, &source, "here").is_err(), "one run at a time");
        drop(state);
        let mut text = std::fs::read(&path).expect("it is there");
        text.extend(b"{\"step\":\"done\",\"gui");
        std::fs::write(&path, text).expect("it is written");
        let state = State::open(&path, &source, "here").expect("it is read");
        assert_eq!(state.done(GuildId(1)).map(String::as_str), Some("a"));
        assert_eq!(state.done(GuildId(2)), None);
        assert_eq!(state.placing(GuildId(2)).map(String::as_str), Some("b"));
        drop(state);
        let elsewhere = State::open(&path, &source, "there").err().expect("another destination");
        assert!(elsewhere.to_string().contains("--state"), "{elsewhere}");
    }
}
