//! Guild files on their way into this pod: delivered by the owner before, or recovered from the volume of a pod that is
//! gone. Of several copies the one with the highest epoch is the guild.

use crate::copies::Copies;
use anyhow::{Context, Result, ensure};
use guildhall_model::GuildId;
use guildhall_store::{GuildStore, StoreLimits, digest_of, epoch_of, guild_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands beside a file in WAL mode.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The directory of this pod's guild files, and where others' are.
#[derive(Clone, Debug)]
pub struct GuildFiles {
    pub(crate) guilds: PathBuf,
    pub(crate) incoming: PathBuf,
    /// Files whose place others have taken.
    pub(crate) replaced: PathBuf,
    /// Copies that are being made for operators.
    pub(crate) copies: Arc<Copies>,
    /// A directory in which every pod's data directory can be found by the pod's name.
    volumes: Option<PathBuf>,
    /// This pod's name.
    pod: String,
    pub(crate) limits: StoreLimits,
}

impl GuildFiles {
    /// The files below this data directory.
    pub fn new(data: &Path, volumes: Option<PathBuf>, pod: &str, limits: StoreLimits) -> std::io::Result<Self> {
        let (guilds, incoming) = (data.join("guilds"), data.join("incoming"));
        std::fs::create_dir_all(&guilds)?;
        std::fs::create_dir_all(&incoming)?;
        Ok(Self {
            guilds,
            incoming,
            replaced: data.join("replaced"),
            copies: Arc::default(),
            volumes,
            pod: pod.to_owned(),
            limits,
        })
    }

    /// The guild's file.
    pub(crate) fn path(&self, guild: GuildId) -> PathBuf {
        guild_file(&self.guilds, guild)
    }

    /// Where a file that is delivered for this epoch is kept until the epoch begins.
    pub(crate) fn delivered(&self, guild: GuildId, epoch: i64) -> PathBuf {
        self.incoming.join(format!("{guild}.{epoch}.db"))
    }

    /// Where a copy for an operator is made.
    pub(crate) fn copy(&self, guild: GuildId) -> PathBuf {
        self.incoming.join(format!("copy-{guild}"))
    }

    /// Gets the guild's file ready for this epoch: delivered, this pod's own, recovered, or new. Blocks.
    pub(crate) fn prepare(&self, guild: GuildId, epoch: i64) -> Result<()> {
        let delivered = self.delivered(guild, epoch);
        if delivered.exists() {
            self.accept(guild, epoch, &delivered)?;
        } else {
            self.recover(guild)?;
        }
        let mut store = GuildStore::open(&self.guilds, guild, &self.limits)?.store;
        let before = store.epoch()?;
        if before == 0 && epoch > 1 {
            tracing::warn!(%guild, epoch, "the guild has had owners, but no file of theirs was found: it begins anew");
        }
        store.set_epoch(epoch)?;
        store.checkpoint()?;
        // Not before the guild's file has its epoch: after a crash they are looked at again.
        self.forget_deliveries(guild)?;
        Ok(())
    }

    /// Takes the copy that was last taken up in the highest epoch, if it is newer than this pod's own. A delivered file
    /// carries the epoch of the owner that sent it: so one of a move that was taken back loses against what that owner
    /// did afterwards.
    fn recover(&self, guild: GuildId) -> Result<()> {
        let mut newest = if self.path(guild).exists() {
            GuildStore::open(&self.guilds, guild, &self.limits)?.store.epoch()?
        } else {
            -1
        };
        for file in self.copies(guild)? {
            let staged = self.incoming.join(format!("recovered-{guild}"));
            if staged.exists() {
                std::fs::remove_dir_all(&staged)?;
            }
            std::fs::create_dir_all(&staged)?;
            let copy = guild_file(&staged, guild);
            std::fs::copy(&file, &copy).with_context(|| format!("{} cannot be copied", file.display()))?;
            let wal = with_suffix(&file, "-wal");
            if wal.exists() {
                std::fs::copy(&wal, with_suffix(&copy, "-wal"))?;
            }
            let mut store = GuildStore::open(&staged, guild, &self.limits)?.store;
            let epoch = store.epoch()?;
            store.checkpoint()?;
            drop(store);
            if epoch > newest {
                newest = epoch;
                self.remove(guild)?;
                std::fs::rename(&copy, self.path(guild))?;
                tracing::info!(%guild, epoch, from = %file.display(), "a guild's file was recovered");
                metrics::counter!("guildhall_recovered_files_total").increment(1);
            }
            std::fs::remove_dir_all(&staged)?;
        }
        Ok(())
    }

    /// Every copy of the guild but this pod's own file: what was delivered here, and what other pods have.
    fn copies(&self, guild: GuildId) -> Result<Vec<PathBuf>> {
        let mut copies = deliveries(&self.incoming, guild)?;
        for volume in self.other_volumes()? {
            let file = guild_file(&volume.join("guilds"), guild);
            if file.exists() {
                copies.push(file);
            }
            let incoming = volume.join("incoming");
            if incoming.is_dir() {
                copies.extend(deliveries(&incoming, guild)?);
            }
        }
        Ok(copies)
    }

    fn other_volumes(&self) -> Result<Vec<PathBuf>> {
        let Some(volumes) = &self.volumes else {
            return Ok(Vec::new());
        };
        let mut others = Vec::new();
        for entry in std::fs::read_dir(volumes).with_context(|| format!("{}", volumes.display()))? {
            let entry = entry?;
            if entry.file_name() != self.pod.as_str() && entry.path().is_dir() {
                others.push(entry.path());
            }
        }
        others.sort();
        Ok(others)
    }

    /// Removes the guild's file: it is somewhere else now.
    pub(crate) fn remove(&self, guild: GuildId) -> std::io::Result<()> {
        let file = self.path(guild);
        for file in COMPANIONS
            .map(|suffix| with_suffix(&file, suffix))
            .iter()
            .chain([&file])
        {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// They are of epochs that are over, or never began.
    fn forget_deliveries(&self, guild: GuildId) -> std::io::Result<()> {
        deliveries(&self.incoming, guild)?
            .into_iter()
            .try_for_each(std::fs::remove_file)
    }

    /// The epoch in which this pod's own file was last taken up; none where there is no file, or none that can be read.
    /// Blocks.
    pub(crate) fn own_epoch(&self, guild: GuildId) -> Option<i64> {
        let own = self.path(guild);
        let epoch = own.exists().then(|| epoch_of(&own, guild))?;
        epoch
            .inspect_err(|error| tracing::warn!(%error, "this pod's own copy of a guild is not used"))
            .ok()
    }

    /// The highest epoch in which a file was last taken up that was delivered here since; none where there is none. Blocks.
    pub(crate) fn delivered_epoch(&self, guild: GuildId) -> Result<Option<i64>> {
        let mut highest = None;
        for delivery in deliveries(&self.incoming, guild)? {
            highest = highest.max(Some(epoch_of(&delivery, guild)?));
        }
        Ok(highest)
    }

    /// The SHA-256 of the guild's file, which is closed and whole. Blocks.
    pub(crate) fn digest(&self, guild: GuildId) -> Result<String> {
        let path = self.path(guild);
        let wal = with_suffix(&path, "-wal");
        let left = || std::fs::metadata(&wal).map_or(0, |wal| wal.len());
        if left() > 0 {
            GuildStore::open(&self.guilds, guild, &self.limits)?
                .store
                .checkpoint()?;
        }
        let left = left();
        ensure!(
            left == 0,
            "{} still holds {left} bytes; they belong into the file",
            wal.display()
        );
        Ok(digest_of(&path)?)
    }
}

/// Whole files that were delivered for this guild, whatever the epoch.
fn deliveries(incoming: &Path, guild: GuildId) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(incoming)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&format!("{guild}.")) && name.ends_with(".db") {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(volumes: &Path, pod: &str) -> GuildFiles {
        let data = volumes.join(pod);
        std::fs::create_dir_all(&data).expect("a volume");
        GuildFiles::new(&data, Some(volumes.into()), pod, StoreLimits::default()).expect("directories")
    }

    /// What the copies of a guild are told apart by.
    fn mark(files: &GuildFiles, guild: GuildId, plugin: &str) {
        let mut store = GuildStore::open(&files.guilds, guild, &files.limits)
            .expect("it opens")
            .store;
        store.set_settings(plugin, "{}").expect("it is kept");
        store.checkpoint().expect("nobody reads");
    }

    fn has(files: &GuildFiles, guild: GuildId, plugin: &str) -> bool {
        let store = GuildStore::open(&files.guilds, guild, &files.limits)
            .expect("it opens")
            .store;
        store.settings(plugin).is_some()
    }

    #[test]
    fn a_delivered_file_is_used_also_when_its_epoch_was_slept_through() {
        let volumes = tempfile::tempdir().expect("a directory");
        let (a, b, guild) = (files(volumes.path(), "a"), files(volumes.path(), "b"), GuildId(1 << 22));
        a.prepare(guild, 1).expect("a new file");
        mark(&a, guild, "first");
        std::fs::rename(a.path(guild), b.delivered(guild, 2)).expect("delivered");
        // The pod died before epoch 2 began, and registered again: epoch 3.
        b.prepare(guild, 3).expect("it is taken up");
        assert!(has(&b, guild, "first"));
        // Also when another pod follows.
        let c = files(volumes.path(), "c");
        std::fs::rename(b.path(guild), b.delivered(guild, 4)).expect("delivered");
        c.prepare(guild, 5).expect("it is taken up");
        assert!(has(&c, guild, "first"));
    }

    #[test]
    fn a_delivery_of_a_move_that_was_taken_back_is_not_the_guild() {
        let volumes = tempfile::tempdir().expect("a directory");
        let (a, b, guild) = (files(volumes.path(), "a"), files(volumes.path(), "b"), GuildId(1 << 22));
        a.prepare(guild, 1).expect("a new file");
        std::fs::copy(a.path(guild), b.delivered(guild, 2)).expect("delivered");
        a.prepare(guild, 2).expect("the move was taken back");
        mark(&a, guild, "afterwards");
        b.prepare(guild, 3).expect("it is taken up");
        assert!(has(&b, guild, "afterwards"));
    }
}
