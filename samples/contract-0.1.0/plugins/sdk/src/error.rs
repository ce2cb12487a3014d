//! Why a call failed.

use crate::bindings::guildhall::plugin::{actions, database};
use std::fmt;

/// An error of a plugin's call. Answered from a handler, it undoes the call.
#[derive(Clone, Debug)]
pub enum Error {
    /// A statement failed.
    Database(database::Error),
    /// An action was not taken.
    Action(actions::Error),
    /// Settings, a row or a payload are not what the plugin expects.
    Invalid(String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(database::Error::Denied(reason)) => write!(formatter, "database: not allowed: {reason}"),
            Self::Database(database::Error::Limit(reason)) => write!(formatter, "database: limit: {reason}"),
            Self::Database(database::Error::Constraint(reason)) => write!(formatter, "database: constraint: {reason}"),
            Self::Database(database::Error::Closed) => formatter.write_str("database: the handle outlived its call"),
            Self::Database(database::Error::Sql(reason)) => write!(formatter, "database: {reason}"),
            Self::Action(actions::Error::NotGranted(reason)) => write!(formatter, "action: {reason}"),
            Self::Action(actions::Error::Limit(reason)) => write!(formatter, "action: limit: {reason}"),
            Self::Action(actions::Error::Invalid(reason)) => write!(formatter, "action: {reason}"),
            Self::Invalid(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        Self::Database(error)
    }
}

impl From<actions::Error> for Error {
    fn from(error: actions::Error) -> Self {
        Self::Action(error)
    }
}

impl From<String> for Error {
    fn from(reason: String) -> Self {
        Self::Invalid(reason)
    }
}
