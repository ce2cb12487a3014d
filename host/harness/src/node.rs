//! A Node project of a test: its packages are installed once per lock file, away from the sources.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An installed project.
#[derive(Debug)]
pub struct NodeProject(PathBuf);

impl NodeProject {
    /// Installs the project of `source` in `directory`; none where there is no Node, which is an error in CI.
    pub fn install(source: &Path, directory: &Path) -> Result<Option<Self>> {
        let has_node = Command::new("node")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !has_node {
            ensure!(
                std::env::var_os("CI").is_none(),
                "there is no Node here, and CI must run this test"
            );
            eprintln!(
                "\n*** LEFT OUT: {}; install Node 18 or later to run it ***\n",
                source.display()
            );
            return Ok(None);
        }
        std::fs::create_dir_all(directory)?;
        for entry in std::fs::read_dir(source)? {
            let entry = entry?;
            if entry.path().is_file() {
                std::fs::copy(entry.path(), directory.join(entry.file_name()))?;
            }
        }
        let lock = std::fs::read(source.join("package-lock.json"))?;
        let marker = directory.join("installed.json");
        if !std::fs::read(&marker).is_ok_and(|installed| installed == lock) {
            let status = Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
                .current_dir(directory)
                .status()
                .context("npm comes with Node")?;
            ensure!(status.success(), "npm ci failed ({status})");
            std::fs::write(marker, lock)?;
        }
        Ok(Some(Self(directory.to_owned())))
    }

    /// A script of the project, to be run.
    pub fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(script).current_dir(&self.0);
        command
    }

    /// A file beside the scripts.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
