//! What people are shown of a guild: its figures, and its plugins with their settings.

use crate::active::ActivePlugins;
use crate::router::unix_milliseconds;
use crate::settings::OperatorSettings;
use guildhall_discord::GuildSnapshot;
use guildhall_model::GuildView;
use guildhall_store::{Day, GuildStore};
use serde::Serialize;

/// Days of the plots.
const DAYS: u64 = 30;

/// A guild, as its owner knows it.
#[derive(Debug, Serialize)]
pub struct GuildReport {
    /// As Discord last told; none before it did.
    pub name: Option<String>,
    /// Channels that the bot sees.
    pub channels: usize,
    /// Roles.
    pub roles: usize,
    /// Bytes of the guild's file.
    pub bytes: u64,
    /// Committed actions that Discord has not confirmed.
    pub outbox: u64,
    /// The last 30 days, oldest first.
    pub days: Vec<Day>,
    /// The plugins, in the order of their ids.
    pub plugins: Vec<PluginReport>,
}

/// A plugin in a guild.
#[derive(Debug, Serialize)]
pub struct PluginReport {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Whether it is switched off here, as it kept failing.
    pub switched_off: bool,
    /// The JSON Schema of its settings.
    pub schema: serde_json::Value,
    /// Its settings here: the guild's own, or what the operator set for every guild.
    pub settings: serde_json::Value,
}

pub(crate) fn of(
    store: &GuildStore,
    snapshot: &GuildSnapshot,
    plugins: &ActivePlugins,
    operator: &OperatorSettings,
    is_off: impl Fn(&str) -> bool,
) -> anyhow::Result<GuildReport> {
    let plugins = plugins.plugins.iter().map(|active| {
        let description = active.plugin.description();
        let own = store.settings(active.id()).map(|settings| settings.json.as_str());
        let settings = own.unwrap_or_else(|| operator.for_every_guild(active.id()));
        PluginReport {
            id: description.id.clone(),
            version: description.version.clone(),
            switched_off: is_off(active.id()),
            schema: json(&description.settings_schema),
            settings: json(settings),
        }
    });
    Ok(GuildReport {
        name: snapshot.info().map(|info| info.name),
        channels: snapshot.channels().len(),
        roles: snapshot.roles().len(),
        bytes: store.file_bytes()?,
        outbox: store.count_actions()?,
        days: store.last_days(unix_milliseconds(), DAYS)?,
        plugins: plugins.collect(),
    })
}

/// What a plugin or an operator gave as JSON; an empty object for what is none.
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| serde_json::json!({}))
}
