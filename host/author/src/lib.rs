//! What authors do with a plugin on their desk: begin it, build it, look at it, test it, watch it run, replay a recording through
//! it, and have it judged by the conformance suite; and what operators do to get such a recording.
//!
//! Nothing here speaks to Discord, and nothing but a recording's own hosts is asked over the network. What commands print is the
//! binary's.

mod anonymise;
mod build;
mod check;
mod conform;
mod journal;
mod project;
mod recorder;
mod replay;
mod rig;
mod sources;
mod template;
mod test;
mod words;
mod workbench;
mod world;

pub use anonymise::Anonymiser;
pub use build::{BuildError, Built, build};
pub use check::{Checked, check, headline};
pub use conform::{Check, Conformance, Outcome, conform};
pub use guildhall_scenario::{ReplaySettings, Verdict};
pub use journal::{is_an_action, told};
pub use project::{Project, Subject};
pub use recorder::{Locate, RecordFigures, Source, record};
pub use replay::{ReplayFigures, ReplayedGuild, replay, settings_file};
pub use sources::SourceWatch;
pub use template::{Language, new_project};
pub use test::{TestOptions, Tested, test};
pub use workbench::Workbench;
