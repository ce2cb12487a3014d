//! The sample plugin that there is in every language: whichever it was written in, its stories end the same.

use super::Suite;
use anyhow::Result;
use guildhall_scenario::{Story, difference, run};
use rust_embed::RustEmbed;
use std::collections::BTreeSet;

/// The sample's id.
const SAMPLE: &str = "keyword-strikes";

#[derive(RustEmbed)]
#[folder = "../../samples/plugins/scenarios"]
#[allow_missing = true]
struct Scenarios;

impl Suite<'_> {
    pub(super) fn is_the_sample(&mut self) -> Result<()> {
        if self.description().id != SAMPLE {
            return Ok(());
        }
        let plugins = self.workbench.plugins().with_file(SAMPLE, self.component);
        let names: BTreeSet<_> = Scenarios::iter().collect();
        for file in names {
            let Some(name) = file.strip_suffix(".toml") else {
                continue;
            };
            let text = |file: &str| {
                let found = Scenarios::get(file).map(|found| found.data);
                found
                    .map(|data| String::from_utf8_lossy(&data).into_owned())
                    .unwrap_or_default()
            };
            let (story, accepted) = (text(&file), text(&format!("{name}.expected")));
            self.check(
                &format!("the sample's scenario {name} ends as in every language"),
                |_, findings| {
                    let told = Story::parse(&story).and_then(|story| run(&story, &plugins, SAMPLE));
                    match told {
                        Ok(told) if told == accepted => {}
                        Ok(told) => findings.0.push(difference(&accepted, &told)),
                        Err(error) => findings.add(name, "it runs", &format!("{error:#}")),
                    }
                    Ok(())
                },
            )?;
        }
        Ok(())
    }
}
