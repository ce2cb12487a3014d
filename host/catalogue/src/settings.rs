//! Settings as operators set them: whether they fit a plugin's schema, and where a single one has its place.

use guildhall_settings::SettingsSchema;
use serde_json::{Map, Value};

/// What is wrong with the settings by this JSON Schema, each complaint with the place as a JSON Pointer; nothing where they
/// fit.
pub fn settings_complaints(schema: &Value, settings: &Map<String, Value>) -> Vec<String> {
    match SettingsSchema::new(schema.clone(), Vec::new()) {
        Ok(schema) => {
            let complaints = schema.complete(Value::Object(settings.clone())).err();
            let complaints = complaints.iter().flatten();
            complaints.map(ToString::to_string).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

/// Puts a value at a JSON Pointer, making the objects on the way; what stands in the way there goes.
pub fn place_setting(settings: &mut Map<String, Value>, pointer: &str, value: Value) {
    let (ways, name) = split(pointer);
    let mut place = settings;
    for way in ways {
        let next = place.entry(way).or_insert_with(|| Value::Object(Map::new()));
        if !next.is_object() {
            *next = Value::Object(Map::new());
        }
        match next {
            Value::Object(object) => place = object,
            _ => return,
        }
    }
    place.insert(name, value);
}

/// The names on the way, and the last one.
fn split(pointer: &str) -> (Vec<String>, String) {
    let mut names: Vec<String> = pointer
        .trim_start_matches('/')
        .split('/')
        .map(|name| name.replace("~1", "/").replace("~0", "~"))
        .collect();
    // Splitting gives at least one part.
    let last = names.pop().unwrap_or_default();
    (names, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_complaint_names_the_place() {
        let schema = json!({ "type": "object", "additionalProperties": false, "properties": {
            "strikes": { "type": "object", "properties": { "limit": { "type": "integer", "minimum": 1 } } } } });
        assert!(settings_complaints(&schema, &object(json!({ "strikes": { "limit": 3 } }))).is_empty());
        let wrong = settings_complaints(&schema, &object(json!({ "strikes": { "limit": 0 } })));
        assert!(
            wrong[0].starts_with("/strikes/limit: ") && wrong[0].contains("minimum"),
            "{wrong:?}"
        );
        let unknown = settings_complaints(&schema, &object(json!({ "strike": 1 })));
        assert!(unknown[0].contains("strike"), "{unknown:?}");
    }
}
