//! What a command was called with, what a component's custom id says, and the answers to interactions.

use crate::{Action, Error, Id, Interaction, component};
use serde::Deserialize;
use serde_json::{Value, json};

/// Discord's interaction types (Receiving and Responding to Interactions).
impl Interaction {
    /// Whether it is this command.
    pub fn is_command(&self, name: &str) -> bool {
        self.kind == 2 && self.command == name
    }

    /// Whether it is a button or select menu.
    pub fn is_component(&self) -> bool {
        self.kind == 3
    }

    /// Whether it is a modal that was sent.
    pub fn is_modal(&self) -> bool {
        self.kind == 5
    }

    /// What the command was called with.
    pub fn command_data(&self) -> Result<CommandData, Error> {
        serde_json::from_str(&self.data).map_err(|error| Error::Invalid(format!("command data: {error}")))
    }

    /// The parts of the custom id, where it begins with this plugin's id: `tickets:close:42` is `close` and `42`.
    pub fn custom_id_of<'interaction>(&'interaction self, plugin: &str) -> Option<CustomId<'interaction>> {
        let rest = self.custom_id.strip_prefix(plugin)?.strip_prefix(':')?;
        Some(CustomId(rest.split(':').collect()))
    }

    /// The text that was written into this field of a modal.
    pub fn modal_text(&self, field: &str) -> Option<String> {
        fn find(value: &Value, field: &str) -> Option<String> {
            match value {
                Value::Object(object) if object.get("custom_id").is_some_and(|id| id == field) => {
                    object.get("value")?.as_str().map(str::to_owned)
                }
                Value::Object(object) => object.values().find_map(|inner| find(inner, field)),
                Value::Array(values) => values.iter().find_map(|inner| find(inner, field)),
                _ => None,
            }
        }
        find(&serde_json::from_str(&self.data).ok()?, field)
    }

    /// The message or user that a context-menu command was used on, as Discord's JSON.
    pub fn resolved(&self, kind: &str, id: Id) -> Option<Value> {
        let mut data: Value = serde_json::from_str(&self.data).ok()?;
        Some(data.get_mut("resolved")?.get_mut(kind)?.get_mut(id.to_string())?.take())
    }

    /// An answer that only its user sees.
    pub fn answer_privately(&self, content: &str) -> Action {
        Action::respond_privately(self.id, &self.token, content)
    }

    /// An answer that only its user sees, with rows of components (see [`component`]).
    pub fn answer_privately_with(&self, content: &str, components: &[Value]) -> Action {
        let data = json!({
            "content": content, "flags": component::EPHEMERAL, "allowed_mentions": { "parse": [] },
            "components": components,
        });
        Action::respond(self.id, &self.token, 4, data.to_string())
    }

    /// An answer for everyone in the channel, which notifies nobody.
    pub fn answer(&self, content: &str) -> Action {
        let data = json!({ "content": content, "allowed_mentions": { "parse": [] } });
        Action::respond(self.id, &self.token, 4, data.to_string())
    }

    /// Another text and other components for the message that the component stands in.
    pub fn update_message(&self, content: &str, components: &[Value]) -> Action {
        let data = json!({ "content": content, "components": components, "allowed_mentions": { "parse": [] } });
        Action::respond(self.id, &self.token, 7, data.to_string())
    }

    /// Says that an answer for this user alone comes later: answer then as at first.
    pub fn defer_privately(&self) -> Action {
        Action::respond(
            self.id,
            &self.token,
            5,
            json!({ "flags": component::EPHEMERAL }).to_string(),
        )
    }

    /// Opens a modal.
    pub fn open_modal(&self, custom_id: &str, title: &str, components: &[Value]) -> Action {
        let data = json!({ "custom_id": custom_id, "title": title, "components": components });
        Action::respond(self.id, &self.token, 9, data.to_string())
    }
}

/// What a command was called with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct CommandData {
    #[serde(default)]
    options: Vec<CommandOption>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct CommandOption {
    name: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    options: Vec<CommandOption>,
}

impl CommandData {
    /// The subcommand that was called, with what it was called with.
    pub fn subcommand(&self) -> Option<(&str, Self)> {
        let first = self.options.first().filter(|option| option.value.is_null())?;
        let options = first.options.clone();
        Some((&first.name, Self { options }))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// A user, role or channel.
    pub fn id(&self, name: &str) -> Option<Id> {
        self.text(name)?.parse().ok()
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.value(name)?.as_i64()
    }

    /// Yes or no.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.options
            .iter()
            .find(|option| option.name == name)
            .map(|option| &option.value)
    }
}

/// The parts of a custom id behind the plugin's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomId<'interaction>(Vec<&'interaction str>);

impl CustomId<'_> {
    /// What is to be done: the first part.
    pub fn verb(&self) -> &str {
        self.0.first().copied().unwrap_or_default()
    }

    /// A later part, counted from 1.
    pub fn part(&self, index: usize) -> Option<&str> {
        self.0.get(index).copied()
    }

    /// A later part that is an id, counted from 1.
    pub fn id(&self, index: usize) -> Option<Id> {
        self.part(index)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_subcommands_are_found() {
        let data: CommandData = serde_json::from_str(
            r#"{"name":"activity","options":[{"type":1,"name":"show","options":[
                {"type":6,"name":"user","value":"42"},{"type":4,"name":"days","value":7}]}]}"#,
        )
        .expect("data");
        let (name, data) = data.subcommand().expect("a subcommand");
        assert_eq!(
            (name, data.id("user"), data.integer("days"), data.text("none")),
            ("show", Some(42), Some(7), None)
        );
    }
}
