//! Building the sample plugins into components: each by the steps in its `plugin.toml`, with its language's own tools.
//! What is missing of those is installed, as far as Debian and the languages' registries have it.

use crate::cargo::{target_directory, workspace};
use crate::{plugins, tools};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the builds leave in their directories.
const BUILT: [&str; 6] = [".venv", "__pycache__", "bindings", "build", "node_modules", "target"];

/// How a sample is built.
#[derive(Deserialize)]
struct Project {
    language: String,
    build: Vec<Vec<String>>,
    artifact: PathBuf,
    needs: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    program: String,
    install: String,
}

/// Builds every directory of `samples/plugins` that has a `plugin.toml`; answers the directory that holds the components, each
/// named after its language. A language that this machine cannot build is named.
pub(crate) fn build() -> Result<PathBuf> {
    let components = target_directory().join("samples");
    std::fs::create_dir_all(&components)?;
    let (mut built, mut missing) = (Vec::new(), Vec::new());
    for directory in directories(&workspace().join("samples/plugins"))? {
        let Ok(text) = std::fs::read_to_string(directory.join("plugin.toml")) else {
            continue;
        };
        let project: Project = toml::from_str(&text).with_context(|| format!("{}/plugin.toml", directory.display()))?;
        let kept = components.join(&project.language).with_extension("wasm");
        match build_one(&directory, &project, &kept)? {
            None => built.push(project.language),
            Some(reason) => {
                // What an earlier run has left is of other sources.
                let _ = std::fs::remove_file(&kept);
                missing.push(format!("{}: {reason}", project.language));
            }
        }
    }
    println!("samples: built {}", built.join(" "));
    for reason in &missing {
        println!("samples: not built on this machine: {reason}");
    }
    Ok(components)
}

/// Builds it unless it was built from the same sources; answers what is missing for that.
fn build_one(directory: &Path, project: &Project, kept: &Path) -> Result<Option<String>> {
    install(&project.language)?;
    for Need { program, install } in &project.needs {
        if !tools::is_there(program) {
            return Ok(Some(format!("`{program}` is missing; {install}")));
        }
    }
    let (mark, sources) = (kept.with_extension("sources"), digest(directory)?);
    if kept.exists() && std::fs::read_to_string(&mark).is_ok_and(|known| known == sources) {
        return Ok(None);
    }
    for step in &project.build {
        let Some((program, arguments)) = step.split_first() else {
            bail!("a step of the build is empty")
        };
        eprintln!("> {}: {}", project.language, step.join(" "));
        let status = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .env("PATH", tools::search_path()?)
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .with_context(|| format!("`{program}` cannot be started"))?;
        ensure!(
            status.success(),
            "`{}` failed in {} ({status})",
            step.join(" "),
            directory.display()
        );
    }
    let artifact = directory.join(&project.artifact);
    std::fs::copy(&artifact, kept).with_context(|| format!("{} was not built", artifact.display()))?;
    std::fs::write(mark, sources)?;
    Ok(None)
}

/// What a language's build needs beside its compiler.
fn install(language: &str) -> Result<()> {
    match language {
        "rust" => plugins::add_target(),
        "go" => {
            tools::wit_bindgen()?;
            tools::wasm_tools()?;
            tools::wasi_adapter()
        }
        "c" => {
            tools::wit_bindgen()?;
            tools::wasm_tools()?;
            tools::wasi_adapter()?;
            tools::clang()
        }
        _ => Ok(()),
    }
}

/// Of all that a sample is built from.
fn digest(directory: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    tools::VERSIONS.hash(&mut hasher);
    for part in [directory, &workspace().join("wit"), &workspace().join("plugins/sdk")] {
        hash_files(part, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash_files(directory: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        if path.is_dir() {
            if !BUILT.iter().any(|built| name == *built) {
                hash_files(&path, hasher)?;
            }
        } else {
            name.hash(hasher);
            std::fs::read(path)?.hash(hasher);
        }
    }
    Ok(())
}

fn directories(within: &Path) -> Result<Vec<PathBuf>> {
    let entries: Vec<_> = std::fs::read_dir(within)?.collect::<Result<_, _>>()?;
    let mut found: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    Ok(found)
}
