//! Settings that the operator gives plugins: for every guild, or for one. Those for one guild are kept in its file. And
//! what a plugin is given in the end: settings that fit its schema, with the defaults where nothing is set. What was set with
//! a plugin's installation comes before what the configuration says.

use crate::host::GuildHost;
use guildhall_engine::{Deployment, Plugin};
use guildhall_model::GuildId;
use guildhall_settings::summary;
use guildhall_store::Settings;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Settings by plugin, each a JSON object.
#[derive(Clone, Debug, Default)]
pub struct OperatorSettings {
    /// For guilds that have none of their own, by plugin.
    pub defaults: BTreeMap<String, String>,
    /// For one guild, by plugin.
    pub guilds: BTreeMap<GuildId, BTreeMap<String, String>>,
    /// The settings migrations that defaults have been through, by plugin; none for those that somebody wrote.
    pub versions: BTreeMap<String, u32>,
}

impl OperatorSettings {
    /// These, with what was set for the plugins of the set while they run.
    pub(crate) fn with_given(configured: &Arc<Self>, deployments: &[Deployment<GuildHost>]) -> Arc<Self> {
        let given = deployments.iter().filter_map(|deployment| {
            let json = deployment.settings.every_guild.clone()?;
            Some((deployment.id().to_owned(), json, deployment.settings.version))
        });
        let given: Vec<_> = given.collect();
        if given.is_empty() {
            return configured.clone();
        }
        let mut settings = (**configured).clone();
        for (plugin, json, version) in given {
            settings.versions.insert(plugin.clone(), version);
            settings.defaults.insert(plugin, json);
        }
        Arc::new(settings)
    }

    /// Changes when the settings of a guild that has none of its own do; 0 where there are none.
    pub(crate) fn generation(&self, plugin: &str) -> u64 {
        self.defaults.get(plugin).map_or(0, |json| {
            let mut hasher = DefaultHasher::new();
            (json, self.version(plugin)).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// The settings migrations that they have been through. What somebody wrote has no version: every step that finds
    /// something to change is for it.
    fn version(&self, plugin: &str) -> u32 {
        self.versions.get(plugin).copied().unwrap_or(0)
    }

    /// The settings of a guild that has none of its own; `{}` where the operator gave none.
    pub(crate) fn for_every_guild(&self, plugin: &str) -> &str {
        self.defaults.get(plugin).map_or("{}", String::as_str)
    }

    /// The plugins that have settings for this guild alone.
    pub(crate) fn for_guild(&self, guild: GuildId) -> impl Iterator<Item = (&str, &str)> {
        self.guilds
            .get(&guild)
            .into_iter()
            .flatten()
            .map(|(plugin, json)| (plugin.as_str(), json.as_str()))
    }
}

/// What a version of a plugin is given as its settings.
pub(crate) struct PluginSettings {
    plugin: Arc<Plugin<GuildHost>>,
    /// In guilds that have none of their own.
    standard: Arc<str>,
}

impl PluginSettings {
    fn of(plugin: Arc<Plugin<GuildHost>>, operator: &OperatorSettings) -> Self {
        let (id, schema) = (&plugin.description().id, plugin.settings_schema());
        let given = operator.for_every_guild(id);
        let standard = match schema.complete_text(&schema.migrated(given, operator.version(id))) {
            Ok(settings) => settings,
            Err(complaints) => {
                let complaints = summary(&complaints);
                if operator.defaults.contains_key(id) {
                    tracing::error!(
                        plugin = id,
                        complaints,
                        "the settings that the configuration gives every guild do not fit the plugin's schema; it goes on with its defaults"
                    );
                } else {
                    tracing::info!(
                        plugin = id,
                        complaints,
                        "a plugin has settings that must be set in a guild before they are whole"
                    );
                }
                schema.defaults()
            }
        };
        Self {
            standard: standard.to_string().into(),
            plugin,
        }
    }

    /// The plugin's id.
    pub(crate) fn id(&self) -> &str {
        &self.plugin.description().id
    }

    /// The version of settings that fit.
    pub(crate) fn version(&self) -> u32 {
        self.plugin.settings_schema().version()
    }

    /// Settings of an older version as they are now.
    pub(crate) fn migrated(&self, json: &str, from: u32) -> String {
        self.plugin.settings_schema().migrated(json, from)
    }

    /// The settings of this version for one guild as they are kept; none, and a word in the log, where they do not fit.
    pub(crate) fn to_keep(&self, guild: GuildId, json: &str, version: u32) -> Option<String> {
        let json = self.migrated(json, version);
        match self.plugin.settings_schema().complete_text(&json) {
            Ok(_) => Some(json),
            Err(complaints) => {
                let complaints = summary(&complaints);
                tracing::error!(%guild, plugin = self.id(), complaints, "the settings that the configuration gives this guild do not fit the plugin's schema; those of before stay");
                None
            }
        }
    }

    fn given(&self, guild: GuildId, own: &Settings) -> Arc<str> {
        match self.plugin.settings_schema().complete_text(&own.json) {
            Ok(settings) => settings.to_string().into(),
            Err(complaints) => {
                let complaints = summary(&complaints);
                tracing::error!(%guild, plugin = self.id(), complaints, "a guild's settings do not fit the plugin's schema; it goes on with the defaults");
                metrics::counter!("guildhall_unfit_settings_total", "plugin" => self.id().to_owned()).increment(1);
                self.standard.clone()
            }
        }
    }
}

/// The settings of the plugin versions that run, each made once for all workers.
pub(crate) struct SettingsOfPlugins {
    configured: Arc<OperatorSettings>,
    /// By the version's serial and what the operator gives every guild.
    known: Mutex<HashMap<(u64, u64), Weak<PluginSettings>>>,
}

impl SettingsOfPlugins {
    pub(crate) fn new(configured: Arc<OperatorSettings>) -> Self {
        Self {
            configured,
            known: Mutex::default(),
        }
    }

    /// What the configuration says.
    pub(crate) fn configured(&self) -> &Arc<OperatorSettings> {
        &self.configured
    }

    /// Those of this version, where the operator gives these.
    pub(crate) fn of(&self, plugin: &Arc<Plugin<GuildHost>>, operator: &OperatorSettings) -> Arc<PluginSettings> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, settings| settings.strong_count() > 0);
        let key = (plugin.serial(), operator.generation(&plugin.description().id));
        if let Some(settings) = known.get(&key).and_then(Weak::upgrade) {
            return settings;
        }
        let settings = Arc::new(PluginSettings::of(plugin.clone(), operator));
        known.insert(key, Arc::downgrade(&settings));
        settings
    }
}

/// What plugins were given in a guild that has settings of its own: checked and completed once, not for every call.
#[derive(Default)]
pub(crate) struct GivenSettings(RefCell<BTreeMap<String, Given>>);

struct Given {
    by: Arc<PluginSettings>,
    generation: u64,
    json: Arc<str>,
}

impl GivenSettings {
    /// What this plugin is given where the guild has these of its own.
    pub(crate) fn of(&self, plugin: &Arc<PluginSettings>, guild: GuildId, own: Option<&Settings>) -> Arc<str> {
        let Some(own) = own else {
            return plugin.standard.clone();
        };
        let mut known = self.0.borrow_mut();
        if let Some(given) = known.get(plugin.id())
            && given.generation == own.generation
            && Arc::ptr_eq(&given.by, plugin)
        {
            return given.json.clone();
        }
        let given = Given {
            by: plugin.clone(),
            generation: own.generation,
            json: plugin.given(guild, own),
        };
        let json = given.json.clone();
        known.insert(plugin.id().to_owned(), given);
        json
    }
}
