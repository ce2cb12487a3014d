//! The plugins directory: every `.wasm` in it runs, a changed one is swapped at once, a removed one is unloaded; and what
//! the [catalogue](crate::installed) in it names.
//!
//! Compiling happens on the watcher's own thread, never on a worker. A file that cannot be loaded changes
//! nothing: the version that ran goes on, and the log says why.

use crate::artifact::{ArtifactCache, digest};
use crate::call::CallHost;
use crate::installed::InstalledPlugins;
use crate::limits::CallLimits;
use crate::plugin::{LoadError, Plugin};
use crate::registry::PluginRegistry;
use crate::runtime::Runtime;
use crate::trial::UpdateRules;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A file must have been quiet for so long before it is read: a copy in progress is not a plugin.
const QUIET: Duration = Duration::from_millis(200);
/// Where it never is, it is read all the same.
const NEVER_QUIET: Duration = Duration::from_secs(5);
/// Between two looks at an update that is under way.
const LOOK: Duration = Duration::from_millis(200);
/// Between two looks otherwise: a guild may be found to stay behind long after an update.
const RARELY: Duration = Duration::from_secs(5);

/// What it takes to make a plugin of a component.
#[derive(Clone)]
pub struct Loading {
    /// The engine.
    pub runtime: Runtime,
    /// What was compiled before.
    pub artifacts: ArtifactCache,
    /// Bounds of `describe`.
    pub limits: CallLimits,
}

impl Loading {
    pub(crate) fn load<H: CallHost>(&self, wasm: &[u8]) -> Result<Plugin<H>, LoadError> {
        Plugin::load(&self.runtime, &self.artifacts, &self.limits, wasm)
    }
}

/// Watches until it is dropped.
pub struct DirectoryWatch {
    _watcher: RecommendedWatcher,
}

impl DirectoryWatch {
    /// Loads what is there, then follows changes. Fails only where the directory cannot be watched. What is learned of
    /// updates is kept in the directory `data`.
    pub fn start<H: CallHost>(
        directory: &Path,
        data: &Path,
        rules: UpdateRules,
        loading: Loading,
        registry: Arc<PluginRegistry<H>>,
    ) -> notify::Result<Self> {
        let mut loader = Loader {
            directory: directory.to_owned(),
            installed: InstalledPlugins::new(directory, data, rules, loading.clone(), registry.clone()),
            loading,
            registry,
            refused: BTreeMap::new(),
            outranked: BTreeSet::new(),
        };
        let (changed, changes) = std::sync::mpsc::channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            // What the loader reads is no change.
            Ok(event) if is_a_look(event.kind) => {}
            // What changed does not matter: the loader compares the whole directory with what runs. A closed channel
            // means that the loader is gone.
            Ok(_) => drop(changed.send(())),
            Err(error) => tracing::error!(%error, "watching the plugins directory failed"),
        })?;
        // Watched before it is read, so that no change falls between the two.
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        loader.reconcile();
        std::thread::Builder::new()
            .name("plugin-loader".into())
            .spawn(move || loader.follow(&changes))
            .map_err(notify::Error::io)?;
        Ok(Self { _watcher: watcher })
    }
}

/// Whether somebody has only opened or read a file.
fn is_a_look(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

struct Loader<H: CallHost> {
    directory: PathBuf,
    installed: InstalledPlugins<H>,
    loading: Loading,
    registry: Arc<PluginRegistry<H>>,
    /// Digests of files that were refused, so that each is reported once.
    refused: BTreeMap<PathBuf, String>,
    /// Files whose plugins do not run, as the catalogue has one of their id.
    outranked: BTreeSet<PathBuf>,
}

impl<H: CallHost> Loader<H> {
    /// Until nobody watches any more.
    fn follow(&mut self, changes: &Receiver<()>) {
        loop {
            match changes.recv_timeout(self.pause()) {
                Ok(()) => {
                    let noticed = Instant::now();
                    while changes.recv_timeout(QUIET).is_ok() && noticed.elapsed() < NEVER_QUIET {}
                    self.reconcile();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.installed.look();
        }
    }

    fn pause(&self) -> Duration {
        if self.installed.is_under_way() { LOOK } else { RARELY }
    }

    fn reconcile(&mut self) {
        self.installed.reconcile();
        let present = match self.wasm_files() {
            Ok(present) => present,
            Err(error) => {
                tracing::error!(directory = %self.directory.display(), %error, "the plugins directory cannot be read; what runs goes on");
                return;
            }
        };
        for gone in self.registry.files().iter().filter(|file| !present.contains(file)) {
            if let Some(plugin) = self.registry.remove(gone) {
                tracing::info!(plugin, file = %gone.display(), "plugin unloaded: its file is gone");
            }
        }
        self.refused.retain(|file, _| present.contains(file));
        for file in &present {
            self.load(file);
        }
        let outranked = self.registry.outranked();
        for (file, plugin) in outranked.iter().filter(|(file, _)| !self.outranked.contains(file)) {
            tracing::warn!(plugin, file = %file.display(), "a file's plugin does not run: one of its id is installed, and comes before it");
        }
        self.outranked = outranked.into_iter().map(|(file, _)| file).collect();
    }

    fn load(&mut self, file: &Path) {
        let wasm = match std::fs::read(file) {
            Ok(wasm) => wasm,
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "a plugin file cannot be read; what ran from it goes on");
                return;
            }
        };
        let digest = digest(&wasm);
        if self.registry.digest(file).as_ref() == Some(&digest) || self.refused.get(file) == Some(&digest) {
            return;
        }
        let reason = match self.loading.load(&wasm) {
            Ok(plugin) => {
                let (id, version) = (plugin.description().id.clone(), plugin.description().version.clone());
                match self.registry.insert(file, plugin) {
                    Ok(()) => {
                        self.refused.remove(file);
                        metrics::counter!("guildhall_plugin_loads_total", "plugin" => id.clone()).increment(1);
                        tracing::info!(plugin = id, version, digest, file = %file.display(), "plugin loaded");
                        return;
                    }
                    Err(other) => format!(
                        "plugin `{id}` already runs from {}; remove one of the two",
                        other.display()
                    ),
                }
            }
            Err(error) => error.to_string(),
        };
        metrics::counter!("guildhall_plugin_load_failures_total").increment(1);
        tracing::error!(file = %file.display(), reason, "a plugin was not loaded; what ran from this file goes on");
        self.refused.insert(file.to_owned(), digest);
    }

    fn wasm_files(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}
