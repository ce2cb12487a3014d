//! How the plugins stand in one guild: which version of each is prepared there, and which keep failing.

use crate::active::{ActiveDeployment, ActivePlugin, ActivePlugins};
use crate::host::GuildHost;
use crate::line_up::LineUp;
use guildhall_model::GuildId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The plugins of one guild.
#[derive(Default)]
pub(crate) struct PluginStanding {
    /// The plugin set that the guild's file is prepared for, and what is called of it.
    prepared: Option<(u64, Arc<LineUp>)>,
    /// Plugins whose version here is not called.
    off: BTreeSet<String>,
    /// Failed calls in a row.
    failures: BTreeMap<String, u32>,
    /// Settings of the catalogue's that were put into the guild's file.
    given: BTreeMap<String, String>,
}

impl PluginStanding {
    /// What the guild calls.
    pub(crate) fn line_up(&self, guild: GuildId, plugins: &ActivePlugins) -> Arc<LineUp> {
        match &self.prepared {
            Some((generation, line_up)) if *generation == plugins.generation => line_up.clone(),
            _ => plugins.expected(guild),
        }
    }

    /// Brings the file to what the set wants, where that is new since the last batch: migrations, recurring timers and
    /// settings. Of each plugin the first version runs whose migrations can be applied; where none can, it is
    /// switched off in this guild until another version comes. Answers whether the file has changed.
    pub(crate) fn prepare(&mut self, guild: GuildId, host: &mut GuildHost, plugins: &ActivePlugins) -> bool {
        if matches!(&self.prepared, Some((generation, _)) if *generation == plugins.generation) {
            return false;
        }
        let changes = host.store.changes();
        self.take_settings(guild, host, plugins);
        let before = self.prepared.take().map(|(_, line_up)| line_up).unwrap_or_default();
        let deployments = plugins.deployments.iter();
        let chosen = deployments.filter_map(|deployment| self.choose(guild, host, plugins, deployment, &before));
        let line_up = plugins.line_up(chosen.collect());
        let is_called = |id: &str| line_up.plugins.iter().any(|index| plugins.plugins[*index].id() == id);
        self.failures.retain(|id, _| is_called(id));
        self.prepared = Some((plugins.generation, line_up));
        host.store.changes() != changes
    }

    /// Prepares the first version that can be; none where the plugin is disabled.
    fn choose(
        &mut self,
        guild: GuildId,
        host: &mut GuildHost,
        plugins: &ActivePlugins,
        active: &ActiveDeployment,
        before: &LineUp,
    ) -> Option<usize> {
        let (versions, held) = (active.versions_for(guild), &active.deployment.held);
        let last = versions.clone().next_back()?;
        for index in versions {
            let version = &plugins.plugins[index];
            let (id, serial, digest) = (version.id(), version.plugin.serial(), version.plugin.digest());
            if before.has(serial) {
                return Some(index);
            }
            if index != last && held.holds(digest, guild) {
                continue;
            }
            let description = version.plugin.description();
            let prepared =
                host.store
                    .prepare_plugin(&version.access, &description.migrations, &description.timers, host.now);
            let prepared = prepared.and_then(|()| {
                let settings = &version.settings;
                let migrated = |json: &str, from| settings.migrated(json, from);
                host.store.migrate_settings(id, settings.version(), migrated)
            });
            match prepared {
                Err(error) if index != last => {
                    tracing::error!(%guild, plugin = id, version = description.version, %error, "a plugin stays at an older version in this guild: the new one's tables cannot be prepared");
                    metrics::counter!("guildhall_plugin_rollout_failed_migrations_total", "plugin" => id.to_owned())
                        .increment(1);
                    held.hold(digest, guild, error.to_string());
                }
                prepared => {
                    self.off.remove(id);
                    self.failures.remove(id);
                    if let Err(error) = prepared {
                        tracing::error!(%guild, plugin = id, version = description.version, %error, "a plugin is switched off in this guild: its tables cannot be prepared");
                        self.switch_off(version);
                    }
                    return Some(index);
                }
            }
        }
        None
    }

    /// Puts settings into the file that the catalogue has for this guild. Those that it had before were changed by people
    /// of the guild, perhaps, and stay.
    fn take_settings(&mut self, guild: GuildId, host: &mut GuildHost, plugins: &ActivePlugins) {
        for active in &plugins.deployments {
            let deployment = &active.deployment;
            let (id, json) = (deployment.id(), deployment.settings.guilds.get(&guild));
            if self.given.get(id) == json {
                continue;
            }
            let Some(json) = json else {
                self.given.remove(id);
                continue;
            };
            let Some(version) = active.versions_for(guild).next() else {
                continue;
            };
            let settings = &plugins.plugins[version].settings;
            let Some(kept) = settings.to_keep(guild, json, deployment.settings.version) else {
                continue;
            };
            match host.store.set_settings_of_version(id, &kept, settings.version()) {
                Ok(()) => drop(self.given.insert(id.to_owned(), json.clone())),
                Err(error) => tracing::error!(%guild, plugin = id, %error, "settings cannot be kept"),
            }
        }
    }

    /// The file was replaced: everything has to be prepared again.
    pub(crate) fn forget_preparation(&mut self) {
        self.prepared = None;
        self.given.clear();
    }

    pub(crate) fn is_off(&self, plugin: &str) -> bool {
        self.off.contains(plugin)
    }

    /// Whether a plugin that is not switched off has failed in its last call.
    pub(crate) fn has_failures(&self) -> bool {
        self.failures.keys().any(|plugin| !self.is_off(plugin))
    }

    pub(crate) fn succeeded(&mut self, active: &ActivePlugin, calls: u64) {
        if let Some(measured) = active.measured() {
            measured.succeeded(calls);
        }
        if !self.failures.is_empty() {
            self.failures.remove(active.id());
        }
    }

    /// Counts a failed call; after too many in a row the plugin is switched off in this guild.
    pub(crate) fn failed(&mut self, guild: GuildId, active: &ActivePlugin, bound: u32) {
        let failures = self.failures.entry(active.id().to_owned()).or_default();
        *failures += 1;
        let keeps_failing = *failures >= bound;
        if let Some(measured) = active.measured() {
            measured.failed();
            if keeps_failing {
                measured.switched_off();
            }
        }
        if keeps_failing {
            tracing::error!(%guild, plugin = active.id(), failures, "a plugin is switched off in this guild: it keeps failing; another version switches it on again");
            metrics::counter!("guildhall_plugins_switched_off_total", "plugin" => active.id().to_owned()).increment(1);
            self.switch_off(active);
        }
    }

    fn switch_off(&mut self, active: &ActivePlugin) {
        self.off.insert(active.id().to_owned());
    }
}
