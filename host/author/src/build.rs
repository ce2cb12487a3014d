//! `plugin build`: looks for the programs that a project needs, runs its steps, and finds the component that they left.

use crate::project::{Need, Project};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The component.
    pub component: PathBuf,
    /// How long it took.
    pub took: Duration,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something is not installed.
    #[error("`{program}` is needed to build {language}, and is not there: {install}")]
    Missing {
        /// What.
        program: String,
        /// The project's language.
        language: String,
        /// What installs it.
        install: String,
    },
    /// A step cannot be run.
    #[error("`{step}` cannot be started: {source}")]
    Start {
        /// The command.
        step: String,
        /// Why.
        source: std::io::Error,
    },
    /// A step has failed; it has said why.
    #[error("`{step}` failed ({status})")]
    Step {
        /// The command.
        step: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// Nothing came of it.
    #[error("the build left no {}: `artifact` in plugin.toml names the component that it makes", .0.display())]
    NoArtifact(PathBuf),
}

/// Builds the project. What its steps say goes to this process's own output.
pub fn build(project: &Project) -> Result<Built, BuildError> {
    let started = Instant::now();
    check_needs(project)?;
    for step in &project.manifest.build {
        let shown = step.join(" ");
        eprintln!("> {shown}");
        let status = command(step, &project.directory)
            .status()
            .map_err(|source| BuildError::Start {
                step: shown.clone(),
                source,
            })?;
        if !status.success() {
            return Err(BuildError::Step { step: shown, status });
        }
    }
    let component = project.component();
    if !component.is_file() {
        return Err(BuildError::NoArtifact(component));
    }
    Ok(Built {
        component,
        took: started.elapsed(),
    })
}

fn check_needs(project: &Project) -> Result<(), BuildError> {
    let missing = project
        .manifest
        .needs
        .iter()
        .find(|need| !is_there(need, &project.directory));
    match missing {
        None => Ok(()),
        Some(need) => Err(BuildError::Missing {
            program: need.program.clone(),
            language: project.manifest.language.clone(),
            install: need.install.clone(),
        }),
    }
}

fn is_there(need: &Need, directory: &Path) -> bool {
    if !is_on_path(&need.program) {
        return false;
    }
    if need.check.is_empty() {
        return true;
    }
    let checked = command(&need.check, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    checked.is_ok_and(|status| status.success())
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// The manifest has no empty steps.
fn command(step: &[String], directory: &Path) -> Command {
    let program = Path::new(&step[0]);
    // One with a path is the project's own.
    let program = if program.components().count() > 1 {
        std::path::absolute(directory)
            .unwrap_or_else(|_| directory.to_owned())
            .join(program)
    } else {
        program.to_owned()
    };
    let mut command = Command::new(program);
    command.args(&step[1..]).current_dir(directory).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(manifest: &str) -> (tempfile::TempDir, Project) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("plugin.toml"), manifest).expect("a file");
        let project = Project::open(directory.path()).expect("a project");
        (directory, project)
    }

    #[test]
    fn a_missing_toolchain_is_named_with_what_installs_it() {
        let manifest = "language = 'c'\nbuild = [['true']]\nartifact = 'a.wasm'\nneeds = [{ program = 'no-such-compiler', install = 'apt-get install it' }]";
        let (_kept, missing) = project(manifest);
        let error = build(&missing).expect_err("it is not there").to_string();
        assert!(
            error.contains("no-such-compiler") && error.contains("apt-get install it"),
            "{error}"
        );
        let unusable = manifest.replace("program = 'no-such-compiler'", "program = 'sh', check = ['false']");
        let (_kept, unusable) = project(&unusable);
        assert!(matches!(build(&unusable), Err(BuildError::Missing { .. })));
    }

    #[test]
    fn steps_run_in_order_and_the_first_failure_ends_it() {
        let (_kept, sound) = project(
            "language = 'c'\nbuild = [['mkdir', 'build'], ['touch', 'build/a.wasm']]\nartifact = 'build/a.wasm'",
        );
        assert!(build(&sound).expect("it is built").component.is_file());
        let again = build(&sound).expect_err("the directory is there").to_string();
        assert!(again.contains("mkdir build"), "{again}");
        let (_kept, nothing) = project("language = 'c'\nbuild = [['true']]\nartifact = 'a.wasm'");
        assert!(matches!(build(&nothing), Err(BuildError::NoArtifact(_))));
    }
}
