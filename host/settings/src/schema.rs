//! One plugin version's schema, ready to be applied.

use crate::{bounds, defaults, migration};
use guildhall_model::{PluginDescription, SettingsMigration};
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};
use std::fmt;

/// Bytes that a pattern may take when it is compiled.
const PATTERN_BYTES: usize = 1 << 20;

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// What is wrong with settings, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// A JSON Pointer; empty for the settings as a whole.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.reason)
    }
}

/// All complaints in one line, for a log.
pub fn summary(complaints: &[Complaint]) -> String {
    let complaints: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    complaints.join("; ")
}

/// A schema that was compiled, with the steps that lead to it.
#[derive(Debug)]
pub struct SettingsSchema {
    schema: Value,
    validator: Validator,
    migrations: Vec<SettingsMigration>,
}

impl SettingsSchema {
    /// The schema of the plugin that describes itself so.
    pub fn of(description: &PluginDescription) -> Result<Self, SchemaError> {
        let schema = serde_json::from_str(&description.settings_schema)
            .map_err(|error| SchemaError(format!("the settings schema is not JSON: {error}")))?;
        Self::new(schema, description.settings_migrations.clone())
    }

    /// This schema, and the steps that lead to it.
    pub fn new(schema: Value, migrations: Vec<SettingsMigration>) -> Result<Self, SchemaError> {
        let refused = |reason: String| SchemaError(reason);
        if !schema.is_object() {
            return Err(refused(
                "the settings schema must be a JSON object; `{}` when there are no settings".into(),
            ));
        }
        bounds::check(&schema).map_err(refused)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES))
            .build(&schema)
            .map_err(|error| {
                let place = error.instance_path();
                refused(format!(
                    "the settings schema is not JSON Schema (2020-12), at {place:?}: {error}"
                ))
            })?;
        Ok(Self {
            schema,
            validator,
            migrations,
        })
    }

    /// The version that settings have which fit it: the number of its last migration, 0 for the first schema.
    pub fn version(&self) -> u32 {
        self.migrations.last().map_or(0, |step| step.version)
    }

    /// The settings where nothing is set: all defaults. They need not fit the schema, which may require more.
    pub fn defaults(&self) -> Value {
        let mut settings = Value::Object(Map::new());
        defaults::fill(&self.schema, &self.schema, &mut settings);
        settings
    }

    /// The settings with all defaults where nothing is set, if they fit; what is wrong with them otherwise.
    pub fn complete(&self, mut settings: Value) -> Result<Value, Vec<Complaint>> {
        if !settings.is_object() {
            return Err(vec![Complaint {
                path: String::new(),
                reason: "settings are a JSON object".into(),
            }]);
        }
        defaults::fill(&self.schema, &self.schema, &mut settings);
        let complaints = self.complaints(&settings);
        if complaints.is_empty() {
            Ok(settings)
        } else {
            Err(complaints)
        }
    }

    /// The same for settings as text.
    pub fn complete_text(&self, settings: &str) -> Result<Value, Vec<Complaint>> {
        let settings = serde_json::from_str(settings).map_err(|error| {
            vec![Complaint {
                path: String::new(),
                reason: format!("the settings are not JSON: {error}"),
            }]
        })?;
        self.complete(settings)
    }

    /// Settings of this version as settings of the schema.
    pub fn migrated(&self, settings: &str, from: u32) -> String {
        match serde_json::from_str(settings) {
            Ok(mut settings) => {
                migration::migrate(&mut settings, from, &self.migrations);
                settings.to_string()
            }
            // What is no JSON is complained about when it is used.
            Err(_) => settings.to_owned(),
        }
    }

    fn complaints(&self, settings: &Value) -> Vec<Complaint> {
        let errors = self.validator.iter_errors(settings);
        errors
            .map(|error| Complaint {
                path: error.instance_path().to_string(),
                reason: error.to_string(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(schema: &Value) -> SettingsSchema {
        SettingsSchema::new(schema.clone(), Vec::new()).expect("a schema")
    }

    #[test]
    fn settings_that_do_not_fit_are_complained_about_with_the_place() {
        let schema = schema(&json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "low": { "type": "integer", "minimum": 1 },
                "strikes": { "type": "object", "properties": { "limit": { "type": "integer" } } },
            },
        }));
        assert_eq!(schema.complete(json!({ "low": 3 })), Ok(json!({ "low": 3 })));
        let told = |settings: &str| summary(&schema.complete_text(settings).expect_err("they do not fit"));
        let several = told(r#"{ "low": 0, "strikes": { "limit": "many" } }"#);
        assert!(several.contains("/low: 0 is less than the minimum of 1"), "{several}");
        assert!(
            several.contains("/strikes/limit: \"many\" is not of type \"integer\""),
            "{several}"
        );
        assert!(told(r#"{ "lo": 3 }"#).contains("lo"));
        assert_eq!(told("[]"), "settings are a JSON object");
        assert!(told("{").starts_with("the settings are not JSON"));
    }

    #[test]
    fn defaults_stand_in_where_nothing_is_set() {
        let schema = schema(&json!({
            "type": "object",
            "properties": {
                "limit": { "type": "integer", "default": 3 },
                "words": { "type": "array", "items": { "type": "string" }, "default": ["spam"] },
                "channel": { "type": "string" },
                "strikes": { "$ref": "#/$defs/strikes" },
                "given": { "type": "object", "default": {}, "properties": { "a": { "default": 1 } } },
                "needs": {
                    "type": "object", "required": ["id"],
                    "properties": { "id": { "type": "string" }, "name": { "default": "x" } },
                },
                "rules": { "type": "array", "items": { "properties": { "weight": { "default": 1 } } } },
            },
            "$defs": { "strikes": { "type": "object", "properties": {
                "days": { "default": 7 }, "deep": { "properties": { "er": { "default": null } } },
            } } },
        }));
        let defaults = json!({
            "limit": 3, "words": ["spam"], "strikes": { "days": 7, "deep": { "er": null } }, "given": { "a": 1 },
        });
        assert_eq!(
            schema.defaults(),
            defaults,
            "an object that would lack something is not made up"
        );
        let set = json!({ "limit": 9, "words": [], "strikes": { "days": 1 }, "needs": { "id": "7" }, "rules": [{}] });
        assert_eq!(
            schema.complete(set),
            Ok(json!({
                "limit": 9, "words": [], "strikes": { "days": 1, "deep": { "er": null } }, "given": { "a": 1 },
                "needs": { "id": "7", "name": "x" }, "rules": [{ "weight": 1 }],
            }))
        );
    }

    #[test]
    fn a_default_fills_in_what_is_required() {
        let schema = schema(&json!({ "required": ["limit"], "properties": { "limit": { "default": 3 } } }));
        assert_eq!(schema.complete(json!({})), Ok(json!({ "limit": 3 })));
    }

    #[test]
    fn a_schema_is_refused_when_it_is_none_or_has_no_end() {
        let refused = |schema: Value, part: &str| {
            let error = SettingsSchema::new(schema, Vec::new())
                .expect_err("it cannot be used")
                .to_string();
            assert!(error.contains(part), "{error}");
        };
        refused(json!([]), "must be a JSON object");
        refused(json!({ "type": "nonsense" }), "JSON Schema");
        refused(json!({ "properties": { "a": { "pattern": "(" } } }), "JSON Schema");
        refused(json!({ "$ref": "https://example.org/schema" }), "not within it");
        refused(json!({ "$ref": "#/$defs/none" }), "not within it");
        refused(json!({ "properties": { "a": { "$id": "other", "$ref": "#" } } }), "$id");
        refused(json!({ "$ref": "#" }), "refers to itself");
        refused(json!({ "allOf": [{ "$ref": "#" }] }), "refers to itself");
        refused(json!({ "properties": { "a": { "$ref": "#" } } }), "refers to itself");
        refused(
            json!({ "properties": { "default": { "$ref": "#" } } }),
            "refers to itself",
        );
        let mut doubling = json!({ "d0": {} });
        for step in 1..40 {
            let before = json!({ "$ref": format!("#/$defs/d{}", step - 1) });
            doubling[format!("d{step}")] = json!({ "allOf": [before.clone(), before] });
        }
        refused(json!({ "$defs": doubling, "$ref": "#/$defs/d39" }), "too complex");
    }

    #[test]
    fn a_pattern_takes_no_longer_than_its_text_is_long() {
        let schema = schema(&json!({ "properties": { "a": { "pattern": "^(a+)+$" } } }));
        let text = format!("{}!", "a".repeat(10_000));
        assert!(schema.complete(json!({ "a": text })).is_err());
    }
}
