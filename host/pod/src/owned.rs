//! The guilds that this pod acts for, each with its epoch. Whoever hands an event to a worker holds the read side, so
//! that none slips in behind a guild that is given away.

use guildhall_model::GuildId;
use std::collections::HashMap;
use tokio::sync::{RwLock, RwLockReadGuard};

/// Shared by everything that hands events to workers.
#[derive(Debug, Default)]
pub struct Owned(RwLock<HashMap<GuildId, i64>>);

impl Owned {
    /// The guilds; none is given away while the guard lives.
    pub(crate) async fn read(&self) -> RwLockReadGuard<'_, HashMap<GuildId, i64>> {
        self.0.read().await
    }

    /// Whether the pod acts for the guild; also false while some guild comes or goes just now.
    pub(crate) fn holds_for_sure(&self, guild: GuildId) -> bool {
        self.0.try_read().is_ok_and(|owned| owned.contains_key(&guild))
    }

    /// The pod acts for the guild from now on.
    pub(crate) async fn insert(&self, guild: GuildId, epoch: i64) {
        self.0.write().await.insert(guild, epoch);
    }

    /// It does not any more; waits for those that are handing events over.
    pub(crate) async fn remove(&self, guild: GuildId) {
        self.0.write().await.remove(&guild);
    }

    /// How many there are.
    pub async fn len(&self) -> usize {
        self.0.read().await.len()
    }

    /// Whether there are none.
    pub async fn is_empty(&self) -> bool {
        self.0.read().await.is_empty()
    }
}
