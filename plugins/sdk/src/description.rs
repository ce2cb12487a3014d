//! What a plugin says of itself, built step by step.

use crate::bindings::guildhall::plugin::types::{
    self, Migration, MovedSetting, RecurringTimer, SettingsChange, SettingsMigration,
};
use crate::{Capabilities, EventKinds};

/// A plugin's description. Each method adds to it.
#[derive(Clone, Debug)]
pub struct Description(types::Description);

impl Description {
    /// A plugin with this id (1 to 32 lower-case letters, digits and hyphens; it never changes) and semantic version.
    pub fn new(id: &str, version: &str) -> Self {
        Self(types::Description {
            id: id.into(),
            version: version.into(),
            events: EventKinds::empty(),
            commands: Vec::new(),
            settings_schema: "{}".into(),
            settings_migrations: Vec::new(),
            capabilities: Capabilities::empty(),
            migrations: Vec::new(),
            timers: Vec::new(),
            topics: Vec::new(),
            emits: Vec::new(),
            readable_plugins: Vec::new(),
            http_hosts: Vec::new(),
        })
    }

    /// Events to be called for.
    #[must_use]
    pub fn events(mut self, events: EventKinds) -> Self {
        self.0.events = self.0.events | events;
        self
    }

    /// What the plugin wants to be allowed to do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.0.capabilities = self.0.capabilities | capabilities;
        self
    }

    /// The next step of the plugin's schema. Steps that were released never change; add another.
    #[must_use]
    pub fn migration(mut self, sql: &str) -> Self {
        let version = u32::try_from(self.0.migrations.len() + 1).unwrap_or(u32::MAX);
        self.0.migrations.push(Migration {
            version,
            sql: sql.into(),
        });
        self
    }

    /// A timer that fires every so many seconds in every guild.
    #[must_use]
    pub fn timer(mut self, name: &str, every_seconds: u32) -> Self {
        self.0.timers.push(RecurringTimer {
            name: name.into(),
            every_seconds,
        });
        self
    }

    /// JSON Schema of a guild's settings.
    #[must_use]
    pub fn settings_schema(mut self, schema: &str) -> Self {
        self.0.settings_schema = schema.into();
        self
    }

    /// The next step from an older schema of the settings to this one: settings that have moved, and settings that are
    /// no more, by their JSON Pointers. Steps that were released never change; add another.
    #[must_use]
    pub fn settings_migration(mut self, moved: &[(&str, &str)], removed: &[&str]) -> Self {
        let version = u32::try_from(self.0.settings_migrations.len() + 1).unwrap_or(u32::MAX);
        let moved = moved.iter().map(|(from, to)| {
            SettingsChange::Move(MovedSetting {
                from: (*from).into(),
                to: (*to).into(),
            })
        });
        let removed = removed.iter().map(|place| SettingsChange::Remove((*place).into()));
        let changes = moved.chain(removed).collect();
        self.0.settings_migrations.push(SettingsMigration { version, changes });
        self
    }

    /// An application command, as the JSON object that Discord's API takes.
    #[must_use]
    pub fn command(mut self, command: &str) -> Self {
        self.0.commands.push(command.into());
        self
    }

    /// A topic whose signals the plugin receives.
    #[must_use]
    pub fn topic(mut self, topic: &str) -> Self {
        self.0.topics.push(topic.into());
        self
    }

    /// A topic whose signals the plugin emits. Others are refused.
    #[must_use]
    pub fn emits(mut self, topic: &str) -> Self {
        self.0.emits.push(topic.into());
        self
    }

    /// A host that the plugin wants to ask over HTTPS: `example.org`, or `*.example.org` for all below it.
    #[must_use]
    pub fn http_host(mut self, host: &str) -> Self {
        self.0.http_hosts.push(host.into());
        self
    }

    /// Another plugin whose tables this one wants to read.
    #[must_use]
    pub fn reads(mut self, plugin: &str) -> Self {
        self.0.readable_plugins.push(plugin.into());
        self
    }
}

impl From<Description> for types::Description {
    fn from(description: Description) -> Self {
        description.0
    }
}
