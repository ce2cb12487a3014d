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
        let database::Rows { columns, values } = self.0.query(sql, parameters)?;
        read(columns.len(), values)
    }

    /// Runs one query and returns its first row; none where there is none.
    pub fn query_first<T: FromRow>(&self, sql: &str, parameters: &[Value]) -> Result<Option<T>, Error> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }
}

/// Reads rows that stand one after the other.
fn read<T: FromRow>(columns: usize, values: Vec<Value>) -> Result<Vec<T>, Error> {
    if columns != T::COLUMNS {
        return Err(Error::Invalid(format!(
            "the rows have {columns} columns, and {} were asked for",
            T::COLUMNS
        )));
    }
    let mut rows = Vec::with_capacity(values.len() / columns.max(1));
    let mut values = values.into_iter();
    while values.len() > 0 {
        rows.push(T::from_row(&mut values)?);
    }
    Ok(rows)
}

/// A type that one row can be read as: tuples of up to eight columns.
pub trait FromRow: Sized {
    /// Columns of a row.
    const COLUMNS: usize;
    /// Reads a row: takes as many values as there are columns.
    fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error>;
}

/// A type that one column can be read as.
pub trait FromValue: Sized {
    /// Reads the value; gives it back where it is of another type.
    fn from_value(value: Value) -> Result<Self, Value>;
}

macro_rules! from_row {
    ($($column:ident),*) => {
        impl<$($column: FromValue),*> FromRow for ($($column,)*) {
            const COLUMNS: usize = [$(stringify!($column)),*].len();

            fn from_row(values: &mut std::vec::IntoIter<Value>) -> Result<Self, Error> {
                Ok(($(column::<$column>(values)?,)*))
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

fn column<T: FromValue>(values: &mut std::vec::IntoIter<Value>) -> Result<T, Error> {
    let value = values.next().unwrap_or(Value::Null);
    T::from_value(value).map_err(|value| {
        Error::Invalid(format!(
            "a column holds {value:?}, which is no {}",
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
    fn rows_are_read_as_tuples() {
        let values = params![7_u64, "text", None::<i64>, true, 8_u64, "more", 5, false].to_vec();
        let rows: Vec<(u64, String, Option<i64>, bool)> = read(4, values).expect("they fit");
        assert_eq!(
            rows,
            [(7, "text".into(), None, true), (8, "more".into(), Some(5), false)]
        );
        assert!(
            read::<(i64,)>(1, Vec::new())
                .expect("no row is a result too")
                .is_empty()
        );
    }

    #[test]
    fn rows_of_another_shape_say_what_is_wrong() {
        let wrong = read::<(i64, i64)>(2, params![1, "two"].to_vec())
            .expect_err("a text")
            .to_string();
        assert!(wrong.contains("two") && wrong.contains("i64"), "{wrong}");
        let short = read::<(i64, i64)>(1, params![1].to_vec())
            .expect_err("one column")
            .to_string();
        assert!(short.contains("1 columns, and 2"), "{short}");
    }
}
