//! How busy each guild is, asked of the workers only while an update looks for guilds to be tried in.

use guildhall_model::GuildId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Events of each guild lately, as the workers tell them.
#[derive(Debug, Default)]
pub struct GuildLoads {
    wanted: AtomicBool,
    told: Mutex<BTreeMap<GuildId, u64>>,
}

impl GuildLoads {
    /// Whether somebody wants to know: one load, for a look now and then.
    pub fn are_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Guilds had so many events lately.
    pub fn tell(&self, events: impl Iterator<Item = (GuildId, u64)>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
    }

    /// Asks the workers from now on, or asks them no more.
    pub(crate) fn want(&self, wanted: bool) {
        if self.wanted.swap(wanted, Ordering::Relaxed) && !wanted {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// What was told since somebody wants to know.
    pub(crate) fn told(&self) -> BTreeMap<GuildId, u64> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
