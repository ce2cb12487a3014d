//! Open files, bounded: the least recently used one is closed when there are too many. A store is taken out while
//! it is used and put back afterwards.

use crate::error::OpenError;
use crate::limits::StoreLimits;
use crate::open::{GuildStore, Opened};
use guildhall_model::GuildId;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The open files of one thread.
pub struct StoreCache {
    directory: PathBuf,
    limits: StoreLimits,
    open: LruCache<GuildId, Box<GuildStore>>,
}

impl StoreCache {
    /// A cache over the files of this directory that keeps at most `bound` of them open.
    pub fn new(directory: PathBuf, limits: StoreLimits, bound: NonZeroUsize) -> Self {
        Self {
            directory,
            limits,
            open: LruCache::new(bound),
        }
    }

    /// Takes the guild's store out, opening its file where it is not open.
    pub fn take(&mut self, guild: GuildId) -> Result<Opened, OpenError> {
        match self.open.pop(&guild) {
            Some(store) => Ok(Opened { store, set_aside: None }),
            None => GuildStore::open(&self.directory, guild, &self.limits),
        }
    }

    /// Puts a store back; closes the one that was not used for longest when there are too many.
    pub fn put(&mut self, store: Box<GuildStore>) {
        if let Some((_, closed)) = self.open.push(store.guild(), store) {
            closed.close_for_a_while();
        }
    }

    /// Open files that are not taken out.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no file is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The directory of the files.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Closes every file after moving its WAL into it. A file whose WAL cannot be moved keeps it, and says so.
    pub fn close_all(&mut self) {
        while let Some((guild, mut store)) = self.open.pop_lru() {
            if let Err(error) = store.checkpoint() {
                tracing::warn!(%guild, %error, "the WAL stays beside the guild's file");
            }
        }
    }
}
