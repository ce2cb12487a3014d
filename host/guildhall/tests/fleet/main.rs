//! Fleets of real processes: guilds and sessions that move, pods that die, and what nobody may notice of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cuts;
mod failover;
mod files;
mod flags;
mod http;
mod lost_disks;
mod moves;
mod replication;
mod restores;
mod seeds;
mod support;
mod traces;
