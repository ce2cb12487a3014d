//! What can be told of a component beside what it says of itself: what it imports, and what an instance of it takes.

use crate::call::CallHost;
use crate::limits::CallLimits;
use crate::plugin::Plugin;
use crate::wasi::is_refused;

/// An interface that a component imports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Import {
    /// Its name, with the version.
    pub name: String,
    /// Whether calling it traps: the host offers no such thing.
    pub traps: bool,
}

impl<H: CallHost> Plugin<H> {
    /// What the component imports, in the order of the names.
    pub fn imports(&self) -> Vec<Import> {
        let import = |name: &String| Import {
            traps: is_refused(name),
            name: name.clone(),
        };
        let mut imports: Vec<_> = self.import_names().iter().map(import).collect();
        imports.sort_by(|left, right| left.name.cmp(&right.name));
        imports
    }

    /// The version of `guildhall:plugin` that it was built for.
    pub fn contract(&self) -> Option<&str> {
        let mut names = self.import_names().iter();
        let version = names.find_map(|name| name.strip_prefix("guildhall:plugin/")?.split_once('@'));
        version.map(|(_, version)| version)
    }

    /// Bytes of memory that an instance begins with, as far as it asks for; its pages are not touched before they are used.
    pub fn initial_memory(&self, limits: &CallLimits) -> wasmtime::Result<usize> {
        let (mut store, _) = self.instantiate(limits)?;
        Ok(store.data_mut().bounds().memory())
    }
}
