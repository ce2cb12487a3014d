//! One plugin as guilds run it: its versions, which guild takes which, and what the operator set for it.

use crate::call::CallHost;
use crate::plugin::Plugin;
use crate::trial::Trial;
use guildhall_catalogue::{Guilds, Installed};
use guildhall_model::GuildId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A plugin of the set.
pub struct Deployment<H: CallHost> {
    /// Newest first; at least one. A guild takes the first that is for it and whose migrations can be applied there.
    pub versions: Vec<Arc<Plugin<H>>>,
    /// While the newest version is measured.
    pub trial: Option<Arc<Trial>>,
    /// Where the plugin is called at all.
    pub guilds: Guilds,
    /// What the operator set for it while it runs.
    pub settings: Arc<GivenSettings>,
    /// Where migrations have failed.
    pub held: Arc<HeldGuilds>,
}

impl<H: CallHost> Deployment<H> {
    /// A plugin with one version, for every guild.
    pub(crate) fn of(plugin: Arc<Plugin<H>>) -> Self {
        Self {
            versions: vec![plugin],
            trial: None,
            guilds: Guilds::All,
            settings: Arc::default(),
            held: Arc::default(),
        }
    }

    /// The plugin's id.
    pub fn id(&self) -> &str {
        &self.versions[0].description().id
    }

    /// The version of guilds that try nothing.
    pub fn stable(&self) -> &Arc<Plugin<H>> {
        let tried = self.trial.as_ref().is_some_and(|trial| trial.guilds.is_some());
        self.versions.get(usize::from(tried)).unwrap_or(&self.versions[0])
    }

    /// The versions that are for this guild, by their place in `versions`; none where the plugin is disabled.
    pub fn versions_for(&self, guild: GuildId) -> std::ops::Range<usize> {
        if !self.guilds.contains(guild) {
            return 0..0;
        }
        let tries = self.trial.as_ref().is_none_or(|trial| trial.takes_newer(guild));
        usize::from(!tries)..self.versions.len()
    }
}

impl<H: CallHost> Clone for Deployment<H> {
    fn clone(&self) -> Self {
        Self {
            versions: self.versions.clone(),
            trial: self.trial.clone(),
            guilds: self.guilds.clone(),
            settings: self.settings.clone(),
            held: self.held.clone(),
        }
    }
}

/// Settings that the catalogue holds, each a JSON object.
#[derive(Debug, Default, PartialEq)]
pub struct GivenSettings {
    /// For every guild that has none of its own.
    pub every_guild: Option<String>,
    /// For single guilds.
    pub guilds: BTreeMap<GuildId, String>,
    /// The settings migrations that they have been through.
    pub version: u32,
}

impl From<&Installed> for GivenSettings {
    fn from(installed: &Installed) -> Self {
        let json = |settings: &serde_json::Map<_, _>| serde_json::Value::Object(settings.clone()).to_string();
        Self {
            every_guild: installed.settings_for_every_guild().map(json),
            guilds: installed
                .guilds_with_settings()
                .map(|(guild, settings)| (guild, json(settings)))
                .collect(),
            version: installed.settings_version(),
        }
    }
}

/// Guilds in which a version's migrations cannot be applied, and why. Workers tell; an older version runs there.
#[derive(Debug, Default)]
pub struct HeldGuilds(Mutex<BTreeMap<(String, GuildId), String>>);

impl HeldGuilds {
    /// Migrations of the version with this digest cannot be applied in this guild.
    pub fn hold(&self, digest: &str, guild: GuildId, reason: String) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert((digest.to_owned(), guild), reason);
    }

    /// Whether they were tried in vain.
    pub fn holds(&self, digest: &str, guild: GuildId) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.keys().any(|(known, held)| known == digest && *held == guild)
    }

    /// They are to be tried again.
    pub(crate) fn forget(&self, digest: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(known, _), _| known != digest);
    }

    /// The guilds without the version of this digest.
    pub(crate) fn of(&self, digest: &str) -> BTreeMap<GuildId, String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_version = held.iter().filter(|((known, _), _)| known == digest);
        of_version
            .map(|((_, guild), reason)| (*guild, reason.clone()))
            .collect()
    }
}
