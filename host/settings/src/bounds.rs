//! The effort that a schema may cause. A schema is walked as a validator walks it, every reference followed: one that leads
//! in a circle, or doubles at every step, never comes to an end within the bounds.

use serde_json::Value;

/// Parts of a schema, those behind references each time anew.
const PARTS: usize = 20_000;
/// How deep they may lie in each other.
const DEPTH: usize = 64;
/// Keywords that lead out of the schema, or let a place in it mean another one.
const FORBIDDEN: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$id"];

/// Says what is wrong with the schema, and what would be right.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let mut walk = Walk { schema, parts: 0 };
    walk.visit(schema, 0)
}

/// What a reference within the schema leads to.
pub(crate) fn resolve<'schema>(schema: &'schema Value, reference: &str) -> Option<&'schema Value> {
    schema.pointer(reference.strip_prefix('#')?)
}

struct Walk<'schema> {
    schema: &'schema Value,
    parts: usize,
}

impl Walk<'_> {
    fn visit(&mut self, part: &Value, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if self.parts > PARTS || depth > DEPTH {
            return Err(format!(
                "the settings schema is too complex, or refers to itself: with all references followed it may have {PARTS} parts, and {DEPTH} within each other"
            ));
        }
        match part {
            Value::Object(members) => {
                for (key, value) in members {
                    match value {
                        Value::String(_) if depth > 0 && FORBIDDEN.contains(&key.as_str()) => {
                            return Err(format!(
                                "the settings schema uses {key:?}; refer to its own parts by `$ref`: `#/$defs/name`"
                            ));
                        }
                        Value::String(reference) if key == "$ref" => {
                            let Some(referred) = resolve(self.schema, reference) else {
                                return Err(format!(
                                    "the settings schema refers to {reference:?}, which is not within it; write `#/$defs/name`"
                                ));
                            };
                            self.visit(referred, depth + 1)?;
                        }
                        value => self.visit(value, depth + 1)?,
                    }
                }
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.visit(item, depth + 1)),
            _ => Ok(()),
        }
    }
}
