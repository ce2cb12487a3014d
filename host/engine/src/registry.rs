//! The plugins that run now. Workers read one number between two batches and take the new set when it changed;
//! a batch always ends with the set that it began with.

use crate::call::CallHost;
use crate::plugin::Plugin;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The plugins of one moment, in the order of their ids, which is the order of their calls.
pub struct PluginSet<H: CallHost> {
    /// Grows with every change.
    pub generation: u64,
    /// At most one version of each id.
    pub plugins: Vec<Arc<Plugin<H>>>,
}

/// Holds the current [`PluginSet`] and the file that each plugin came from.
pub struct PluginRegistry<H: CallHost> {
    generation: AtomicU64,
    current: RwLock<Arc<PluginSet<H>>>,
    files: RwLock<BTreeMap<PathBuf, Arc<Plugin<H>>>>,
}

impl<H: CallHost> Default for PluginRegistry<H> {
    fn default() -> Self {
        Self {
            generation: AtomicU64::new(0),
            current: RwLock::new(Arc::new(PluginSet {
                generation: 0,
                plugins: Vec::new(),
            })),
            files: RwLock::default(),
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

    /// Swaps in the version that `file` holds now. Another file's plugin of the same id stays, and the newcomer
    /// is refused with that file's path.
    pub fn insert(&self, file: &Path, plugin: Plugin<H>) -> Result<(), PathBuf> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let id = &plugin.description().id;
        if let Some((other, _)) = files
            .iter()
            .find(|(path, known)| *path != file && known.description().id == *id)
        {
            return Err(other.clone());
        }
        files.insert(file.to_owned(), Arc::new(plugin));
        self.publish(&files);
        Ok(())
    }

    /// Takes out the plugin of this file; answers its id.
    pub fn remove(&self, file: &Path) -> Option<String> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let removed = files.remove(file)?;
        self.publish(&files);
        Some(removed.description().id.clone())
    }

    /// The digest of what runs from this file.
    pub(crate) fn digest(&self, file: &Path) -> Option<String> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(file).map(|plugin| plugin.digest().to_owned())
    }

    /// The files whose plugins run.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    fn publish(&self, files: &BTreeMap<PathBuf, Arc<Plugin<H>>>) {
        let mut plugins: Vec<_> = files.values().cloned().collect();
        plugins.sort_by(|left, right| left.description().id.cmp(&right.description().id));
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.generation + 1;
        *current = Arc::new(PluginSet { generation, plugins });
        self.generation.store(generation, Ordering::Release);
    }
}
