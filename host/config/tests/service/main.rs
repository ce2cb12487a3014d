//! The config service on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flags;
mod fleet;
mod random;
mod refusals;
mod support;
