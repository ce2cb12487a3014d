//! Scenarios: stories of a guild that are run through plugins' components and the real store, with a clock and ids of their
//! own, and told as text. docs/scenarios.md describes their form.
//!
//! Nothing here judges an outcome: whoever runs a scenario compares the text with one that was accepted before.

mod accepted;
mod answers;
mod dispatch;
mod names;
mod plugins;
mod recorded;
mod stage;
mod story;
mod telling;

pub use accepted::{Scenario, Verdict, difference, scenarios};
pub use plugins::Plugins;
pub use recorded::{ReplaySettings, Replayed, replay};
pub use stage::{run, run_observed};
pub use story::Story;
