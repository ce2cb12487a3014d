//! A property's `default` stands in where it is not set, also within objects and the items of lists.

use crate::bounds::resolve;
use serde_json::{Map, Value};

/// Sets what is not set. The schema is within its bounds, so this comes to an end.
pub(crate) fn fill(schema: &Value, part: &Value, settings: &mut Value) {
    if let Some(referred) = part["$ref"].as_str().and_then(|reference| resolve(schema, reference)) {
        fill(schema, referred, settings);
    }
    match settings {
        Value::Object(members) => {
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                match members.get_mut(name) {
                    Some(value) => fill(schema, property, value),
                    None => {
                        if let Some(value) = standing_in(schema, property) {
                            members.insert(name.clone(), value);
                        }
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill(schema, &part["items"], item);
            }
        }
        _ => {}
    }
}

/// What a property is that is not set: its default, or an object of the defaults within it where these are all that it
/// requires.
fn standing_in(schema: &Value, property: &Value) -> Option<Value> {
    if let Some(default) = property.get("default") {
        let mut value = default.clone();
        fill(schema, property, &mut value);
        return Some(value);
    }
    let referred = property["$ref"]
        .as_str()
        .and_then(|reference| resolve(schema, reference));
    if let Some(value) = referred.and_then(|referred| standing_in(schema, referred)) {
        return Some(value);
    }
    let mut value = Value::Object(Map::new());
    fill(schema, property, &mut value);
    let required = property["required"].as_array().into_iter().flatten();
    let is_whole = required.filter_map(Value::as_str).all(|name| value.get(name).is_some());
    (is_whole && value.as_object().is_some_and(|members| !members.is_empty())).then_some(value)
}
