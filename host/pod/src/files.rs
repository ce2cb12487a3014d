//! Guild files on their way into this pod: delivered by the owner before, or recovered from the volume of a pod that is
//! gone. Of several copies the one with the highest epoch is the guild.

use anyhow::{Context, Result, ensure};
use guildhall_model::GuildId;
use guildhall_store::{GuildStore, StoreLimits, guild_file};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What stands beside a file in WAL mode.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The directory of this pod's guild files, and where others' are.
#[derive(Clone, Debug)]
pub struct GuildFiles {
    guilds: PathBuf,
    incoming: PathBuf,
    /// A directory in which every pod's data directory can be found by the pod's name.
    volumes: Option<PathBuf>,
    /// This pod's name.
    pod: String,
    limits: StoreLimits,
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

    /// Gets the guild's file ready for this epoch: delivered, this pod's own, recovered, or new. Blocks.
    pub(crate) fn prepare(&self, guild: GuildId, epoch: i64) -> Result<()> {
        let delivered = self.delivered(guild, epoch);
        if delivered.exists() {
            self.remove(guild)?;
            std::fs::rename(&delivered, self.path(guild))?;
        } else {
            self.recover(guild)?;
        }
        self.forget_deliveries(guild)?;
        let mut store = GuildStore::open(&self.guilds, guild, &self.limits)?.store;
        let before = store.epoch()?;
        if before == 0 && epoch > 1 {
            tracing::warn!(%guild, epoch, "the guild has had owners, but no file of theirs was found: it begins anew");
        }
        store.set_epoch(epoch)?;
        store.checkpoint()?;
        Ok(())
    }

    /// Takes the copy with the highest epoch among other pods' volumes, if it is newer than this pod's own.
    fn recover(&self, guild: GuildId) -> Result<()> {
        let mut newest = if self.path(guild).exists() {
            GuildStore::open(&self.guilds, guild, &self.limits)?.store.epoch()?
        } else {
            -1
        };
        for volume in self.other_volumes()? {
            let file = guild_file(&volume.join("guilds"), guild);
            if !file.exists() {
                continue;
            }
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
                tracing::info!(%guild, epoch, from = %volume.display(), "a guild's file was recovered");
                metrics::counter!("guildhall_recovered_files_total").increment(1);
            }
            std::fs::remove_dir_all(&staged)?;
        }
        Ok(())
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

    /// Deliveries for epochs that never began.
    fn forget_deliveries(&self, guild: GuildId) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.incoming)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&format!("{guild}.")) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The SHA-256 of the guild's file, which is closed. Blocks.
    pub(crate) fn digest(&self, guild: GuildId) -> Result<String> {
        let path = self.path(guild);
        let wal = with_suffix(&path, "-wal");
        let left = std::fs::metadata(&wal).map_or(0, |wal| wal.len());
        ensure!(
            left == 0,
            "{} still holds {left} bytes; they belong into the file",
            wal.display()
        );
        digest_of(&path)
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The SHA-256 of a file, in hexadecimal. Blocks.
pub(crate) fn digest_of(path: &Path) -> Result<String> {
    let mut file = std::fs::File::open(path).with_context(|| format!("{}", path.display()))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}
