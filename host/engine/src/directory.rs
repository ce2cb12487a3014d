//! The plugins directory: every `.wasm` in it runs, a changed one is swapped, a removed one is unloaded.
//!
//! Compiling happens on the watcher's own thread, never on a worker. A file that cannot be loaded changes
//! nothing: the version that ran goes on, and the log says why.

use crate::artifact::{ArtifactCache, digest};
use crate::call::CallHost;
use crate::limits::CallLimits;
use crate::plugin::Plugin;
use crate::registry::PluginRegistry;
use crate::runtime::Runtime;
use notify_debouncer_mini::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A file must have been quiet for so long before it is read: a copy in progress is not a plugin.
const QUIET: Duration = Duration::from_millis(200);

/// Watches until it is dropped.
pub struct DirectoryWatch {
    _watcher: Debouncer<RecommendedWatcher>,
}

impl DirectoryWatch {
    /// Loads what is there, then follows changes. Fails only where the directory cannot be watched.
    pub fn start<H: CallHost>(
        directory: &Path,
        runtime: Runtime,
        artifacts: ArtifactCache,
        limits: CallLimits,
        registry: Arc<PluginRegistry<H>>,
    ) -> Result<Self, notify_debouncer_mini::notify::Error> {
        let mut loader = Loader {
            directory: directory.to_owned(),
            runtime,
            artifacts,
            limits,
            registry,
            refused: BTreeMap::new(),
        };
        let (changed, changes) = std::sync::mpsc::channel();
        let mut watcher = new_debouncer(QUIET, move |result: DebounceEventResult| {
            match result {
                // What changed does not matter: the loader compares the whole directory with what runs. A
                // closed channel means that the loader is gone.
                Ok(_) => drop(changed.send(())),
                Err(error) => tracing::error!(%error, "watching the plugins directory failed"),
            }
        })?;
        // Watched before it is read, so that no change falls between the two.
        watcher.watcher().watch(directory, RecursiveMode::NonRecursive)?;
        loader.reconcile();
        std::thread::Builder::new()
            .name("plugin-loader".into())
            .spawn(move || {
                while changes.recv().is_ok() {
                    loader.reconcile();
                }
            })
            .map_err(notify_debouncer_mini::notify::Error::io)?;
        Ok(Self { _watcher: watcher })
    }
}

struct Loader<H: CallHost> {
    directory: PathBuf,
    runtime: Runtime,
    artifacts: ArtifactCache,
    limits: CallLimits,
    registry: Arc<PluginRegistry<H>>,
    /// Digests of files that were refused, so that each is reported once.
    refused: BTreeMap<PathBuf, String>,
}

impl<H: CallHost> Loader<H> {
    fn reconcile(&mut self) {
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
        let reason = match Plugin::load(&self.runtime, &self.artifacts, &self.limits, &wasm) {
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
