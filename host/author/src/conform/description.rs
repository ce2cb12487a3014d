//! What a plugin says of itself: the same every time, whole, and possible.

use super::{Findings, Suite, settings};
use crate::rig::{Rig, RigHost, Setup};
use anyhow::Result;
use guildhall_model::{Capability, EventKind, PluginDescription};
use std::collections::BTreeSet;

impl Suite<'_> {
    /// Answers whether its tables can be made.
    pub(super) fn describes(&mut self) -> Result<bool> {
        self.check("`describe` answers the same every time", |suite, findings| {
            for _ in 0..2 {
                let again = suite.workbench.load::<RigHost>(suite.component)?;
                if again.description() != suite.description() {
                    let (first, again) = (
                        format!("{:?}", suite.description()),
                        format!("{:?}", again.description()),
                    );
                    findings.add("describe", &first, &again);
                }
            }
            Ok(())
        })?;
        self.check("what it asks for fits together", |suite, findings| {
            fits(suite.description(), findings);
            Ok(())
        })?;
        self.check("its migrations apply to a new guild, and once", |suite, findings| {
            match Rig::new(&suite.plugin, &Setup::default()) {
                Err(error) => findings.add("a new guild", "all migrations apply", &format!("{error:#}")),
                Ok(mut rig) => {
                    let before = rig.rows()?;
                    if let Err(error) = rig.prepare_again() {
                        findings.add(
                            "a guild that has them",
                            "they are not applied again",
                            &format!("{error:#}"),
                        );
                    } else if rig.rows()? != before {
                        findings.add("a guild that has them", "the same rows", "others");
                    }
                }
            }
            Ok(())
        })
    }
}

fn fits(description: &PluginDescription, findings: &mut Findings) {
    let takes = |kind| description.events.contains(&kind);
    let may = |capability| description.capabilities.contains(&capability);
    let mut need = |holds: bool, expected: &str, got: &str| {
        if !holds {
            findings.add("describe", expected, got);
        }
    };
    let has_timers = !description.timers.is_empty() || may(Capability::Timers);
    need(
        !has_timers || takes(EventKind::Timer),
        "the event timer, for its timers",
        "timers alone",
    );
    let has_topics = !description.topics.is_empty();
    need(
        !has_topics || takes(EventKind::Signal),
        "the event signal, for its topics",
        "topics alone",
    );
    need(
        has_topics || !takes(EventKind::Signal),
        "topics, for the event signal",
        "the event alone",
    );
    let has_commands = !description.commands.is_empty();
    need(
        !has_commands || (takes(EventKind::InteractionCreate) && may(Capability::RespondToInteractions)),
        "the event interaction-create and the capability respond-to-interactions, for its commands",
        "commands that nobody answers",
    );
    need(
        description.emits.is_empty() || may(Capability::Signals),
        "the capability signals, for the topics that it emits",
        "topics alone",
    );
    let asks = !description.http_hosts.is_empty();
    need(
        asks == may(Capability::HttpRequests),
        "both the capability http-requests and http-hosts, or none of them",
        "one of them",
    );
    let requests = may(Capability::ReadDiscord) || may(Capability::HttpRequests);
    need(
        !requests || takes(EventKind::ActionResult),
        "the event action-result, for what it requests",
        "requests alone",
    );
    let mut names = BTreeSet::new();
    for command in &description.commands {
        let command: serde_json::Value = serde_json::from_str(command).unwrap_or_default();
        let name = command["name"].as_str().unwrap_or_default();
        // Discord, Application Command Naming.
        need(
            (1..=32).contains(&name.chars().count()),
            "a command's name of 1 to 32 characters",
            name,
        );
        need(
            names.insert((command["type"].as_u64().unwrap_or(1), name.to_owned())),
            "each command once",
            name,
        );
    }
    let schema: serde_json::Value = serde_json::from_str(&description.settings_schema).unwrap_or_default();
    match settings::variants(&schema) {
        Ok(variants) => need(!variants.is_empty(), "settings that fit its schema", "none were found"),
        Err(reason) => need(false, "a settings schema that is a JSON Schema", &reason),
    }
}
