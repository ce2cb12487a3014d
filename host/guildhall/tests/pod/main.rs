//! Tests of a real pod: the binary as a process, a simulation of Discord, real components and files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_times;
mod contract;
mod contract_0_1_0;
mod hostile_plugins;
mod hot_loading;
mod later_events;
mod lost_sessions;
mod migration;
mod moderation;
mod plugin_updates;
mod support;
