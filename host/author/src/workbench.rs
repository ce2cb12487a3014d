//! Components on an author's machine: read, compiled once and kept, and loaded as a host loads them.

use anyhow::{Context, Result};
use guildhall_engine::{ArtifactCache, CallHost, CallLimits, Plugin, Runtime, RuntimeConfig};
use guildhall_scenario::Plugins;
use std::path::{Path, PathBuf};

/// Instances of one command: it runs one guild at a time.
const INSTANCES: u32 = 8;

/// Loads components.
pub struct Workbench {
    runtime: Runtime,
    artifacts: ArtifactCache,
    _temporary: Option<tempfile::TempDir>,
}

impl Workbench {
    /// With what components compile to in the user's cache directory, or in one that ends with this value.
    pub fn open() -> Result<Self> {
        let (directory, temporary) = match cache_directory() {
            Some(directory) => (directory, None),
            None => {
                let temporary = tempfile::tempdir().context("a temporary directory cannot be made")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let config = RuntimeConfig {
            instances: INSTANCES,
            ..RuntimeConfig::default()
        };
        let artifacts = ArtifactCache::open(&directory)
            .with_context(|| format!("{}: compiled plugins cannot be kept there", directory.display()))?;
        Ok(Self {
            runtime: Runtime::new(&config).map_err(anyhow::Error::from)?,
            artifacts,
            _temporary: temporary,
        })
    }

    /// Loads the component of this file; the error says what is wrong with it.
    pub fn load<H: CallHost>(&self, file: &Path) -> Result<Plugin<H>> {
        let shown = file.display();
        let wasm = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
        Plugin::load(&self.runtime, &self.artifacts, &CallLimits::default(), &wasm).with_context(|| shown.to_string())
    }

    /// For running stories.
    pub fn plugins(&self) -> Plugins {
        Plugins::new(self.runtime.clone(), self.artifacts.clone())
    }
}

fn cache_directory() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    Some(cache.join("guildhall").join("compiled-plugins"))
}
