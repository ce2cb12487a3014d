//! Scenario files and what was accepted of them: whoever runs them compares, sees what differs, and may accept it.

use crate::plugins::Plugins;
use crate::stage::run;
use crate::story::Story;
use anyhow::{Context, Result};
use similar::TextDiff;
use std::path::{Path, PathBuf};

/// A scenario's file; what was accepted of it stands beside it, as `.expected`.
#[derive(Clone, Debug)]
pub struct Scenario {
    file: PathBuf,
}

/// How a scenario has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As it was accepted.
    AsAccepted,
    /// Otherwise, and that is accepted now.
    Blessed,
    /// Otherwise; the lines that differ.
    Differs(String),
    /// Nothing was accepted of it yet; all that it tells.
    New(String),
}

/// The scenarios of a directory, in the order of their names; none where there is no such directory.
pub fn scenarios(directory: &Path) -> Result<Vec<Scenario>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            found.push(Scenario { file });
        }
    }
    found.sort_by(|left, right| left.file.cmp(&right.file));
    Ok(found)
}

impl Scenario {
    /// Its file's name without the extension.
    pub fn name(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    /// Reads it; the error names the file and what is wrong in it.
    pub fn story(&self) -> Result<Story> {
        Story::read(&self.file)
    }

    /// Runs it and compares; with `bless` what came out is accepted.
    pub fn judge(&self, story: &Story, plugins: &Plugins, own_plugin: &str, bless: bool) -> Result<Verdict> {
        let told = run(story, plugins, own_plugin)?;
        let expected = self.file.with_extension("expected");
        let accepted = match std::fs::read_to_string(&expected) {
            Ok(accepted) => Some(accepted),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", expected.display())),
        };
        if accepted.as_ref() == Some(&told) {
            return Ok(Verdict::AsAccepted);
        }
        if bless {
            std::fs::write(&expected, &told).with_context(|| format!("{} cannot be written", expected.display()))?;
            return Ok(Verdict::Blessed);
        }
        Ok(match accepted {
            Some(accepted) => Verdict::Differs(difference(&accepted, &told)),
            None => Verdict::New(told),
        })
    }
}

/// What differs, with the lines around it: `-` was accepted, `+` is told now.
pub fn difference(accepted: &str, told: &str) -> String {
    TextDiff::from_lines(accepted, told)
        .unified_diff()
        .context_radius(3)
        .to_string()
}
