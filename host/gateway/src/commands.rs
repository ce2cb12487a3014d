//! Which plugin has which command. Discord knows one command of a type and name, so of several plugins that describe the
//! same one the first by id has it, and the others are not called for it.

use guildhall_discord::{CommandKey, command_key};
use guildhall_model::PluginDescription;
use serde_json::Value;
use std::collections::BTreeMap;

/// A command that a plugin describes.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginCommand {
    /// Whose.
    pub plugin: String,
    /// As Discord's API takes it.
    pub command: Value,
    /// The plugin that has it instead; none where it is this one's.
    pub taken_by: Option<String>,
}

impl PluginCommand {
    /// Its type and name.
    pub fn key(&self) -> CommandKey {
        command_key(&self.command)
    }
}

/// The commands of these plugins, which stand in the order of their ids.
pub fn commands_of<'plugin>(plugins: impl Iterator<Item = &'plugin PluginDescription>) -> Vec<PluginCommand> {
    let mut owners = BTreeMap::<CommandKey, &str>::new();
    let mut commands = Vec::new();
    for plugin in plugins {
        // The engine has checked that each is a JSON object.
        let described = plugin
            .commands
            .iter()
            .filter_map(|command| serde_json::from_str(command).ok());
        for command in described {
            let owner = *owners.entry(command_key(&command)).or_insert(&plugin.id);
            commands.push(PluginCommand {
                plugin: plugin.id.clone(),
                command,
                taken_by: (owner != plugin.id).then(|| owner.to_owned()),
            });
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(id: &str, commands: &[&str]) -> PluginDescription {
        serde_json::from_value(serde_json::json!({
            "id": id, "version": "1.0.0", "commands": commands, "settings_schema": "{}", "settings_migrations": [],
            "events": [], "capabilities": [], "migrations": [], "timers": [], "topics": [], "emits": [],
            "readable_plugins": [], "http_hosts": [],
        }))
        .expect("a description")
    }

    #[test]
    fn the_first_plugin_by_id_has_a_command_that_several_want() {
        let slash = r#"{ "name": "report", "description": "x" }"#;
        let menu = r#"{ "name": "report", "type": 3 }"#;
        let plugins = [plugin("a", &[slash]), plugin("b", &[slash, menu]), plugin("c", &[menu])];
        let told: Vec<_> = commands_of(plugins.iter())
            .into_iter()
            .map(|command| (command.plugin, command.command["type"].as_u64(), command.taken_by))
            .collect();
        let taken = |by: &str| Some(by.to_owned());
        assert_eq!(
            told,
            [
                ("a".into(), None, None),
                ("b".into(), None, taken("a")),
                ("b".into(), Some(3), None),
                ("c".into(), Some(3), taken("b")),
            ]
        );
    }
}
