//! The plugins that run now. Workers read one number between two batches and take the new set when it changed;
//! a batch always ends with the set that it began with.

use crate::call::CallHost;
use crate::deployment::Deployment;
use crate::loads::GuildLoads;
use crate::plugin::Plugin;
use guildhall_model::EventKind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The plugins of one moment, in the order of their ids, which is the order of their calls.
pub struct PluginSet<H: CallHost> {
    /// Grows with every change.
    pub generation: u64,
    /// The version of each id that guilds run which try nothing.
    pub plugins: Vec<Arc<Plugin<H>>>,
    /// The same plugins, with all versions that run, and where they do.
    pub deployments: Vec<Deployment<H>>,
    /// What any version is called for.
    pub events: BTreeSet<EventKind>,
}

impl<H: CallHost> PluginSet<H> {
    fn of(generation: u64, sources: &Sources<H>) -> Self {
        let loose = sources.files.values().filter(|plugin| {
            // What was installed comes before a file that somebody put there.
            !sources.installed.contains_key(&plugin.description().id)
        });
        let mut deployments: Vec<_> = loose.cloned().map(Deployment::of).collect();
        deployments.extend(sources.installed.values().cloned());
        deployments.sort_by(|left, right| left.id().cmp(right.id()));
        let versions = deployments.iter().flat_map(|deployment| &deployment.versions);
        Self {
            generation,
            plugins: deployments
                .iter()
                .map(|deployment| deployment.stable().clone())
                .collect(),
            events: versions
                .flat_map(|version| version.description().events.iter().copied())
                .collect(),
            deployments,
        }
    }
}

/// Holds the current [`PluginSet`] and where its plugins came from.
pub struct PluginRegistry<H: CallHost> {
    generation: AtomicU64,
    current: RwLock<Arc<PluginSet<H>>>,
    sources: RwLock<Sources<H>>,
    loads: GuildLoads,
}

struct Sources<H: CallHost> {
    /// Loose files of the plugins directory.
    files: BTreeMap<PathBuf, Arc<Plugin<H>>>,
    /// What the catalogue names, by id.
    installed: BTreeMap<String, Deployment<H>>,
}

impl<H: CallHost> Default for PluginRegistry<H> {
    fn default() -> Self {
        let sources = Sources {
            files: BTreeMap::new(),
            installed: BTreeMap::new(),
        };
        Self {
            generation: AtomicU64::new(0),
            current: RwLock::new(Arc::new(PluginSet::of(0, &sources))),
            sources: RwLock::new(sources),
            loads: GuildLoads::default(),
        }
    }
}

impl<H: CallHost> PluginRegistry<H> {
    /// The current generation: one load, for the check between two batches.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The current set.
    pub fn current(&self) -> Arc<PluginSet<H>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where workers tell how busy guilds are.
    pub fn loads(&self) -> &GuildLoads {
        &self.loads
    }

    /// Swaps in the version that `file` holds now. Another file's plugin of the same id stays, and the newcomer
    /// is refused with that file's path.
    pub fn insert(&self, file: &Path, plugin: Plugin<H>) -> Result<(), PathBuf> {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let id = &plugin.description().id;
        if let Some((other, _)) = sources
            .files
            .iter()
            .find(|(path, known)| *path != file && known.description().id == *id)
        {
            return Err(other.clone());
        }
        sources.files.insert(file.to_owned(), Arc::new(plugin));
        self.publish(&sources);
        Ok(())
    }

    /// Takes out the plugin of this file; answers its id.
    pub fn remove(&self, file: &Path) -> Option<String> {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let removed = sources.files.remove(file)?;
        self.publish(&sources);
        Some(removed.description().id.clone())
    }

    /// Has these run, of all that is installed. They come before files with the same id.
    pub(crate) fn install(&self, installed: BTreeMap<String, Deployment<H>>) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.installed = installed;
        self.publish(&sources);
    }

    /// The digest of what was loaded from this file.
    pub(crate) fn digest(&self, file: &Path) -> Option<String> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        sources.files.get(file).map(|plugin| plugin.digest().to_owned())
    }

    /// Loaded files whose plugins do not run, as the catalogue has one of their id.
    pub(crate) fn outranked(&self) -> Vec<(PathBuf, String)> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        let files = sources.files.iter();
        files
            .map(|(file, plugin)| (file.clone(), plugin.description().id.clone()))
            .filter(|(_, id)| sources.installed.contains_key(id))
            .collect()
    }

    /// The files whose plugins are loaded.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        sources.files.keys().cloned().collect()
    }

    fn publish(&self, sources: &Sources<H>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.generation + 1;
        *current = Arc::new(PluginSet::of(generation, sources));
        self.generation.store(generation, Ordering::Release);
    }
}
