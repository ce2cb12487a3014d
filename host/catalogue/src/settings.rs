//! Settings as JSON: whether they fit a plugin's schema, and how older ones become newer ones.

use guildhall_model::{SettingsChange, SettingsMigration};
use serde_json::{Map, Value};

/// What is wrong with the settings by this JSON Schema, each complaint with the place as a JSON Pointer; nothing where they
/// fit.
pub fn settings_complaints(schema: &Value, settings: &Map<String, Value>) -> Vec<String> {
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(&Value::Object(settings.clone()))
            .map(|error| match error.instance_path().to_string() {
                path if path.is_empty() => error.to_string(),
                path => format!("{path}: {error}"),
            })
            .collect(),
        Err(error) => vec![format!("the plugin's settings schema is not one: {error}")],
    }
}

/// Applies the migrations that come after this version. What is not there is passed over.
pub fn migrate_settings(settings: &mut Map<String, Value>, migrations: &[SettingsMigration], from: u32) {
    let changes = migrations
        .iter()
        .filter(|migration| migration.version > from)
        .flat_map(|migration| &migration.changes);
    for change in changes {
        match change {
            SettingsChange::Move { from, to } => {
                if let Some(value) = take_setting(settings, from) {
                    place_setting(settings, to, value);
                }
            }
            SettingsChange::Remove(place) => drop(take_setting(settings, place)),
        }
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

fn take_setting(settings: &mut Map<String, Value>, pointer: &str) -> Option<Value> {
    let (ways, name) = split(pointer);
    let mut place = settings;
    for way in ways {
        place = place.get_mut(&way)?.as_object_mut()?;
    }
    place.remove(&name)
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

    #[test]
    fn older_settings_become_newer_ones_once() {
        let migration = |version, changes| SettingsMigration { version, changes };
        let moved = |from: &str, to: &str| SettingsChange::Move {
            from: from.into(),
            to: to.into(),
        };
        let migrations = [
            migration(
                1,
                vec![moved("/limit", "/strikes/limit"), moved("/absent", "/strikes/absent")],
            ),
            migration(2, vec![SettingsChange::Remove("/old~1name".into())]),
        ];
        let mut settings = object(json!({ "limit": 3, "old/name": true, "kept": 1 }));
        migrate_settings(&mut settings, &migrations, 0);
        assert_eq!(
            Value::Object(settings.clone()),
            json!({ "strikes": { "limit": 3 }, "kept": 1 })
        );
        settings.insert("limit".into(), json!("of something new"));
        migrate_settings(&mut settings, &migrations, 2);
        assert_eq!(settings["limit"], json!("of something new"));
    }
}
