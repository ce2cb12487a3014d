//! What a plugin says of itself, and what an operator grants it.

use crate::EventKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What `describe` answers, checked by the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginDescription {
    /// Lower-case letters, digits and hyphens; the plugin's tables start with it, hyphens as underscores.
    pub id: String,
    /// Semantic version, for people and logs.
    pub version: String,
    /// Events that the plugin is called for.
    pub events: BTreeSet<EventKind>,
    /// Slash and context-menu commands, each as Discord's application-command JSON.
    pub commands: Vec<String>,
    /// JSON Schema of the per-guild settings.
    pub settings_schema: String,
    /// What the plugin wants to be allowed to do.
    pub capabilities: BTreeSet<Capability>,
    /// Ordered SQL scripts, each applied once per guild.
    pub migrations: Vec<Migration>,
    /// Timers that the host keeps running in every guild.
    pub timers: Vec<RecurringTimer>,
    /// Topics of signals that the plugin receives.
    pub topics: BTreeSet<String>,
    /// Ids of other plugins whose tables it wants to read.
    pub readable_plugins: BTreeSet<String>,
}

impl PluginDescription {
    /// What every table, index, view and trigger of the plugin must start with.
    pub fn table_prefix(&self) -> String {
        table_prefix(&self.id)
    }
}

/// What every table of the plugin with this id starts with.
pub fn table_prefix(plugin: &str) -> String {
    format!("{}_", plugin.replace('-', "_"))
}

/// One step of a plugin's schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// Starts at 1 and grows by 1.
    pub version: u32,
    /// One or more SQL statements.
    pub sql: String,
}

/// A timer that the host re-arms after every firing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecurringTimer {
    /// Name given back with the timer event.
    pub name: String,
    /// Seconds between firings, at least 1.
    pub every_seconds: u32,
}

/// A right that a plugin asks for and an operator grants. An action outside the grant is refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Send and edit messages, add reactions.
    SendMessages,
    /// Delete messages.
    DeleteMessages,
    /// Time members out.
    TimeoutMembers,
    /// Kick members.
    KickMembers,
    /// Ban and unban users.
    BanMembers,
    /// Add and remove roles.
    ManageRoles,
    /// Create, close and reopen threads, add and remove their members.
    CreateThreads,
    /// Respond to interactions.
    RespondToInteractions,
    /// Schedule and cancel timers.
    Timers,
    /// Emit signals.
    Signals,
    /// Read messages, members and the audit log through requests.
    ReadDiscord,
    /// Create channels.
    CreateChannels,
    /// Write to users directly.
    DirectMessages,
    /// Change the settings that all plugins of the guild share.
    ConfigureGuild,
    /// Flag users for other guilds that take part.
    FlagUsers,
}
