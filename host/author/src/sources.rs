//! A project's sources, watched for `plugin dev`: every save is told once, and what a build writes is not.

use crate::project::Project;
use anyhow::{Context, Result};
use notify_debouncer_mini::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// An editor may write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// Directories that builds write and editors do not.
const NOT_SOURCES: &[&str] = &["__pycache__", "build", "dist", "node_modules", "target", "venv"];

/// Watches until it is dropped.
pub struct SourceWatch {
    directory: PathBuf,
    artifact: PathBuf,
    watcher: Debouncer<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    changes: mpsc::UnboundedReceiver<()>,
    last: Fingerprint,
}

/// Size and time of every source.
type Fingerprint = BTreeMap<PathBuf, (u64, SystemTime)>;

impl SourceWatch {
    /// Watches the project from now on.
    pub fn start(project: &Project) -> Result<Self> {
        let (changed, changes) = mpsc::unbounded_channel();
        let watcher = new_debouncer(QUIET, move |result: DebounceEventResult| {
            match result {
                // What changed is looked at later. A closed channel means that nobody wants to know any more.
                Ok(_) => drop(changed.send(())),
                Err(error) => tracing::warn!(%error, "watching the sources failed"),
            }
        })?;
        let mut watch = Self {
            directory: project.directory.clone(),
            artifact: project.component(),
            watcher,
            watched: BTreeSet::new(),
            changes,
            last: Fingerprint::new(),
        };
        watch.last = watch.look()?;
        Ok(watch)
    }

    /// Waits until a source was saved since this was asked last. What is saved during a build is told after it.
    pub async fn changed(&mut self) -> Result<()> {
        loop {
            let now = self.look()?;
            if now != self.last {
                self.last = now;
                return Ok(());
            }
            self.changes
                .recv()
                .await
                .context("the sources are not watched any more")?;
        }
    }

    /// Takes the sources as they are, and watches directories that are new among them.
    fn look(&mut self) -> Result<Fingerprint> {
        let (mut found, mut waiting) = (Fingerprint::new(), vec![self.directory.clone()]);
        while let Some(directory) = waiting.pop() {
            if self.watched.insert(directory.clone()) {
                let watched = self.watcher.watcher().watch(&directory, RecursiveMode::NonRecursive);
                watched.with_context(|| format!("{} cannot be watched", directory.display()))?;
            }
            let Ok(entries) = std::fs::read_dir(&directory) else {
                // It has just gone.
                self.watched.remove(&directory);
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if self.is_no_source(&path) {
                    continue;
                }
                match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => waiting.push(path),
                    Ok(metadata) => {
                        let saved = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        found.insert(path, (metadata.len(), saved));
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(found)
    }

    fn is_no_source(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') || NOT_SOURCES.contains(&&*name) || name.ends_with(".lock") || path == self.artifact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn project() -> (tempfile::TempDir, Project) {
        let directory = tempfile::tempdir().expect("a directory");
        let manifest = "language = 'c'\nbuild = [['true']]\nartifact = 'a.wasm'";
        std::fs::write(directory.path().join("plugin.toml"), manifest).expect("a file");
        std::fs::create_dir(directory.path().join("build")).expect("a directory");
        let project = Project::open(directory.path()).expect("a project");
        (directory, project)
    }

    #[tokio::test]
    async fn a_save_is_told_and_what_a_build_writes_is_not() {
        let (directory, project) = project();
        let mut watch = SourceWatch::start(&project).expect("it is watched");
        std::fs::write(directory.path().join("build/out.o"), "1").expect("a file");
        std::fs::write(directory.path().join("a.wasm"), "1").expect("a file");
        let quiet = tokio::time::timeout(QUIET * 3, watch.changed()).await;
        assert!(quiet.is_err(), "a build's output is no source");
        std::fs::create_dir(directory.path().join("src")).expect("a directory");
        std::fs::write(directory.path().join("src/plugin.c"), "1").expect("a file");
        let told = tokio::time::timeout(PATIENCE, watch.changed()).await;
        told.expect("in time").expect("it is told");
        // In a directory that was not there at first.
        std::fs::write(directory.path().join("src/plugin.c"), "22").expect("a file");
        let told = tokio::time::timeout(PATIENCE, watch.changed()).await;
        told.expect("in time").expect("it is told");
    }
}
