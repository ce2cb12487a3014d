//! `plugin check`: what a component says of itself and what a start of it costs, and whether its SQL stays within its rights:
//! its migrations, and the statements that it runs when every event comes once and its scenarios are played.

use crate::conform::payloads_of;
use crate::project::Subject;
use crate::rig::{Rig, RigHost, Setup};
use crate::words;
use crate::workbench::Workbench;
use anyhow::{Context, Result};
use guildhall_engine::{CallLimits, Plugin};
use guildhall_model::SqlError;
use guildhall_scenario::{run_observed, scenarios};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What was seen of a component.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What to tell of it, a line each.
    pub lines: Vec<String>,
    /// What is wrong, a line each.
    pub problems: Vec<String>,
}

/// Looks at a component.
pub fn check(workbench: &Workbench, subject: &Subject) -> Result<Checked> {
    let file = subject.component()?;
    let plugin = Arc::new(workbench.load::<RigHost>(&file)?);
    let mut checked = Checked {
        lines: summary(&plugin, &file)?,
        problems: Vec::new(),
    };
    checked.sql(workbench, &plugin, subject, &file)?;
    Ok(checked)
}

/// What a component is, in one line.
pub fn headline(workbench: &Workbench, file: &Path) -> Result<String> {
    let plugin = workbench.load::<RigHost>(file)?;
    headline_of(&plugin, file)
}

fn headline_of(plugin: &Plugin<RigHost>, file: &Path) -> Result<String> {
    let description = plugin.description();
    let bytes = std::fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .len();
    let contract = plugin.contract().unwrap_or("?");
    let (id, version) = (&description.id, &description.version);
    Ok(format!(
        "{id} {version}, for guildhall:plugin@{contract}, {} KiB",
        bytes.div_ceil(1024)
    ))
}

fn summary(plugin: &Plugin<RigHost>, file: &Path) -> Result<Vec<String>> {
    let mut lines = vec![headline_of(plugin, file)?];
    lines.extend(
        words::wishes(plugin.description())
            .into_iter()
            .map(|wish| format!("  {wish}")),
    );
    let memory = plugin
        .initial_memory(&CallLimits::default())
        .map_err(anyhow::Error::from)?;
    let (start, memory) = (plugin.start().as_micros(), memory.div_ceil(1024));
    lines.push(format!("  starts in {start} µs, with {memory} KiB of memory"));
    let trapping: Vec<_> = plugin.imports().into_iter().filter(|import| import.traps).collect();
    for import in trapping {
        lines.push(format!("  imports {}, which traps when it is called", import.name));
    }
    Ok(lines)
}

impl Checked {
    fn sql(
        &mut self,
        workbench: &Workbench,
        plugin: &Arc<Plugin<RigHost>>,
        subject: &Subject,
        file: &Path,
    ) -> Result<()> {
        let description = plugin.description();
        let mut rig = match Rig::new(plugin, &Setup::default()) {
            Ok(rig) => rig,
            Err(error) => {
                self.problems
                    .push(format!("a migration does not apply to a new guild: {error:#}"));
                return Ok(());
            }
        };
        let (mut seen, mut denied) = (BTreeSet::new(), BTreeSet::new());
        let mut see = |sql: String, failure: Option<SqlError>| {
            if let Some(SqlError::Denied(reason)) = failure {
                denied.insert(format!("{sql}\n    {reason}"));
            }
            seen.insert(sql);
        };
        for event in payloads_of(description) {
            for statement in rig.call(event)?.statements {
                see(statement.sql, statement.failed);
            }
        }
        let mut played = 0;
        let plugins = workbench.plugins().with_file(&description.id, file);
        for scenario in scenarios(&subject.scenarios())? {
            let story = scenario.story()?;
            // Those of several plugins need their components: `plugin test` plays them.
            if story.plugins.iter().any(|id| *id != description.id) {
                continue;
            }
            let (_, observed) = run_observed(&story, &plugins, &description.id)
                .with_context(|| format!("scenario {}", scenario.name()))?;
            played += 1;
            for statement in observed.statements {
                see(statement.sql, statement.failure);
            }
        }
        let migrations = description.migrations.len();
        self.lines.push(format!(
            "  SQL: {migrations} migrations, {} statements seen in one event of each kind and {played} scenarios",
            seen.len()
        ));
        self.problems.extend(
            denied
                .into_iter()
                .map(|denied| format!("a statement is refused: {denied}")),
        );
        Ok(())
    }
}
