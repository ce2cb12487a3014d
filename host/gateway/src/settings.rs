//! Settings that the operator gives plugins: for every guild, or for one. Those for one guild are kept in its file.

use guildhall_model::GuildId;
use std::collections::BTreeMap;

/// Settings by plugin, each a JSON object.
#[derive(Clone, Debug, Default)]
pub struct OperatorSettings {
    /// For guilds that have none of their own, by plugin.
    pub defaults: BTreeMap<String, String>,
    /// For one guild, by plugin.
    pub guilds: BTreeMap<GuildId, BTreeMap<String, String>>,
}

impl OperatorSettings {
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
