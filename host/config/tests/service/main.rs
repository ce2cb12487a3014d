//! The config service on a real PostgreSQL.

mod fleet;
mod random;
mod refusals;
mod support;
