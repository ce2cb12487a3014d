//! The components that stories are run through.

use anyhow::{Context, Result, ensure};
use guildhall_engine::{ArtifactCache, CallLimits, Plugin, PluginRegistry, Runtime, RuntimeConfig};
use guildhall_gateway::GuildHost;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The components that stories are run through. What they compile to is kept, so that each is compiled once.
pub struct Plugins {
    runtime: Runtime,
    artifacts: ArtifactCache,
    components: Option<PathBuf>,
    files: BTreeMap<String, PathBuf>,
}

impl Plugins {
    /// None yet.
    pub fn new(runtime: Runtime, artifacts: ArtifactCache) -> Self {
        Self {
            runtime,
            artifacts,
            components: None,
            files: BTreeMap::new(),
        }
    }

    /// From the directory where the components are, as `spam_guard.wasm`; what they compile to is kept in `cache`.
    pub fn open(components: &Path, cache: &Path) -> Result<Self> {
        let runtime = Runtime::new(&RuntimeConfig::default()).map_err(anyhow::Error::from)?;
        Ok(Self::new(runtime, ArtifactCache::open(cache)?).with_directory(components))
    }

    /// Those that have no file of their own are in this directory.
    pub fn with_directory(mut self, components: &Path) -> Self {
        self.components = Some(components.to_owned());
        self
    }

    /// The plugin of this id is in this file.
    pub fn with_file(mut self, id: &str, file: &Path) -> Self {
        self.files.insert(id.to_owned(), file.to_owned());
        self
    }

    /// Whether there is a component for this plugin; the error says that there is none.
    pub fn check(&self, id: &str) -> Result<()> {
        let file = self.file(id)?;
        ensure!(file.is_file(), "plugin `{id}`: there is no {}", file.display());
        Ok(())
    }

    fn file(&self, id: &str) -> Result<PathBuf> {
        let within = |directory: &PathBuf| directory.join(format!("{}.wasm", id.replace('-', "_")));
        self.files
            .get(id)
            .cloned()
            .or_else(|| self.components.as_ref().map(within))
            .with_context(|| format!("plugin `{id}` has no component here: name a directory that has it"))
    }

    pub(crate) fn registry(&self, ids: &[String]) -> Result<PluginRegistry<GuildHost>> {
        let registry = PluginRegistry::default();
        for id in ids {
            let file = self.file(id)?;
            let wasm = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let plugin = Plugin::load(&self.runtime, &self.artifacts, &CallLimits::default(), &wasm)?;
            if let Err(other) = registry.insert(&file, plugin) {
                anyhow::bail!("{} holds the same plugin", other.display());
            }
        }
        Ok(registry)
    }
}
