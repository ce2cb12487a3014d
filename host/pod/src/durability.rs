//! What this pod does so that a lost disk loses nothing: its guilds go to the bucket, and come from there when no better copy
//! is at hand.

use crate::files::GuildFiles;
use anyhow::{Context, Result};
use guildhall_model::GuildId;
use guildhall_replication::{Point, Replicator, RestoreError, Restorer};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Changes with every start of the machine (Linux, random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What this start of the machine is known by; empty where it is not known.
pub fn boot_id() -> String {
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    boot.trim().to_owned()
}

/// Replication of this pod's guilds, where a bucket is configured.
pub struct Durability {
    /// Brings guilds to the bucket.
    pub replicator: Arc<Replicator>,
    /// Brings them back.
    pub restorer: Restorer,
    /// Guilds whose files were written before the machine started: what was committed last may be missing from them.
    distrusted: Mutex<HashSet<GuildId>>,
    /// Guilds whose files were just restored: the bucket has all of them.
    restored: Mutex<HashSet<GuildId>>,
}

impl Durability {
    /// For the guilds below this data directory, which no other process uses.
    pub fn new(data: &Path, replicator: Arc<Replicator>, restorer: Restorer) -> Result<Self> {
        let boot = boot_id();
        let file = data.join("boot");
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        let distrusted = if boot.is_empty() || known != boot {
            guildhall_gateway::guilds_in(&data.join("guilds"))?
        } else {
            Vec::new()
        };
        std::fs::write(&file, boot).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(Self {
            replicator,
            restorer,
            distrusted: Mutex::new(distrusted.into_iter().collect()),
            restored: Mutex::default(),
        })
    }

    /// Restores the guild beside what this pod has of it, where the bucket's is newer. To be called before the file is
    /// prepared for an epoch that it was not delivered for. Answers the bucket's newest epoch where it is not below this
    /// one: then the fleet's database was lost and begun anew, and what is written in this epoch would never be restored.
    pub(crate) async fn fetch(&self, files: &GuildFiles, guild: GuildId, epoch: i64) -> Result<Option<i64>> {
        let looked = files.clone();
        let epochs = move || Ok::<_, anyhow::Error>((looked.own_epoch(guild), looked.delivered_epoch(guild)?));
        let (own, delivered) = tokio::task::spawn_blocking(epochs).await??;
        // A delivered file is as new as what its owner had brought to the bucket in that epoch, or newer.
        let trusted = own.filter(|_| !self.is_distrusted(guild)).max(delivered);
        if epoch > 1 && trusted == Some(epoch - 1) {
            // Nobody has owned it since: the bucket, which may be away, has nothing newer.
            return Ok(None);
        }
        let newest = match self.restorer.newest(guild).await {
            Err(error) if epoch == 1 => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(%guild, error, "the bucket cannot be asked whether a fleet before knew this guild; it begins as a new one");
                return Ok(None);
            }
            newest => newest?,
        };
        let Some(newest) = newest else {
            return Ok(None);
        };
        if newest >= epoch {
            return Ok(Some(newest));
        }
        if trusted.is_some_and(|trusted| trusted >= newest) || own.is_some_and(|own| own > newest) {
            return Ok(None);
        }
        let place = files.delivered(guild, newest);
        let part = place.with_extension("restoring");
        let restored = match self.restorer.restore(guild, Point::Latest, &part).await {
            Err(RestoreError::Nothing(_)) => return Ok(None),
            restored => restored?,
        };
        if own == Some(newest) {
            if restored.damaged {
                tracing::error!(%guild, epoch = newest, "the bucket's copy is damaged; the volume's is used, from before the machine started");
                std::fs::remove_file(&part)?;
                return Ok(None);
            }
            files.remove(guild)?;
        }
        std::fs::rename(&part, &place)?;
        if !restored.damaged {
            let mut whole = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
            whole.insert(guild);
        }
        tracing::info!(%guild, epoch = restored.epoch, "a guild was restored from the bucket");
        Ok(None)
    }

    fn is_distrusted(&self, guild: GuildId) -> bool {
        let distrusted = self.distrusted.lock().unwrap_or_else(PoisonError::into_inner);
        distrusted.contains(&guild)
    }

    /// The guild's file is in place for this epoch, whatever it came from.
    pub(crate) fn take_up(&self, guild: GuildId, epoch: i64) {
        let mut distrusted = self.distrusted.lock().unwrap_or_else(PoisonError::into_inner);
        distrusted.remove(&guild);
        drop(distrusted);
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        let from_bucket = restored.remove(&guild);
        drop(restored);
        self.replicator.take_up(guild, epoch, from_bucket);
    }
}
