//! The simulation answers as Discord's documentation says: asked by plain WebSocket and HTTP clients.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod commands;
mod gateway;
mod interactions;
mod rest;
