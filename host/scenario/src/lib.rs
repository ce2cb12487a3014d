//! Scenarios: stories of a guild that are run through plugins' components and the real store, with a clock and ids of their
//! own, and told as text. docs/scenarios.md describes their form.
//!
//! Nothing here judges an outcome: whoever runs a scenario compares the text with one that was accepted before.

mod answers;
mod dispatch;
mod names;
mod stage;
mod story;
mod telling;

pub use stage::{Plugins, run};
pub use story::Story;
