//! The same events again: they come to the same, whatever instance handles them; and ten thousand of them fit into the memory that
//! one instance may have.

use super::payloads::Shape;
use super::{Findings, Suite};
use crate::rig::{Rig, Setup};
use anyhow::Result;
use guildhall_model::{EventData, SqlError, UserId};

/// Events of one instance.
const EVENTS: u64 = 10_000;
/// People who write them.
const PEOPLE: u64 = 500;

/// What came of a stream of events.
#[derive(Debug, Default, PartialEq)]
struct Told {
    /// Of each event, by its name.
    answers: Vec<(String, String)>,
    rows: Vec<String>,
}

impl Suite<'_> {
    pub(super) fn repeats(&mut self) -> Result<()> {
        self.check("asks for nothing beyond what it describes", |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            for (name, event) in suite.all_shapes() {
                let called = rig.call(event)?;
                for action in called.submitted.iter().map(|submitted| &submitted.action) {
                    let needed = action.capability();
                    if !suite.description().capabilities.contains(&needed) {
                        findings.add(
                            &name,
                            &format!("the capability {needed:?} in `describe`"),
                            &format!("{action:?}"),
                        );
                    }
                }
                for statement in called.statements {
                    if let Some(SqlError::Denied(reason)) = statement.failed {
                        findings.add(
                            &name,
                            "statements on its own tables",
                            &format!("{}: {reason}", statement.sql),
                        );
                    }
                }
            }
            Ok(())
        })?;
        self.check(
            "the same events come to the same rows and actions",
            |suite, findings| {
                let (first, again) = (suite.told(false)?, suite.told(false)?);
                compare(findings, "the same as the first time", &first, &again);
                Ok(())
            },
        )?;
        self.check(
            "keeps nothing in memory that changes what it does",
            |suite, findings| {
                let (one_instance, fresh_ones) = (suite.told(false)?, suite.told(true)?);
                compare(
                    findings,
                    "the same with a fresh instance for each event",
                    &one_instance,
                    &fresh_ones,
                );
                Ok(())
            },
        )?;
        self.check("one instance has memory for 10 000 events", |suite, findings| {
            let mut rig = Rig::new(&suite.plugin, &Setup::default())?;
            let events = suite.events(Shape::Full);
            for (number, (name, event)) in (0..EVENTS).zip(events.iter().cycle()) {
                let mut event = event.clone();
                renumber(&mut event, number);
                let called = rig.call(event)?;
                findings.expect_sound(&format!("{name}, the {number}th event"), &called);
                if !findings.0.is_empty() {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// A stream of all events, with what is told of it.
    fn told(&self, fresh_instances: bool) -> Result<Told> {
        let mut rig = Rig::new(&self.plugin, &Setup::default())?;
        let mut told = Told::default();
        for (name, event) in self.all_shapes().into_iter().chain(self.all_shapes()) {
            if fresh_instances {
                rig.fresh_instance();
            }
            let called = rig.call(event)?;
            let answer = format!("{:?} {:?}", called.result, called.actions);
            told.answers.push((name, answer));
        }
        told.rows = rig.rows()?;
        Ok(told)
    }
}

fn compare(findings: &mut Findings, expected: &str, first: &Told, again: &Told) {
    let answers = first.answers.iter().zip(&again.answers);
    for ((name, first), (_, again)) in answers.filter(|(first, again)| first != again) {
        let (first, again) = apart(first, again);
        findings.add(name, &format!("{expected}: {}", super::shown(first)), again);
    }
    if first.rows != again.rows {
        let rows = first.rows.iter().zip(&again.rows).find(|(first, again)| first != again);
        let (first, again) = match rows {
            Some((first, again)) => (first.clone(), again.clone()),
            None => (
                format!("{} rows", first.rows.len()),
                format!("{} rows", again.rows.len()),
            ),
        };
        findings.add("all of them", &format!("{expected}: {first}"), &again);
    }
}

/// Two texts from shortly before they differ.
fn apart<'text>(left: &'text str, right: &'text str) -> (&'text str, &'text str) {
    let same = left
        .bytes()
        .zip(right.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    let from = same.saturating_sub(80);
    let from = |text: &'text str| &text[text.floor_char_boundary(from)..];
    (from(left), from(right))
}

/// Makes an event another one of its kind: other ids, another author.
pub(super) fn renumber(event: &mut EventData, number: u64) {
    let person = |id: UserId| UserId(id.0 - number % PEOPLE);
    match event {
        EventData::MessageCreate(message) => {
            message.id.0 -= number;
            message.author.id = person(message.author.id);
            if let Some(member) = &mut message.member {
                member.user.id = message.author.id;
            }
        }
        EventData::MessageUpdate(update) => update.id.0 -= number,
        EventData::MessageDelete(deleted) => deleted.id.0 -= number,
        EventData::MemberAdd(member) | EventData::MemberUpdate(member) => member.user.id = person(member.user.id),
        EventData::MemberRemove(user) | EventData::BanAdd(user) | EventData::BanRemove(user) => {
            user.id = person(user.id)
        }
        EventData::ReactionAdd(reaction) | EventData::ReactionRemove(reaction) => reaction.message.0 -= number,
        EventData::AuditLogEntry(entry) => entry.id += number,
        EventData::InteractionCreate(interaction) => interaction.id.0 += number,
        _ => {}
    }
}
