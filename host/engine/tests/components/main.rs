//! Tests of real components: what instances keep, and which contracts are understood.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contracts;
mod instances;
mod support;
