//! `plugin test`: a plugin's scenarios through its built component, compared with what was accepted of them.

use crate::project::Subject;
use crate::rig::RigHost;
use crate::workbench::Workbench;
use anyhow::{Context, Result, bail};
use guildhall_scenario::{Story, Verdict, scenarios};
use std::path::Path;

/// One scenario that was run.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// How it ended; where it could not be run, why.
    pub verdict: Result<Verdict, String>,
}

impl Tested {
    /// Whether it ended as it should.
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Ok(Verdict::AsAccepted | Verdict::Blessed))
    }
}

/// How scenarios are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestOptions<'run> {
    /// Where they are; the project's own without it.
    pub scenarios: Option<&'run Path>,
    /// Where the components of other plugins are that scenarios name.
    pub plugins: Option<&'run Path>,
    /// Accept what comes out.
    pub bless: bool,
}

/// Runs the scenarios, and tells each as it ends. All of them are read before the first is run: a file that is no scenario is an
/// error, and then nothing was accepted.
pub fn test(
    workbench: &Workbench,
    subject: &Subject,
    options: TestOptions<'_>,
    tell: &mut dyn FnMut(&Tested),
) -> Result<Vec<Tested>> {
    let component = subject.component()?;
    let id = workbench.load::<RigHost>(&component)?.description().id.clone();
    let directory = options.scenarios.map_or_else(|| subject.scenarios(), Path::to_owned);
    let found = scenarios(&directory)?;
    if found.is_empty() {
        bail!(
            "{} has no scenarios (*.toml); docs/scenarios.md says how one is written",
            directory.display()
        );
    }
    let stories: Vec<(_, Story)> = found
        .into_iter()
        .map(|scenario| scenario.story().map(|story| (scenario, story)))
        .collect::<Result<_>>()?;
    let mut plugins = workbench.plugins().with_file(&id, &component);
    if let Some(directory) = options.plugins {
        plugins = plugins.with_directory(directory);
    }
    for other in stories.iter().flat_map(|(_, story)| &story.plugins) {
        plugins
            .check(other)
            .context("--plugins DIR names the directory with the components of other plugins")?;
    }
    let mut all = Vec::new();
    for (scenario, story) in stories {
        let verdict = scenario.judge(&story, &plugins, &id, options.bless);
        let tested = Tested {
            name: scenario.name(),
            verdict: verdict.map_err(|error| format!("{error:#}")),
        };
        tell(&tested);
        all.push(tested);
    }
    Ok(all)
}
