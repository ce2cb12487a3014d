//! Values, rows and errors as a plugin's SQL sees them.

use serde::{Deserialize, Serialize};

/// One SQL value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer. Ids fit: Discord's snowflakes stay below 2^63.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The rows of one query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Column names in order.
    pub columns: Vec<String>,
    /// The values of all rows, one row after the other: as many to a row as there are columns.
    pub values: Vec<Value>,
}

/// Why a plugin's statement failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// Refused by the authorizer.
    #[error("not allowed: {0}")]
    Denied(String),
    /// A bound was met.
    #[error("limit: {0}")]
    Limit(String),
    /// A constraint of the schema.
    #[error("constraint: {0}")]
    Constraint(String),
    /// There is no database to speak of.
    #[error("the database is closed")]
    Closed,
    /// Anything else, in SQLite's words.
    #[error("{0}")]
    Sql(String),
}
