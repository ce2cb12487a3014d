//! The sample plugins of all languages: the same scenarios, and the same outcome. `cargo xtask samples` builds them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_harness::target_directory;
use guildhall_scenario::{Plugins, Story, run};
use std::path::{Path, PathBuf};

const ID: &str = "keyword-strikes";
const LANGUAGES: [&str; 5] = ["rust", "js", "python", "c", "go"];
/// Those that CI builds.
const REQUIRED: [&str; 4] = ["rust", "js", "python", "c"];

#[test]
fn all_languages_do_the_same() {
    let samples = target_directory().join("samples");
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/plugins/scenarios");
    let (bless, mut wrong) = (std::env::var_os("BLESS").is_some(), Vec::new());
    for language in LANGUAGES {
        let component = samples.join(language).with_extension("wasm");
        if !component.exists() {
            let required = std::env::var_os("CI").is_some() && REQUIRED.contains(&language);
            assert!(!required, "{language} is not there: run `cargo xtask samples`");
            println!("{language} was not built on this machine");
            continue;
        }
        // The runner finds a plugin by its name.
        let named = tempfile::tempdir().unwrap();
        std::fs::copy(&component, named.path().join("keyword_strikes.wasm")).unwrap();
        let plugins = Plugins::open(named.path(), &samples.join("compiled")).unwrap();
        for file in files(&stories, "toml") {
            let told = Story::parse(&std::fs::read_to_string(&file).unwrap())
                .and_then(|story| run(&story, &plugins, ID))
                .unwrap_or_else(|error| format!("{error:#}"));
            let expected = file.with_extension("expected");
            // What is accepted is Rust's.
            if bless && language == "rust" {
                std::fs::write(&expected, &told).unwrap();
            } else if std::fs::read_to_string(&expected).unwrap_or_default() != told {
                wrong.push(format!(
                    "{language} ends {} otherwise than accepted:\n{told}",
                    stem(&file)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}
