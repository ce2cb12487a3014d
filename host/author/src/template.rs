//! `plugin new`: a project that builds, from the templates within the binary, with the contract's WIT in it, in Rust the SDK, and in
//! Go and C the adapter. Nothing is overwritten, and what cannot be made whole is not made.

use anyhow::{Context, Result, bail};
use guildhall_model::check_plugin_id;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

/// Where Go's and C's builds look for what stands between their libraries' WASI and a component's.
const ADAPTER: &str = "adapter/wasi_snapshot_preview1.reactor.wasm";

#[derive(RustEmbed)]
#[folder = "../../samples/templates"]
#[exclude = "*/node_modules/*"]
#[exclude = "*/target/*"]
#[exclude = "*/build/*"]
#[exclude = "*/__pycache__/*"]
#[exclude = "*/.venv/*"]
#[exclude = "*.wasm"]
#[allow_missing = true]
struct Templates;

#[derive(RustEmbed)]
#[folder = "../../wit"]
struct Contract;

/// What Rust plugins are written with: no registry has it.
#[derive(RustEmbed)]
#[folder = "../../plugins/sdk"]
#[exclude = "target/*"]
struct Sdk;

/// The languages that there are templates for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    Js,
    /// TypeScript.
    Ts,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 6] = [Self::Rust, Self::Js, Self::Ts, Self::Python, Self::Go, Self::C];

    /// What it is called on the command line; its template's directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Ts => "ts",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }
}

/// Makes the project `name` in the directory `parent`; answers where it is.
pub fn new_project(name: &str, language: Language, parent: &Path) -> Result<PathBuf> {
    if let Err(reason) = check_plugin_id(name) {
        bail!("a plugin's name is its id: {reason}");
    }
    let place = parent.join(name);
    if place.symlink_metadata().is_ok() {
        bail!(
            "{} is there already, and nothing is overwritten: choose another name",
            place.display()
        );
    }
    let prefix = format!("{}/", language.name());
    let files: Vec<_> = Templates::iter().filter(|file| file.starts_with(&prefix)).collect();
    if files.is_empty() {
        bail!("this guildhall was built without the template for {}", language.name());
    }
    let unfinished = tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .tempdir_in(parent)
        .with_context(|| format!("{}: a directory cannot be made there", parent.display()))?;
    for file in files {
        let content = Templates::get(&file).map(|file| file.data).unwrap_or_default();
        let path = unfinished.path().join(filled(&file[prefix.len()..], name));
        write(&path, &filled_bytes(&content, name))?;
    }
    // Older versions of it lie in directories of their own.
    for file in Contract::iter().filter(|file| !file.contains('/')) {
        let content = Contract::get(&file).map(|file| file.data).unwrap_or_default();
        write(&unfinished.path().join("wit").join(&*file), &content)?;
    }
    if language == Language::Rust {
        for file in Sdk::iter() {
            let content = Sdk::get(&file).map(|file| file.data).unwrap_or_default();
            write(&unfinished.path().join("vendor/sdk").join(&*file), &content)?;
        }
    }
    if matches!(language, Language::Go | Language::C) {
        write(&unfinished.path().join(ADAPTER), WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    }
    let unfinished = unfinished.keep();
    let moved = readable(&unfinished).and_then(|()| fs::rename(&unfinished, &place));
    if let Err(error) = moved {
        // What is left is hidden, and in nobody's way where it cannot be removed either.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error).with_context(|| format!("{} cannot be made", place.display()));
    }
    Ok(place)
}

/// A temporary directory is its owner's alone; a project need not be.
fn readable(directory: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, content));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// The plugin's name in the place of what stands for it: `__id__`, and `__snake__` with underscores.
fn filled(text: &str, name: &str) -> String {
    text.replace("__id__", name)
        .replace("__snake__", &name.replace('-', "_"))
}

fn filled_bytes<'content>(content: &'content [u8], name: &str) -> Cow<'content, [u8]> {
    match std::str::from_utf8(content) {
        Ok(text) => filled(text, name).into_bytes().into(),
        Err(_) => content.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn every_template_is_a_project_with_the_contract_and_a_scenario() {
        let parent = tempfile::tempdir().expect("a directory");
        for language in Language::ALL {
            let name = format!("try-{}", language.name());
            let place = new_project(&name, language, parent.path()).expect("it is made");
            let project = Project::open(&place).expect("it is a project");
            assert_eq!(project.manifest.language, language.name());
            assert!(!project.manifest.needs.is_empty(), "{name} says what it needs");
            assert!(place.join("wit/world.wit").is_file(), "{name}");
            let makefile = fs::read_to_string(place.join("Makefile")).unwrap_or_default();
            assert_eq!(makefile.contains(ADAPTER), place.join(ADAPTER).is_file(), "{name}");
            let scenarios = guildhall_scenario::scenarios(&project.scenarios()).expect("they can be read");
            assert!(!scenarios.is_empty(), "{name} has a scenario");
            for scenario in scenarios {
                scenario.story().expect("it is one");
            }
            assert!(
                !mentions(&place, "__id__") && !mentions(&place, "__snake__"),
                "{name} is filled in everywhere"
            );
        }
    }

    fn mentions(directory: &Path, text: &str) -> bool {
        fs::read_dir(directory).expect("it is there").any(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let inside = if path.is_dir() {
                mentions(&path, text)
            } else {
                fs::read_to_string(&path).is_ok_and(|content| content.contains(text))
            };
            inside || name.contains(text)
        })
    }

    #[test]
    fn nothing_is_overwritten_and_a_bad_name_is_refused() {
        let parent = tempfile::tempdir().expect("a directory");
        fs::create_dir(parent.path().join("mine")).expect("a directory");
        let taken = new_project("mine", Language::Rust, parent.path()).expect_err("it is there");
        assert!(taken.to_string().contains("mine"), "{taken}");
        for bad in ["Mine", "", "-mine", "guild", "a/../b"] {
            let refused = new_project(bad, Language::Rust, parent.path()).expect_err("no id");
            assert!(refused.to_string().contains("id"), "{refused}");
        }
        assert_eq!(
            fs::read_dir(parent.path()).expect("it is there").count(),
            1,
            "nothing was made"
        );
    }
}
