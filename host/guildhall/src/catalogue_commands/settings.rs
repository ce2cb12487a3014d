//! `guildhall plugin settings`: per guild, or for every guild that has none of its own; never kept where they do not fit
//! the active version's schema.

use super::{Place, installed, installed_mut};
use crate::bad_input::{BadInput, OrBadInput};
use crate::fleet_commands::write_out;
use anyhow::{Context, Result};
use guildhall_catalogue::{Installed, place_setting, settings_complaints};
use guildhall_model::GuildId;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// `guildhall plugin settings`.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("scope").required(true).args(["guild", "all"])))]
pub(crate) struct Settings {
    /// The plugin's id.
    id: String,
    /// The guild.
    #[arg(long)]
    guild: Option<GuildId>,
    /// Every guild that has no settings of its own.
    #[arg(long)]
    all: bool,
    /// Sets one setting to a JSON value: `limit=3`, `greeting="hello"`, `/strikes/limit=3`; may be repeated. The others stay.
    #[arg(long, value_name = "NAME=JSON", conflicts_with_all = ["file", "reset", "show"])]
    set: Vec<String>,
    /// Replaces all settings by the JSON object in this file.
    #[arg(long, conflicts_with_all = ["reset", "show"])]
    file: Option<PathBuf>,
    /// Takes the settings away.
    #[arg(long, conflicts_with = "show")]
    reset: bool,
    /// Only shows them.
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Settings) -> Result<()> {
    let directory = arguments.place.directory()?;
    if arguments.set.is_empty() && arguments.file.is_none() && !arguments.reset {
        let catalogue = directory.read()?;
        let installed = installed(&catalogue, &arguments.id)?;
        let shown = serde_json::to_string_pretty(&arguments.current(installed))?;
        return write_out(&format!("{shown}\n"));
    }
    let report = directory.change(|change| -> Result<String> {
        let installed = installed_mut(&mut change.catalogue, &arguments.id)?;
        installed.migrate_settings();
        if arguments.reset {
            installed.set_settings(arguments.guild, None);
            return Ok(format!(
                "{} has no settings for {} any more\n",
                arguments.id,
                arguments.scope()
            ));
        }
        let settings = arguments.wanted(installed)?;
        let version = installed.active().context("no version is active")?;
        if let Some(complaint) = settings_complaints(&version.settings_schema, &settings)
            .into_iter()
            .next()
        {
            let (id, version) = (&arguments.id, &version.version);
            let message = format!("the settings do not fit {id} {version}: {complaint}; nothing was changed");
            return Err(BadInput(message).into());
        }
        let shown = serde_json::to_string(&settings)?;
        installed.set_settings(arguments.guild, Some(settings));
        Ok(format!(
            "{} has these settings for {}: {shown}\n",
            arguments.id,
            arguments.scope()
        ))
    })?;
    write_out(&report)
}

impl Settings {
    fn scope(&self) -> String {
        self.guild.map_or_else(
            || "every guild without its own".into(),
            |guild| format!("guild {guild}"),
        )
    }

    fn current(&self, installed: &Installed) -> Map<String, Value> {
        let settings = match self.guild {
            Some(guild) => installed.settings_for(guild),
            None => installed.settings_for_every_guild(),
        };
        settings.cloned().unwrap_or_default()
    }

    fn wanted(&self, installed: &Installed) -> Result<Map<String, Value>> {
        if let Some(file) = &self.file {
            return read(file);
        }
        // A guild without settings of its own goes on from those for every guild, which it has until now.
        let mut settings = self.current(installed);
        for text in &self.set {
            let wrong = |reason: &str| BadInput(format!("--set {text:?}: {reason}; write NAME=JSON, text in quotes"));
            let (name, json) = text.split_once('=').ok_or_else(|| wrong("there is no ="))?;
            let value =
                serde_json::from_str(json).map_err(|error| wrong(&format!("{json:?} is not JSON ({error})")))?;
            if name.starts_with('/') {
                place_setting(&mut settings, name, value);
            } else {
                settings.insert(name.to_owned(), value);
            }
        }
        Ok(settings)
    }
}

fn read(file: &Path) -> Result<Map<String, Value>> {
    let name = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(name).or_bad_input()?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} does not hold a JSON object", file.display()))
        .or_bad_input()
}
