//! Every import says no: the plugin answers, leaves nothing behind, and goes on with the next event.

use super::payloads::Shape;
use super::{Findings, Suite};
use crate::rig::{Called, Fault, Rig, Setup};
use anyhow::Result;
use guildhall_engine::ActionRefusal;
use guildhall_model::{EventData, SqlError};
use guildhall_store::StoreLimits;

/// Statements of a call that fail, one after the other.
const STATEMENTS: usize = 12;
/// Events that fill a small file.
const EVENTS: u64 = 600;
/// Of those, how many come after it is full.
const AFTER: usize = 30;

fn sql_errors() -> [SqlError; 5] {
    [
        SqlError::Denied("reading `another`: it is not the plugin's, nor granted".into()),
        SqlError::Limit("the call's deadline passed in SQL".into()),
        SqlError::Constraint("UNIQUE constraint failed".into()),
        SqlError::Closed,
        SqlError::Sql("disk I/O error".into()),
    ]
}

impl Suite<'_> {
    pub(super) fn is_refused(&mut self) -> Result<()> {
        self.check(
            "refused actions are values: not granted, too many, invalid",
            |suite, findings| {
                let refusals = [
                    ActionRefusal::NotGranted("it is not granted".into()),
                    ActionRefusal::Limit("a call may submit 0 actions".into()),
                    ActionRefusal::Invalid("it makes no sense".into()),
                ];
                for refusal in refusals {
                    let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
                    for (name, event) in suite.events(Shape::Full) {
                        let called = rig.call_with(event, Fault::Actions(refusal.clone()))?;
                        findings.expect_sound(&format!("{name}, actions are refused with {refusal:?}"), &called);
                    }
                }
                Ok(())
            },
        )?;
        self.check("a database that does not open is a value", |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            for error in [
                SqlError::Closed,
                SqlError::Limit("more than 256 handles are open".into()),
            ] {
                for (name, event) in suite.events(Shape::Full) {
                    let called = rig.call_with(event, Fault::Open(error.clone()))?;
                    findings.expect_sound(&format!("{name}, `open` fails with {error:?}"), &called);
                }
            }
            Ok(())
        })?;
        self.check(
            "failed statements are values: denied, limit, constraint, closed, sql",
            |suite, findings| {
                for (name, event) in suite.events(Shape::Full) {
                    suite.fail_statements(&name, &event, findings)?;
                }
                Ok(())
            },
        )?;
        self.check("a full file is a value, and the guild goes on", |suite, findings| {
            suite.fill(findings)
        })?;
        self.check("a failed call leaves nothing behind", |suite, findings| {
            for (name, event) in suite.events(Shape::Full) {
                suite.fail_and_repeat(&name, &event, findings)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn fail_statements(&self, name: &str, event: &EventData, findings: &mut Findings) -> Result<()> {
        let statements = Rig::new(&self.plugin, &Setup::default())?
            .call(event.clone())?
            .statements;
        for error in sql_errors() {
            let mut rig = Rig::new(&self.plugin, &Setup::default())?;
            for (at, statement) in statements.iter().enumerate().take(STATEMENTS) {
                for onwards in [false, true] {
                    let fault = Fault::Statement {
                        at,
                        onwards,
                        error: error.clone(),
                    };
                    let called = rig.call_with(event.clone(), fault)?;
                    let event = format!("{name}, {:?} fails with {error:?}", statement.sql);
                    findings.expect_sound(&event, &called);
                }
            }
        }
        Ok(())
    }

    /// A file with hardly more room than its tables need.
    fn fill(&self, findings: &mut Findings) -> Result<()> {
        let mut quota = 128 << 10;
        let mut rig = loop {
            let setup = Setup {
                store: StoreLimits {
                    quota_bytes: quota,
                    ..StoreLimits::default()
                },
                ..Setup::default()
            };
            match Rig::new(&self.plugin, &setup) {
                Ok(rig) => break rig,
                Err(_) if quota < StoreLimits::default().quota_bytes => quota *= 2,
                Err(error) => return Err(error),
            }
        };
        let is_over =
            |called: &Called| called.lost.is_some() || called.statements.iter().any(|ran| ran.failed.is_some());
        let mut after = 0;
        for number in 0..EVENTS {
            for (name, mut event) in self.events(Shape::Hostile) {
                super::repetition::renumber(&mut event, number);
                let called = rig.call(event)?;
                findings.expect_sound(&format!("{name}, in a file of {quota} bytes"), &called);
                after += usize::from(is_over(&called));
                if after > AFTER || findings.0.len() > AFTER {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The same event fails, and then comes again: all must be as if it had come once.
    fn fail_and_repeat(&self, name: &str, event: &EventData, findings: &mut Findings) -> Result<()> {
        let mut straight = Rig::new(&self.plugin, &Setup::default())?;
        // The failed call takes its moment, too.
        straight.pass(std::time::Duration::from_millis(1));
        let expected = straight.call(event.clone())?;
        for at in 0..expected.statements.len().min(STATEMENTS) {
            let mut rig = Rig::new(&self.plugin, &Setup::default())?;
            let fault = Fault::Statement {
                at,
                onwards: false,
                error: SqlError::Sql("disk I/O error".into()),
            };
            let failed = rig.call_with(event.clone(), fault)?;
            if failed.result.is_ok() {
                // It knows how to go on without that statement; then the event has happened.
                continue;
            }
            let again = rig.call(event.clone())?;
            let event = format!("{name}, again after its statement {} failed", at + 1);
            findings.expect_sound(&event, &again);
            if again.actions != expected.actions {
                let (expected, got) = (format!("{:?}", expected.actions), format!("{:?}", again.actions));
                findings.add(&event, &format!("the actions of a first time: {expected}"), &got);
            }
            if rig.rows()? != straight.rows()? {
                findings.add(&event, "the rows of a first time", &rig.rows()?.join("\n"));
            }
        }
        Ok(())
    }
}
