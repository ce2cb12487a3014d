//! Plugins' settings: what a schema says of them, what stands in where nothing is set, and how settings of an older schema
//! become those of a newer one. Knows neither guilds nor files.
//!
//! Schemas are JSON Schema (2020-12) that an unknown author wrote and that guilds' workers apply, so their effort is
//! bounded before they are used: references lead to something within the schema and never in a circle, and patterns are
//! matched in linear time.

mod bounds;
mod defaults;
mod migration;
mod schema;

pub use migration::migrate;
pub use schema::{Complaint, SchemaError, SettingsSchema, summary};
