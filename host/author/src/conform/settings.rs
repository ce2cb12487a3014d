//! Settings that a guild may have: those that fit the plugin's schema, at its ends.

use guildhall_settings::SettingsSchema;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Settings that are tried, at most.
const MOST: usize = 60;
/// Lists and texts without a bound of their own get so long.
const LONG: usize = 200;

/// Settings that fit the schema, by what is odd about them. An error says why the schema is none.
pub(crate) fn variants(schema: &Value) -> Result<BTreeMap<String, Value>, String> {
    let fitting = SettingsSchema::new(schema.clone(), Vec::new()).map_err(|error| error.to_string())?;
    let base = sample(schema);
    let mut variants = BTreeMap::new();
    let mut add = |name: String, settings: Value| {
        if settings.is_object() && fitting.complete(settings.clone()).is_ok() && variants.len() < MOST {
            variants.insert(name, settings);
        }
    };
    add("nothing is set".into(), json!({}));
    add("as the schema's defaults".into(), base.clone());
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        for (number, value) in candidates(property).into_iter().enumerate() {
            let mut settings = base.clone();
            let shown: String = value.to_string().chars().take(40).collect();
            settings[name] = value;
            add(format!("{name} is {shown} ({number})"), settings);
        }
    }
    Ok(variants)
}

/// A value of this schema: its default, or the plainest.
fn sample(schema: &Value) -> Value {
    if let Some(default) = schema.get("default") {
        return default.clone();
    }
    if let Some(first) = schema["enum"].get(0).or(schema.get("const")) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") => json!("a".repeat(length(schema, "minLength").max(1))),
        Some("array") => {
            let items = (0..length(schema, "minItems")).map(|_| sample(&schema["items"]));
            items.collect()
        }
        Some("null") => Value::Null,
        _ => {
            let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let wanted = properties.filter(|(name, property)| {
                property.get("default").is_some() || required.iter().any(|required| *required == name.as_str())
            });
            let fields: Map<_, _> = wanted
                .map(|(name, property)| (name.clone(), sample(property)))
                .collect();
            fields.into()
        }
    }
}

/// Values at the ends of what this schema allows, and some that only might fit.
fn candidates(schema: &Value) -> Vec<Value> {
    let mut values: Vec<Value> = schema["enum"].as_array().cloned().unwrap_or_default();
    values.extend(schema.get("minimum").cloned());
    values.extend(schema.get("maximum").cloned());
    values.extend([
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(i64::MAX),
    ]);
    let long = match length(schema, "maxLength") {
        0 => LONG,
        most => most.min(4000),
    };
    values.extend([
        json!(""),
        json!("x".repeat(long)),
        json!("\u{202e}👩‍👩‍👧e\u{301}"),
        json!("0"),
    ]);
    values.push(json!([]));
    if schema.get("items").is_some() {
        let most = match length(schema, "maxItems") {
            0 => LONG,
            most => most.min(LONG),
        };
        let item = sample(&schema["items"]);
        values.push(json!([item]));
        values.push(vec![item; most].into());
        values.extend(candidates_of_items(&schema["items"]));
    }
    values.push(json!({}));
    values.push(sample(schema));
    values.push(Value::Null);
    values
}

fn candidates_of_items(items: &Value) -> Vec<Value> {
    if items.get("items").is_some() {
        return Vec::new();
    }
    candidates(items).into_iter().map(|item| json!([item])).collect()
}

fn length(schema: &Value, key: &str) -> usize {
    schema[key]
        .as_u64()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_fit_the_schema_and_reach_its_ends() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["words"],
            "properties": {
                "words": { "type": "array", "items": { "type": "string", "minLength": 2 }, "minItems": 1, "maxItems": 3 },
                "limit": { "type": "integer", "minimum": 1, "maximum": 9, "default": 3 },
                "mode": { "enum": ["warn", "kick"], "default": "warn" },
            },
        });
        let fitting = SettingsSchema::new(schema.clone(), Vec::new()).expect("a schema");
        let variants = variants(&schema).expect("a schema");
        assert!(
            variants
                .values()
                .all(|settings| fitting.complete(settings.clone()).is_ok())
        );
        let has = |key: &str, value: Value| variants.values().any(|settings| settings[key] == value);
        assert!(has("limit", json!(9)) && has("limit", json!(1)) && has("mode", json!("kick")));
        assert!(
            variants
                .values()
                .any(|settings| settings["words"].as_array().is_some_and(|words| words.len() == 3))
        );
        assert!(!variants.contains_key("nothing is set"), "`words` is required");
    }

    #[test]
    fn a_schema_that_is_none_says_why() {
        let wrong = variants(&json!({ "type": 5 })).expect_err("5 is no type");
        assert!(!wrong.is_empty());
    }
}
