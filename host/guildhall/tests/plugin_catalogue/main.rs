//! Installing plugins as an operator does: with the binary, real components, and a real registry.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod consent;
mod registry;
mod settings;
mod signatures;
mod support;
mod versions;
