//! Every event that a plugin subscribes to: in every shape, in every guild, with all settings that fit.

use super::payloads::{self, Shape};
use super::{Suite, settings, words};
use crate::rig::{Called, Rig, Setup};
use anyhow::Result;
use guildhall_model::{Action, ActionResult, EventData, EventKind, SubmittedAction};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Times that a plugin's timers fire.
const FIRINGS: usize = 50;
/// Tokens and buttons that are tried.
const TRIED: usize = 20;

impl Suite<'_> {
    pub(super) fn takes_events(&mut self) -> Result<()> {
        let kinds: Vec<_> = self.description().events.iter().copied().collect();
        for kind in kinds {
            self.check(
                &format!("takes {}: minimal, full and hostile", words(kind)),
                |suite, findings| {
                    let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
                    // Twice: the second time there are rows, and what was there the first time is there already.
                    for shape in Shape::ALL.into_iter().chain(Shape::ALL) {
                        for (name, event) in suite.events_of(kind, shape) {
                            findings.expect_sound(&name, &rig.call(event)?);
                        }
                    }
                    Ok(())
                },
            )?;
        }
        self.check(
            "takes events of a guild that Discord has not described",
            |suite, findings| {
                let setup = Setup {
                    described: false,
                    ..Setup::default()
                };
                let mut rig = Rig::new(&suite.plugin, &setup)?;
                for (name, event) in suite.all_shapes() {
                    findings.expect_sound(&name, &rig.call(event)?);
                }
                Ok(())
            },
        )?;
        self.check(
            "takes events with all settings that fit its schema",
            |suite, findings| {
                let schema = serde_json::from_str(&suite.description().settings_schema).unwrap_or_default();
                let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
                // They change under an instance that may remember the ones before.
                for (odd, settings) in settings::variants(&schema).unwrap_or_default() {
                    rig.set_settings(settings.to_string());
                    for (name, event) in suite.events(Shape::Full) {
                        findings.expect_sound(&format!("{name}, where {odd}"), &rig.call(event)?);
                    }
                }
                Ok(())
            },
        )?;
        self.timers_fire()?;
        self.takes_results()?;
        self.takes_clicks()
    }

    /// Every event in every shape.
    pub(super) fn all_shapes(&self) -> Vec<(String, EventData)> {
        Shape::ALL.into_iter().flat_map(|shape| self.events(shape)).collect()
    }

    fn timers_fire(&mut self) -> Result<()> {
        const NAME: &str = "its timers fire";
        if self.description().timers.is_empty() {
            self.leave_out(NAME, "it describes none");
            return Ok(());
        }
        self.check(NAME, |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            for (_, event) in suite.events(Shape::Full) {
                rig.call(event)?;
            }
            let longest = suite.description().timers.iter().map(|timer| timer.every_seconds).max();
            let until = rig.now() + u64::from(longest.unwrap_or(1)) * 2000;
            let mut due: BTreeSet<_> = suite
                .description()
                .timers
                .iter()
                .map(|timer| timer.name.clone())
                .collect();
            for _ in 0..FIRINGS {
                let Some((name, called)) = rig.fire(until)? else { break };
                due.remove(&name);
                findings.expect_sound(&format!("timer {name}"), &called);
            }
            // A timer that comes every second hides those that come once a day.
            while let Some(name) = due.pop_first() {
                rig.pass(Duration::from_secs(1));
                let timer = guildhall_model::Timer {
                    due_at: rig.now(),
                    payload: String::new(),
                    name,
                };
                findings.expect_sound(&format!("timer {}", timer.name), &rig.call(EventData::Timer(timer))?);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn takes_results(&mut self) -> Result<()> {
        const NAME: &str = "takes every outcome of what it asked for";
        if !self.description().events.contains(&EventKind::ActionResult) {
            self.leave_out(NAME, "it does not subscribe to action-result");
            return Ok(());
        }
        self.check(NAME, |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            let mut tokens: BTreeSet<_> = BTreeSet::from([String::new()]);
            for (_, event) in suite.events(Shape::Full) {
                let called = rig.call(event)?;
                tokens.extend(called.actions.into_iter().filter_map(|submitted| submitted.token));
            }
            for token in tokens.into_iter().take(TRIED) {
                for shape in Shape::ALL {
                    for outcome in payloads::outcomes(shape) {
                        let event = format!("action-result of token {token:?}: {}", of_outcome(&outcome));
                        let result = ActionResult {
                            token: token.clone(),
                            outcome,
                        };
                        findings.expect_sound(&event, &rig.call(EventData::ActionResult(result))?);
                    }
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn takes_clicks(&mut self) -> Result<()> {
        const NAME: &str = "takes clicks on what it has shown";
        if !self.description().events.contains(&EventKind::InteractionCreate) {
            self.leave_out(NAME, "it does not subscribe to interaction-create");
            return Ok(());
        }
        self.check(NAME, |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            let mut shown = BTreeSet::new();
            for (_, event) in suite.events(Shape::Full) {
                shown.extend(custom_ids(&rig.call(event)?));
            }
            for (number, custom_id) in (0..).zip(shown.iter().take(TRIED)) {
                let called = rig.call(payloads::click(custom_id, number))?;
                findings.expect_sound(&format!("a click on {custom_id:?}"), &called);
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn of_outcome(outcome: &guildhall_model::Outcome) -> String {
    let words = format!("{outcome:?}");
    words.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// Ids of the components in what it sent.
fn custom_ids(called: &Called) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for SubmittedAction { action, .. } in &called.actions {
        let json = match action {
            Action::SendMessage { body, .. } | Action::EditMessage { body, .. } => &body.components,
            Action::Respond { data, .. } => data,
            _ => continue,
        };
        collect(&serde_json::from_str(json).unwrap_or_default(), &mut ids);
    }
    ids
}

fn collect(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, ids)),
        Value::Object(fields) => {
            ids.extend(fields.get("custom_id").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, ids));
        }
        _ => {}
    }
}
