//! The guild's database, with typed parameters and rows.

use crate::bindings::guildhall::plugin::database;
use crate::{Error, Value};

/// The database of the running call's guild. Opened anew in every call.
pub struct Database(database::Connection);

impl Database {
    /// Opens it.
    pub fn open() -> Result<Self, Error> {
        Ok(Self(database::open()?))
    }

    /// Runs one statement and returns the number of changed rows.
    pub fn execute(&self, sql: &str, parameters: &[Value]) -> Result<u64, Error> {
        Ok(self.0.execute(sql, parameters)?)
    }

    /// Runs one query and returns its rows: `query::<(i64, String)>("SELECT id, name …", params![])`.
    pub fn query<T: FromRow>(&self, sql: &str, parameters: &[Value]) -> Result<Vec<T>, Error> {
        self.0
            .query(sql, parameters)?
            .rows
            .into_iter()
            .map(T::from_row)
            .collect()
    }

    /// Runs one query and returns its first row; none where there is none.
    pub fn query_first<T: FromRow>(&self, sql: &str, parameters: &[Value]) -> Result<Option<T>, Error> {
        self.0
            .query(sql, parameters)?
            .rows
            .into_iter()
            .next()
            .map(T::from_row)
            .transpose()
    }
}

/// A type that one row can be read as: tuples of up to eight columns.
pub trait FromRow: Sized {
    /// Reads the row.
    fn from_row(row: Vec<Value>) -> Result<Self, Error>;
}

/// A type that one column can be read as.
pub trait FromValue: Sized {
    /// Reads the value; gives it back where it is of another type.
    fn from_value(value: Value) -> Result<Self, Value>;
}

macro_rules! from_row {
    ($($column:ident),*) => {
        impl<$($column: FromValue),*> FromRow for ($($column,)*) {
            fn from_row(row: Vec<Value>) -> Result<Self, Error> {
                let found = row.len();
                let mut values = row.into_iter();
                let tuple = ($(column::<$column>(&mut values, found)?,)*);
                match values.next() {
                    None => Ok(tuple),
                    Some(_) => Err(Error::Invalid(format!("the row has {found} columns, more than were asked for"))),
                }
            }
        }
    };
}

from_row!(A);
from_row!(A, B);
from_row!(A, B, C);
from_row!(A, B, C, D);
from_row!(A, B, C, D, E);
from_row!(A, B, C, D, E, F);
from_row!(A, B, C, D, E, F, G);
from_row!(A, B, C, D, E, F, G, H);

fn column<T: FromValue>(values: &mut std::vec::IntoIter<Value>, found: usize) -> Result<T, Error> {
    let index = found - values.len();
    let Some(value) = values.next() else {
        return Err(Error::Invalid(format!("the row has only {found} columns")));
    };
    T::from_value(value).map_err(|value| {
        Error::Invalid(format!(
            "column {index} holds {value:?}, which is no {}",
            std::any::type_name::<T>()
        ))
    })
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(integer) => Ok(integer),
            other => Err(other),
        }
    }
}

impl FromValue for u64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Integer(integer) => u64::try_from(integer).map_err(|_| Value::Integer(integer)),
            other => Err(other),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, Value> {
        i64::from_value(value).map(|integer| integer != 0)
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Real(real) => Ok(real),
            other => Err(other),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(other),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<u64> for Value {
    /// Snowflakes and timestamps stay below 2^63; SQLite has no larger integers.
    fn from(integer: u64) -> Self {
        Self::Integer(integer.cast_signed())
    }
}

impl From<u32> for Value {
    fn from(integer: u32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<i32> for Value {
    fn from(integer: i32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn a_row_is_read_as_a_tuple() {
        let row = params![7_u64, "text", None::<i64>, true].to_vec();
        let (id, text, missing, flag) = <(u64, String, Option<i64>, bool)>::from_row(row).expect("it fits");
        assert_eq!((id, text.as_str(), missing, flag), (7, "text", None, true));
    }

    #[test]
    fn a_row_of_another_shape_says_which_column() {
        let wrong = <(i64, i64)>::from_row(params![1, "two"].to_vec())
            .expect_err("a text")
            .to_string();
        assert!(wrong.contains("column 1") && wrong.contains("two"), "{wrong}");
        let short = <(i64, i64)>::from_row(params![1].to_vec())
            .expect_err("one column")
            .to_string();
        assert!(short.contains("only 1"), "{short}");
        let long = <(i64,)>::from_row(params![1, 2].to_vec())
            .expect_err("two columns")
            .to_string();
        assert!(long.contains("2 columns"), "{long}");
    }
}
