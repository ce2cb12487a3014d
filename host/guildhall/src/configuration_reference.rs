//! `guildhall configuration`: every key with its default and meaning, from the types that are read. docs/configuration.md
//! holds the same table; a test compares them.

use crate::configuration::Configuration;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The reference as a Markdown table.
pub(crate) fn markdown() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Configuration>();
    // Plain data of ours.
    let defaults = serde_json::to_value(Configuration::default()).unwrap_or_default();
    let mut text = String::from("| key | default | meaning |\n|---|---|---|\n");
    rows("", &schema.to_value(), &defaults, &mut text);
    text
}

fn rows(prefix: &str, schema: &Value, defaults: &Value, text: &mut String) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let (name, default) = (format!("{prefix}{key}"), &defaults[key]);
        if property["properties"].is_object() {
            rows(&format!("{name}."), property, default, text);
            continue;
        }
        let meaning = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let default = match default {
            Value::Null => String::new(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::Array(list) if list.is_empty() => String::new(),
            Value::Object(map) if map.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        text.push_str(&format!("| `{name}` | {default} | {meaning} |\n"));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_holds_the_reference_as_it_is() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let documentation = std::fs::read_to_string(file).expect("it is there");
        let reference = super::markdown();
        assert!(
            documentation.contains(&reference),
            "docs/configuration.md holds what `guildhall configuration` prints:\n{reference}"
        );
        for row in reference.lines().skip(2) {
            assert!(!row.ends_with("|  |"), "every key says what it means: {row}");
        }
    }
}
