//! The moderation suite, all plugins at once, on a real pod: what people do in a simulated Discord, and what they see of
//! it there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod activity;
mod at_once;
mod escalation;
mod faults;
mod flags;
mod message_log;
mod moderators;
mod onboarding;
mod reactions;
mod reports;
mod restarts;
mod seen;
mod server;
mod spam;
mod support;
mod tickets;
