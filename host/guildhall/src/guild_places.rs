//! Where commands find guilds' files: with their owners in a fleet, or in the volume of a standalone pod that is stopped.

use crate::configuration::Configuration;
use crate::fleet_commands::Access;
use crate::volume::{self, IDENTITY};
use anyhow::{Context, Result, bail};
use guildhall_fleet::{FleetError, GuildFileClient, GuildFileError};
use guildhall_model::GuildId;
use guildhall_pod::GuildFiles;
use guildhall_store::{copy_file, digest_of, guild_file};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// How guilds' files are found.
#[derive(clap::Args)]
pub(crate) struct PlaceAccess {
    /// The data directory of a standalone pod that is stopped, instead of a fleet.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Where guilds' files are.
pub(crate) enum Place {
    /// With their owners.
    Fleet(GuildFileClient),
    /// In a volume, which is locked meanwhile.
    Volume(Volume),
}

/// The volume of a pod that is stopped.
pub(crate) struct Volume {
    data: PathBuf,
    files: GuildFiles,
    _lock: std::fs::File,
}

impl PlaceAccess {
    /// The configuration that the place is found by.
    pub(crate) fn configuration(&self) -> Result<Configuration> {
        Configuration::load(self.access.config.as_deref(), &serde_json::json!({}))
    }

    /// Whether any place is named.
    pub(crate) fn is_given(&self, configuration: &Configuration) -> bool {
        self.data.is_some() || !configuration.cluster.config.is_empty()
    }

    /// Reaches the place; `writes` makes a volume that is not there.
    pub(crate) fn open(&self, configuration: &Configuration, writes: bool) -> Result<Place> {
        let Some(data) = &self.data else {
            let client = configuration.cluster.client().context(
                "no fleet is named; for a standalone pod, stop it and give its data directory with --data DIR",
            )?;
            return Ok(Place::Fleet(GuildFileClient::new(
                client,
                configuration.cluster.secret()?,
            )?));
        };
        if !writes && !data.join("guilds").is_dir() {
            bail!(
                "--data {:?}: there are no guilds' files; give the data directory of a pod",
                data.display()
            );
        }
        if writes && data.join(IDENTITY).exists() {
            bail!(
                "--data {:?} is the volume of a fleet's pod: leave --data out and let the config service put the guild in place",
                data.display()
            );
        }
        let lock = volume::lock(data).context("stop the pod first")?;
        Ok(Place::Volume(Volume {
            data: data.clone(),
            files: GuildFiles::new(data, None, "", configuration.store_limits())?,
            _lock: lock,
        }))
    }
}

impl Place {
    /// Names it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Fleet(client) => format!("the fleet of {}", client.config().urls().join(", ")),
            Self::Volume(volume) => {
                let data = std::fs::canonicalize(&volume.data).unwrap_or_else(|_| volume.data.clone());
                data.display().to_string()
            }
        }
    }

    /// Writes a consistent copy of a guild's file; with `replaced` of the one that was replaced last. Answers where it is
    /// from; none where there is no such guild.
    pub(crate) async fn copy(&self, guild: GuildId, replaced: bool, to: &Path) -> Result<Option<String>> {
        match self {
            Self::Fleet(client) => match client.fetch(guild, replaced, to).await {
                Ok(from) => Ok(Some(owner(&from))),
                Err(GuildFileError::Config(FleetError::Refused { refusal, .. })) if refusal.code == "unknown_guild" => {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            },
            Self::Volume(volume) => {
                let file = match replaced {
                    true => volume.files.last_replaced(guild)?,
                    false => Some(guild_file(&volume.data.join("guilds"), guild)).filter(|file| file.exists()),
                };
                let Some(file) = file else { return Ok(None) };
                let to = to.to_owned();
                tokio::task::spawn_blocking(move || copy_file(&file, &to, &AtomicBool::new(false))).await??;
                Ok(Some(self.name()))
            }
        }
    }

    /// Puts a file, which is made ready for it, in the place of the guild's own. Answers where it is.
    pub(crate) async fn put(&self, guild: GuildId, file: &Path) -> Result<String> {
        match self {
            Self::Fleet(client) => {
                let digested = file.to_owned();
                let digest = tokio::task::spawn_blocking(move || digest_of(&digested)).await??;
                let now = client.put_in_place(guild, file, &digest).await?;
                Ok(owner(&now))
            }
            Self::Volume(volume) => {
                let (files, file) = (volume.files.clone(), file.to_owned());
                tokio::task::spawn_blocking(move || files.place(guild, &file)).await??;
                Ok(self.name())
            }
        }
    }
}

fn owner(assignment: &guildhall_fleet::GuildAssignment) -> String {
    let pod = assignment.pod.as_deref().unwrap_or("nobody");
    format!("{pod}, epoch {}", assignment.epoch)
}
