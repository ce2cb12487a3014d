//! Every plugin's scenarios, against what was accepted of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_harness::target_directory;
use guildhall_scenario::{Plugins, Story, run};
use std::path::{Path, PathBuf};

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn scenarios_end_as_accepted() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let (bless, only) = (std::env::var_os("BLESS").is_some(), std::env::var("SCENARIO").ok());
    let components = target_directory().join("plugins");
    let loaded = Plugins::open(&components, &components.join("compiled")).unwrap();
    let (mut run_through, mut wrong) = (0, Vec::new());
    for plugin in entries(&plugins) {
        let id = plugin.file_name().unwrap().to_string_lossy().into_owned();
        for file in entries(&plugin.join("scenarios")) {
            let name = format!("{id}/{}", file.file_stem().unwrap().to_string_lossy());
            if file.extension().is_none_or(|extension| extension != "toml")
                || only.as_ref().is_some_and(|only| !name.starts_with(only.as_str()))
            {
                continue;
            }
            run_through += 1;
            let text = std::fs::read_to_string(&file).unwrap();
            let told = match Story::parse(&text).and_then(|story| run(&story, &loaded, &id)) {
                Ok(told) => told,
                Err(error) => {
                    wrong.push(format!("{name}: {error:#}"));
                    continue;
                }
            };
            let expected = file.with_extension("expected");
            if bless {
                std::fs::write(&expected, &told).unwrap();
            } else if std::fs::read_to_string(&expected).unwrap_or_default() != told {
                let accepted = expected.display();
                wrong.push(format!("{name} ends otherwise than {accepted} says:\n{told}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {run_through}:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    assert!(run_through > 0 || only.is_some(), "there are no scenarios");
}
