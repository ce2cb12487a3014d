//! A plugin's project: the directory with its sources, and `plugin.toml`, which says how they become a component.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file that makes a directory a project.
const MANIFEST: &str = "plugin.toml";

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where it is.
    pub directory: PathBuf,
    pub(crate) manifest: Manifest,
}

/// `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) language: String,
    /// Commands that build it, one after the other, each as program and arguments.
    pub(crate) build: Vec<Vec<String>>,
    /// The component that they leave.
    pub(crate) artifact: PathBuf,
    /// What has to be installed.
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
}

/// A program that a build needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Need {
    /// Its name on the PATH.
    pub(crate) program: String,
    /// What installs it.
    pub(crate) install: String,
    /// A command that succeeds where it is installed rightly; without one it only has to be there.
    #[serde(default)]
    pub(crate) check: Vec<String>,
}

impl Project {
    /// Reads a project's directory.
    pub fn open(directory: &Path) -> Result<Self> {
        let file = directory.join(MANIFEST);
        let shown = directory.display();
        if !directory.is_dir() {
            bail!("{shown}: there is no such directory");
        }
        if !file.is_file() {
            bail!("{shown} is no plugin's project: it has no {MANIFEST}; `guildhall plugin new` makes one that has");
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let manifest: Manifest = toml::from_str(&text).with_context(|| file.display().to_string())?;
        if manifest.build.iter().any(Vec::is_empty) {
            bail!(
                "{}: a step of `build` is empty; write it as [\"program\", \"argument\"]",
                file.display()
            );
        }
        if let Some(need) = manifest.needs.iter().find(|need| need.install.is_empty()) {
            bail!(
                "{}: `{}` has no `install`: say what installs it",
                file.display(),
                need.program
            );
        }
        Ok(Self {
            directory: directory.to_owned(),
            manifest,
        })
    }

    /// Where its component is once it is built.
    pub fn component(&self) -> PathBuf {
        self.directory.join(&self.manifest.artifact)
    }

    /// Where its scenarios are.
    pub fn scenarios(&self) -> PathBuf {
        self.directory.join("scenarios")
    }
}

/// What a command is about: a project, or a component alone.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A directory with sources.
    Project(Project),
    /// A `.wasm` file.
    Component(PathBuf),
}

impl Subject {
    /// What this path names.
    pub fn at(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Project::open(path).map(Self::Project);
        }
        if !path.exists() {
            bail!("{}: there is no such file or directory", path.display());
        }
        Ok(Self::Component(path.to_owned()))
    }

    /// The component, which must be there.
    pub fn component(&self) -> Result<PathBuf> {
        match self {
            Self::Component(file) => Ok(file.clone()),
            Self::Project(project) => {
                let file = project.component();
                if !file.is_file() {
                    let directory = project.directory.display();
                    bail!(
                        "{} is not built yet: run `guildhall plugin build {directory}`",
                        file.display()
                    );
                }
                Ok(file)
            }
        }
    }

    /// The directory of its scenarios: the project's, or the one beside the component.
    pub fn scenarios(&self) -> PathBuf {
        match self {
            Self::Project(project) => project.scenarios(),
            Self::Component(file) => file.with_file_name("scenarios"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(manifest: &str) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(MANIFEST), manifest).expect("a file");
        format!("{:#}", Project::open(directory.path()).expect_err("it is wrong"))
    }

    #[test]
    fn a_wrong_manifest_is_named_with_what_is_wrong() {
        let unknown = complaint("language = 'c'\nbuild = []\nartefact = 'a.wasm'");
        assert!(unknown.contains(MANIFEST) && unknown.contains("artefact"), "{unknown}");
        let empty = complaint("language = 'c'\nbuild = [[]]\nartifact = 'a.wasm'");
        assert!(empty.contains("build"), "{empty}");
        let nothing = Project::open(Path::new("no/such")).expect_err("it is not there");
        assert!(nothing.to_string().contains("no/such"), "{nothing}");
    }

    #[test]
    fn a_path_is_a_project_or_a_component() {
        let directory = tempfile::tempdir().expect("a directory");
        let manifest = "language = 'c'\nbuild = [['true']]\nartifact = 'build/a.wasm'";
        std::fs::write(directory.path().join(MANIFEST), manifest).expect("a file");
        let project = Subject::at(directory.path()).expect("a project");
        let unbuilt = project.component().expect_err("it is not built").to_string();
        assert!(unbuilt.contains("plugin build"), "{unbuilt}");
        assert!(Subject::at(&directory.path().join("b.wasm")).is_err());
    }
}
