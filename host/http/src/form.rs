//! A plugin's settings as a form, from their JSON Schema, and back. What a form cannot show is shown as JSON.

use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// One setting.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) input: Input,
    /// As it stands, or as it was just sent.
    pub(crate) value: String,
    /// What holds when it is left empty.
    pub(crate) default: String,
}

/// How it is asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Input {
    Checkbox,
    Number {
        minimum: String,
        maximum: String,
        step: &'static str,
    },
    Choice(Vec<String>),
    /// Texts, one a line.
    Lines,
    Text,
    Json,
}

/// The schema's properties, in their order.
pub(crate) fn fields(schema: &Value, settings: &Value) -> Vec<Field> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| Field {
            title: text(&property["title"]).unwrap_or_else(|| name.replace(['_', '-'], " ")),
            description: text(&property["description"]).unwrap_or_default(),
            input: input(property),
            value: entered(&input(property), &settings[name]),
            default: entered(&input(property), &property["default"]),
            name: name.clone(),
        })
        .collect()
}

/// Puts what was sent into the fields, to be shown again.
pub(crate) fn fill(fields: &mut [Field], sent: &HashMap<String, String>) {
    for field in fields {
        field.value = match (&field.input, sent.get(&field.name)) {
            (Input::Checkbox, sent) => sent.is_some().to_string(),
            (_, sent) => sent.cloned().unwrap_or_default(),
        };
    }
}

/// The settings that were sent; what was left empty is left out, and so takes its default. A value that is no JSON where
/// JSON is asked for is kept as text: the schema refuses it.
pub(crate) fn settings(fields: &[Field], sent: &HashMap<String, String>) -> Value {
    let mut settings = Map::new();
    for field in fields {
        let value = sent.get(&field.name).map(|value| value.trim());
        let value = match (&field.input, value) {
            (Input::Checkbox, value) => Some(json!(value.is_some())),
            (_, None | Some("")) => None,
            (Input::Lines, Some(value)) => {
                let lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
                Some(json!(lines.collect::<Vec<_>>()))
            }
            (Input::Text | Input::Choice(_), Some(value)) => Some(json!(value)),
            (Input::Number { .. } | Input::Json, Some(value)) => {
                Some(serde_json::from_str(value).unwrap_or_else(|_| json!(value)))
            }
        };
        settings.extend(value.map(|value| (field.name.clone(), value)));
    }
    settings.into()
}

fn input(property: &Value) -> Input {
    if let Some(choices) = property["enum"].as_array()
        && choices.iter().all(Value::is_string)
    {
        return Input::Choice(choices.iter().filter_map(text).collect());
    }
    match property["type"].as_str() {
        Some("boolean") => Input::Checkbox,
        Some(kind @ ("integer" | "number")) => Input::Number {
            minimum: shown(&property["minimum"]),
            maximum: shown(&property["maximum"]),
            step: if kind == "integer" { "1" } else { "any" },
        },
        Some("string") => Input::Text,
        Some("array") if property["items"]["type"] == "string" => Input::Lines,
        _ => Input::Json,
    }
}

/// A value as somebody would enter it.
fn entered(input: &Input, value: &Value) -> String {
    match (input, value.as_array()) {
        (Input::Lines, Some(lines)) => lines.iter().map(shown).collect::<Vec<_>>().join("\n"),
        _ => shown(value),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_the_schema_asks_and_gives_back_what_was_sent() {
        let schema = json!({ "properties": {
            "low": { "type": "integer", "minimum": 1, "default": 5 },
            "response": { "enum": ["ban", "kick"] },
            "quiet": { "type": "boolean" },
            "note": { "type": "string" },
            "channels": { "type": "array", "items": { "type": "string" } },
            "weights": { "type": "object" },
        } });
        let fields = fields(&schema, &json!({ "low": 7 }));
        let low = fields.iter().find(|field| field.name == "low").expect("it is there");
        assert_eq!((low.value.as_str(), low.default.as_str()), ("7", "5"));
        let sent = [
            ("low", "9"),
            ("response", "kick"),
            ("note", " "),
            ("channels", "1\n2 \n"),
            ("weights", "{}"),
            ("csrf", "x"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = settings(&fields, &HashMap::from(sent));
        assert_eq!(
            settings,
            json!({ "low": 9, "response": "kick", "quiet": false, "channels": ["1", "2"], "weights": {} })
        );
    }
}
