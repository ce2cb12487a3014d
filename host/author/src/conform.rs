//! `plugin conform`: what must hold of any component of the contract, whatever it does. It is called with every event that it
//! subscribes to, in every guild and with every settings that there may be; every import refuses it once. Nothing of that may
//! trap, take too long, or leave something behind that should not be there.
//!
//! What a plugin is for is its scenarios' to say, and not judged here; those of the sample that exists in every language are the
//! exception.

mod description;
mod events;
mod payloads;
mod refusals;
mod repetition;
mod sample;
pub(crate) mod settings;

use crate::rig::{Called, RigHost};
use crate::workbench::Workbench;
use anyhow::Result;
use guildhall_engine::{CallFailure, Plugin};
use guildhall_model::{EventData, EventKind, PluginDescription};
use payloads::Shape;
use std::path::Path;
use std::sync::Arc;

/// Findings that are told of one check.
const TOLD: usize = 5;
/// Characters of a value in a finding.
const SHOWN: usize = 300;

/// A check that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What must hold.
    pub name: String,
    /// How it came out.
    pub outcome: Outcome,
}

/// How a check came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not: for each finding the event, what was expected, and what came.
    Failed(Vec<String>),
    /// There is nothing to be checked, as the plugin has nothing of the kind.
    LeftOut(&'static str),
}

/// How many checks came out how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Conformance {
    /// That hold.
    pub passed: usize,
    /// That do not.
    pub failed: usize,
}

/// Runs the suite on a component, and tells each check as it ends. An error is not the component's fault, or it cannot be loaded.
pub fn conform(workbench: &Workbench, component: &Path, tell: &mut dyn FnMut(&Check)) -> Result<Conformance> {
    let plugin = Arc::new(workbench.load::<RigHost>(component)?);
    let mut suite = Suite {
        workbench,
        component,
        plugin,
        tell,
        conformance: Conformance::default(),
    };
    // Without its tables nothing else can be tried.
    if suite.describes()? {
        suite.takes_events()?;
        suite.is_refused()?;
        suite.repeats()?;
        suite.is_the_sample()?;
    }
    Ok(suite.conformance)
}

struct Suite<'run> {
    workbench: &'run Workbench,
    component: &'run Path,
    plugin: Arc<Plugin<RigHost>>,
    tell: &'run mut dyn FnMut(&Check),
    conformance: Conformance,
}

/// What was found wrong in one check.
#[derive(Debug, Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, event: &str, expected: &str, got: &str) {
        self.0
            .push(format!("event: {event}\nexpected: {expected}\ngot: {}", shown(got)));
    }

    /// A call may answer an error; it may neither trap nor take too long.
    fn expect_sound(&mut self, event: &str, called: &Called) {
        match &called.result {
            Ok(()) | Err(CallFailure::Answered(_)) => {}
            Err(failure) => self.add(
                event,
                "`handle` answers, with an error where it must",
                &failure.to_string(),
            ),
        }
    }
}

impl Suite<'_> {
    fn description(&self) -> &PluginDescription {
        self.plugin.description()
    }

    /// Runs a check and tells it; answers whether it holds.
    fn check(&mut self, name: &str, run: impl FnOnce(&Self, &mut Findings) -> Result<()>) -> Result<bool> {
        let mut findings = Findings::default();
        run(self, &mut findings)?;
        let Findings(mut found) = findings;
        let holds = found.is_empty();
        if holds {
            self.conformance.passed += 1;
        } else {
            self.conformance.failed += 1;
        }
        let more = found.len().saturating_sub(TOLD);
        found.truncate(TOLD);
        if more > 0 {
            found.push(format!("and {more} more like these"));
        }
        (self.tell)(&Check {
            name: name.to_owned(),
            outcome: if holds { Outcome::Passed } else { Outcome::Failed(found) },
        });
        Ok(holds)
    }

    fn leave_out(&mut self, name: &str, why: &'static str) {
        (self.tell)(&Check {
            name: name.to_owned(),
            outcome: Outcome::LeftOut(why),
        });
    }

    /// Every event that the plugin subscribes to in this shape, with what to call it.
    fn events(&self, shape: Shape) -> Vec<(String, EventData)> {
        let kinds = self.description().events.iter();
        kinds.flat_map(|kind| self.events_of(*kind, shape)).collect()
    }

    fn events_of(&self, kind: EventKind, shape: Shape) -> Vec<(String, EventData)> {
        let events = payloads::events(kind, shape, self.description()).into_iter();
        let name = format!("{} ({})", words(kind), format!("{shape:?}").to_lowercase());
        events.map(|event| (name.clone(), event)).collect()
    }
}

/// A kind as the contract calls it.
fn words(kind: EventKind) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Every event that a plugin which describes itself so is called for, as it usually comes and at the ends of the contract.
pub(crate) fn payloads_of(description: &PluginDescription) -> Vec<EventData> {
    let shapes = Shape::ALL.into_iter();
    let of = |shape| {
        description
            .events
            .iter()
            .flat_map(move |kind| payloads::events(*kind, shape, description))
    };
    shapes.flat_map(of).collect()
}
