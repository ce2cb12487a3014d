//! `guildhall plugin install` and what belongs to it: which plugins run, with what rights, in which guilds and with which
//! settings. Nothing here runs a plugin but to have it describe itself, and nothing is granted that the operator did not
//! consent to. Hosts follow the catalogue by themselves.

mod change;
mod consent;
mod examine;
mod install;
mod list;
mod settings;
mod ship;
mod words;

use crate::bad_input::{BadInput, OrBadInput};
use crate::configuration::Configuration;
use anyhow::{Context, Result};
use clap::Subcommand;
use guildhall_catalogue::{Catalogue, CatalogueDirectory, Installed};
use std::path::PathBuf;

/// What operators do with plugins, and how authors ship them.
#[derive(Subcommand)]
pub(crate) enum CatalogueCommand {
    /// Install or update a plugin. Shows what it wants, and asks for consent.
    Install(install::Install),
    /// What is installed, where it is enabled, what it was granted, and how new versions are doing.
    List(list::List),
    /// Enable a plugin in guilds.
    Enable(change::Where),
    /// Disable a plugin in guilds. Its rows stay.
    Disable(change::Where),
    /// Show or set a plugin's settings, checked against its schema.
    Settings(settings::Settings),
    /// Grant rights to a plugin, or revoke them.
    Grant(change::GrantRights),
    /// Go back to a version from before.
    Rollback(change::Rollback),
    /// Remove a plugin with all its versions. Its rows stay in the guilds' files.
    Remove(change::Remove),
    /// Push a component to an OCI registry.
    Push(ship::Push),
    /// Sign a component, into FILE.sig beside it.
    Sign(ship::Sign),
    /// Make a key to sign with.
    Keygen(ship::Keygen),
}

/// Runs a command.
pub(crate) async fn run(command: CatalogueCommand) -> Result<()> {
    match command {
        CatalogueCommand::Install(arguments) => install::run(arguments).await,
        CatalogueCommand::List(arguments) => list::run(&arguments),
        CatalogueCommand::Enable(arguments) => change::set_enabled(&arguments, true),
        CatalogueCommand::Disable(arguments) => change::set_enabled(&arguments, false),
        CatalogueCommand::Settings(arguments) => settings::run(&arguments),
        CatalogueCommand::Grant(arguments) => change::grant(&arguments),
        CatalogueCommand::Rollback(arguments) => change::roll_back(&arguments),
        CatalogueCommand::Remove(arguments) => change::remove(&arguments),
        CatalogueCommand::Push(arguments) => ship::push(arguments).await,
        CatalogueCommand::Sign(arguments) => ship::sign(&arguments),
        CatalogueCommand::Keygen(arguments) => ship::make_key(&arguments),
    }
}

/// Where the catalogue is; every command takes it.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// The pod's TOML file, which names the directories `plugins` and `data`.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The plugins directory, instead of the configuration's.
    #[arg(long)]
    plugins: Option<PathBuf>,
}

impl Place {
    fn configuration(&self) -> Result<Configuration> {
        let mut flags = serde_json::Map::new();
        if let Some(plugins) = &self.plugins {
            flags.insert("plugins".into(), serde_json::to_value(plugins)?);
        }
        Configuration::load(self.config.as_deref(), &flags.into()).or_bad_input()
    }

    /// The catalogue's directory, which must be there.
    fn directory(&self) -> Result<CatalogueDirectory> {
        open(&self.configuration()?)
    }

    /// Changes one installed plugin.
    fn change_plugin<T>(&self, id: &str, change: impl FnOnce(&mut Installed) -> Result<T>) -> Result<T> {
        self.directory()?
            .change(|catalogue| change(installed_mut(&mut catalogue.catalogue, id)?))
    }
}

fn open(configuration: &Configuration) -> Result<CatalogueDirectory> {
    configuration.check_pod().or_bad_input()?;
    Ok(CatalogueDirectory::new(&configuration.plugins))
}

fn installed<'a>(catalogue: &'a Catalogue, id: &str) -> Result<&'a Installed> {
    catalogue.plugins.get(id).ok_or_else(|| not_installed(catalogue, id))
}

fn installed_mut<'a>(catalogue: &'a mut Catalogue, id: &str) -> Result<&'a mut Installed> {
    // Looked up first, so that nothing is borrowed where the error lists what there is.
    installed(catalogue, id)?;
    let found = catalogue.plugins.get_mut(id);
    found.with_context(|| format!("no plugin {id:?} is installed"))
}

fn not_installed(catalogue: &Catalogue, id: &str) -> anyhow::Error {
    let known: Vec<&str> = catalogue.plugins.keys().map(String::as_str).collect();
    let known = match known.as_slice() {
        [] => "none is".to_owned(),
        known => known.join(", "),
    };
    BadInput(format!("no plugin {id:?} is installed; installed: {known}")).into()
}
