//! discord-sim: a simulation of Discord to develop and test against. It speaks the gateway and REST as Discord's
//! documentation describes them, rate limits and errors included, and keeps a journal of what the bot did.
//!
//! It moderates nothing and stores nothing: a simulation lives and dies with its process.

#![recursion_limit = "256"]

mod compression;
mod config;
mod control;
mod fault;
mod gateway;
mod intents;
mod interaction;
mod journal;
mod latency;
mod limits;
mod load;
mod oauth2;
mod object;
mod people;
mod recording;
mod rest;
mod seed;
mod session;
mod sight;
mod simulation;
mod snowflake;
mod state;
mod world;

pub use config::SimConfig;
pub use fault::RestFault;
pub use interaction::{InteractionOutcome, SignedInteraction};
pub use journal::{JournalEntry, Stats};
pub use latency::LatencySummary;
pub use load::{LoadConfig, LoadReport};
pub use oauth2::CLIENT_SECRET;
pub use recording::{Expectation, Origin, RECORDING_FORMAT, Recording, RecordingError, Told, ToldEvent};
pub use simulation::Simulation;
