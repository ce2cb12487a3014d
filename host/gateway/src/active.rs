//! The plugins that a worker calls now, with what each call needs of them at hand.

use crate::host::GuildHost;
use crate::line_up::LineUp;
use crate::settings::{OperatorSettings, PluginSettings, SettingsOfPlugins};
use guildhall_engine::{Deployment, Measured, Plugin, PluginRegistry, Trial};
use guildhall_model::GuildId;
use guildhall_store::PluginAccess;
use metrics::Counter;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A guild that no list names: it runs what guilds run by default.
const ANY_GUILD: GuildId = GuildId(0);

/// One version of a plugin of the set.
pub(crate) struct ActivePlugin {
    pub(crate) plugin: Arc<Plugin<GuildHost>>,
    pub(crate) access: Arc<PluginAccess>,
    pub(crate) settings: Arc<PluginSettings>,
    pub(crate) calls: Counter,
    /// While an update is under way, with whether this is the newer version.
    trial: Option<(Arc<Trial>, bool)>,
}

impl ActivePlugin {
    pub(crate) fn id(&self) -> &str {
        &self.plugin.description().id
    }

    /// Where its calls are measured; none while no update is under way.
    pub(crate) fn measured(&self) -> Option<&Measured> {
        let (trial, is_newer) = self.trial.as_ref()?;
        Some(if *is_newer { &trial.newer } else { &trial.older })
    }
}

/// A plugin of the set, with the place of its newest version.
pub(crate) struct ActiveDeployment {
    first: usize,
    pub(crate) deployment: Deployment<GuildHost>,
}

impl ActiveDeployment {
    /// Indices of the versions that are for this guild, newest first; none where the plugin is disabled.
    pub(crate) fn versions_for(&self, guild: GuildId) -> std::ops::Range<usize> {
        let places = self.deployment.versions_for(guild);
        self.first + places.start..self.first + places.end
    }
}

/// The set of one generation.
pub(crate) struct ActivePlugins {
    pub(crate) generation: u64,
    /// All versions that run.
    pub(crate) plugins: Vec<ActivePlugin>,
    /// In the order of their ids, which is the order of their calls.
    pub(crate) deployments: Vec<ActiveDeployment>,
    /// What the operator set, with what the catalogue says.
    pub(crate) settings: Arc<OperatorSettings>,
    /// Of guilds that nothing singles out.
    common: Arc<LineUp>,
    /// The others that there are.
    others: RefCell<HashMap<Vec<usize>, Arc<LineUp>>>,
}

impl ActivePlugins {
    /// The registry's set, with its settings.
    pub(crate) fn of(registry: &PluginRegistry<GuildHost>, settings: &SettingsOfPlugins) -> Self {
        let set = registry.current();
        let operator = OperatorSettings::with_given(settings.configured(), &set.deployments);
        let (mut plugins, mut deployments) = (Vec::new(), Vec::new());
        for deployment in &set.deployments {
            let first = plugins.len();
            plugins.extend(deployment.versions.iter().enumerate().map(|(place, version)| {
                // Still older versions run only where neither of the two can.
                let trial = deployment.trial.clone().filter(|_| place < 2);
                active(
                    version.clone(),
                    settings.of(version, &operator),
                    trial.map(|trial| (trial, place == 0)),
                )
            }));
            let deployment = deployment.clone();
            deployments.push(ActiveDeployment { first, deployment });
        }
        let usual = deployments
            .iter()
            .filter_map(|active: &ActiveDeployment| active.versions_for(ANY_GUILD).next());
        let common = Arc::new(LineUp::of(&plugins, usual.collect()));
        Self {
            generation: set.generation,
            settings: operator,
            plugins,
            deployments,
            common,
            others: RefCell::default(),
        }
    }

    /// The line-up of these versions, by their indices.
    pub(crate) fn line_up(&self, plugins: Vec<usize>) -> Arc<LineUp> {
        if plugins == self.common.plugins {
            return self.common.clone();
        }
        let mut others = self.others.borrow_mut();
        let made = others
            .entry(plugins)
            .or_insert_with_key(|plugins| Arc::new(LineUp::of(&self.plugins, plugins.clone())));
        made.clone()
    }

    /// What the guild calls if all its versions can be prepared there.
    pub(crate) fn expected(&self, guild: GuildId) -> Arc<LineUp> {
        let newest = self.deployments.iter();
        self.line_up(newest.filter_map(|active| active.versions_for(guild).next()).collect())
    }

    /// The plugin of this id as the guild runs it.
    pub(crate) fn find(&self, guild: GuildId, id: &str) -> Option<&ActivePlugin> {
        let line_up = self.expected(guild);
        let found = line_up.plugins.iter().find(|index| self.plugins[**index].id() == id)?;
        Some(&self.plugins[*found])
    }

    /// Whether timers that plugins describe begin in guilds which no event may wake.
    pub(crate) fn begins_timers(&self, before: &Self) -> bool {
        let known = before.timers();
        self.timers().iter().any(|(id, timers)| known.get(id) != Some(timers))
    }

    /// What decides about described timers, by plugin.
    fn timers(&self) -> BTreeMap<&str, impl PartialEq> {
        let timed = self.deployments.iter().filter(|active| {
            let mut versions = active.deployment.versions.iter();
            versions.any(|version| !version.description().timers.is_empty())
        });
        timed
            .map(|ActiveDeployment { deployment, .. }| {
                let versions: Vec<_> = deployment.versions.iter().map(|version| version.serial()).collect();
                let tried_in = deployment.trial.as_ref().and_then(|trial| trial.guilds.as_ref());
                (deployment.id(), (versions, tried_in, &deployment.guilds))
            })
            .collect()
    }
}

fn active(
    plugin: Arc<Plugin<GuildHost>>,
    settings: Arc<PluginSettings>,
    trial: Option<(Arc<Trial>, bool)>,
) -> ActivePlugin {
    let description = plugin.description();
    let calls = metrics::counter!("guildhall_plugin_calls_total", "plugin" => description.id.clone());
    // A series that begins with its first event hides that event from whoever watches it grow.
    metrics::counter!("guildhall_plugins_switched_off_total", "plugin" => description.id.clone()).increment(0);
    ActivePlugin {
        access: Arc::new(PluginAccess::of(description)),
        settings,
        calls,
        plugin,
        trial,
    }
}
