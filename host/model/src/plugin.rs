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
    /// Ordered changes of stored settings, each applied once per guild.
    pub settings_migrations: Vec<SettingsMigration>,
    /// What the plugin wants to be allowed to do.
    pub capabilities: BTreeSet<Capability>,
    /// Ordered SQL scripts, each applied once per guild.
    pub migrations: Vec<Migration>,
    /// Timers that the host keeps running in every guild.
    pub timers: Vec<RecurringTimer>,
    /// Topics of signals that the plugin receives.
    pub topics: BTreeSet<String>,
    /// Topics of signals that the plugin emits; [`ANY_TOPIC`] alone where its contract did not ask for them.
    pub emits: BTreeSet<String>,
    /// Ids of other plugins whose tables it wants to read.
    pub readable_plugins: BTreeSet<String>,
    /// Hosts that it wants to ask, as [`names_host`](crate::names_host) reads them.
    pub http_hosts: BTreeSet<String>,
}

/// What stands in [`PluginDescription::emits`] for a component of contract 0.1.0. No plugin can say it itself.
pub const ANY_TOPIC: &str = "*";

impl PluginDescription {
    /// What every table, index, view and trigger of the plugin must start with.
    pub fn table_prefix(&self) -> String {
        table_prefix(&self.id)
    }
}

/// Whether a plugin may have this id; the error says what would be right.
pub fn check_plugin_id(id: &str) -> Result<(), String> {
    let is_sound = (1..=32).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_sound {
        return Err(format!(
            "id {id:?} must be 1 to 32 lower-case letters, digits and hyphens, starting with a letter"
        ));
    }
    if matches!(id, "guild" | "guildhall" | "sqlite") {
        return Err(format!("id {id:?} is reserved; choose another"));
    }
    Ok(())
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

/// One step from an older schema of the settings to a newer one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsMigration {
    /// Starts at 1 and grows by 1.
    pub version: u32,
    /// What changes, in order.
    pub changes: Vec<SettingsChange>,
}

/// One change of stored settings. Places are JSON Pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsChange {
    /// A setting has another place.
    Move {
        /// Where it was.
        from: String,
        /// Where it is now.
        to: String,
    },
    /// A setting is no more.
    Remove(String),
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
    /// Ask the declared hosts over HTTPS.
    HttpRequests,
}

impl Capability {
    /// What it lets a plugin do, for people who know Discord and nothing of the contract.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::SendMessages => "send and edit messages, and add reactions",
            Self::DeleteMessages => "delete messages",
            Self::TimeoutMembers => "time members out",
            Self::KickMembers => "kick members",
            Self::BanMembers => "ban and unban users",
            Self::ManageRoles => "give roles to members, and take them away",
            Self::CreateThreads => "create, close and reopen threads, and decide who is in them",
            Self::RespondToInteractions => "answer commands, buttons and forms",
            Self::Timers => "have itself called later",
            Self::Signals => "send signals to other plugins",
            Self::ReadDiscord => "read messages, members and the audit log",
            Self::CreateChannels => "create channels",
            Self::DirectMessages => "write to users directly",
            Self::ConfigureGuild => "change the settings that all plugins share",
            Self::FlagUsers => "flag users for other guilds",
            Self::HttpRequests => "send what it knows to the hosts that it names",
        }
    }
}
