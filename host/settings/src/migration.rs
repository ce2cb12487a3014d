//! From the settings of an older schema to those of a newer one.

use guildhall_model::{SettingsChange, SettingsMigration};
use serde_json::{Map, Value};

/// Applies every step above `from`, in order. What is not there is passed over.
pub fn migrate(settings: &mut Value, from: u32, migrations: &[SettingsMigration]) {
    let steps = migrations.iter().filter(|step| step.version > from);
    for change in steps.flat_map(|step| &step.changes) {
        match change {
            SettingsChange::Move { from, to } => {
                // Nowhere to put it: then it stays.
                if let Some(value) = settings.pointer(from).cloned()
                    && !to.starts_with(&format!("{from}/"))
                    && can_put(settings, to)
                {
                    remove(settings, from);
                    put(settings, to, value);
                }
            }
            SettingsChange::Remove(place) => remove(settings, place),
        }
    }
}

/// The object that a place is in, and the name that it has there.
fn split(place: &str) -> Option<(&str, String)> {
    let (within, name) = place.rsplit_once('/')?;
    Some((within, unescaped(name)))
}

/// RFC 6901.
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

fn remove(settings: &mut Value, place: &str) {
    if let Some((within, name)) = split(place)
        && let Some(Value::Object(members)) = settings.pointer_mut(within)
    {
        members.remove(&name);
    }
}

/// Whether everything on the way there is an object, or nothing yet.
fn can_put(settings: &Value, place: &str) -> bool {
    let mut at = Some(settings);
    for name in place.split('/').skip(1).map(unescaped) {
        match at {
            Some(Value::Object(members)) => at = members.get(&name),
            Some(_) => return false,
            None => return true,
        }
    }
    true
}

fn put(settings: &mut Value, place: &str, value: Value) {
    let mut at = settings;
    for name in place.split('/').skip(1).map(unescaped) {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[name];
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(version: u32, changes: &[(&str, &str)]) -> SettingsMigration {
        let changes = changes.iter().map(|(from, to)| match *to {
            "" => SettingsChange::Remove((*from).into()),
            to => SettingsChange::Move {
                from: (*from).into(),
                to: to.into(),
            },
        });
        SettingsMigration {
            version,
            changes: changes.collect(),
        }
    }

    fn migrated(mut settings: Value, from: u32, steps: &[SettingsMigration]) -> Value {
        migrate(&mut settings, from, steps);
        settings
    }

    #[test]
    fn settings_move_to_new_places_and_go() {
        let steps = [
            step(1, &[("/limit", "/strikes/limit"), ("/old", "")]),
            step(2, &[("/strikes/limit", "/strikes/most")]),
        ];
        let first = json!({ "limit": 3, "old": true, "other": 1 });
        assert_eq!(
            migrated(first.clone(), 0, &steps),
            json!({ "strikes": { "most": 3 }, "other": 1 })
        );
        assert_eq!(migrated(first.clone(), 2, &steps), first, "nothing is new");
        assert_eq!(
            migrated(json!({ "strikes": { "limit": 4, "days": 1 } }), 1, &steps),
            json!({ "strikes": { "most": 4, "days": 1 } })
        );
        assert_eq!(
            migrated(json!({}), 0, &steps),
            json!({}),
            "what is not there is passed over"
        );
    }

    #[test]
    fn places_are_json_pointers_and_nothing_is_lost_on_the_way() {
        assert_eq!(
            migrated(
                json!({ "a/b": 1, "c~d": 2 }),
                0,
                &[step(1, &[("/a~1b", "/x"), ("/c~0d", "/y~1z")])]
            ),
            json!({ "x": 1, "y/z": 2 })
        );
        let blocked = json!({ "a": 1, "list": [1] });
        for to in ["/list/name", "/list/0/name", "/a/b"] {
            assert_eq!(migrated(blocked.clone(), 0, &[step(1, &[("/a", to)])]), blocked, "{to}");
        }
        assert_eq!(
            migrated(json!({ "a": 1, "b": 2 }), 0, &[step(1, &[("/a", "/b")])]),
            json!({ "b": 1 })
        );
        let within = json!({ "list": [{ "a": 1 }] });
        assert_eq!(
            migrated(within, 0, &[step(1, &[("/list/0/a", "/list/0/b")])]),
            json!({ "list": [{ "a": 1 }] }),
            "lists have no names"
        );
    }
}
