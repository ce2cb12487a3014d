//! The checks that people and CI run alike.

use crate::{cargo::cargo, cluster, plugins};
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;

/// Formatting, lints, documentation, tests.
pub(crate) fn all() -> Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )?;
    cargo(
        &["doc", "--workspace", "--no-deps", "--locked"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    test()
}

/// All tests, on plugins built from this tree, and the checks of `cluster/`.
pub(crate) fn test() -> Result<()> {
    plugins::build()?;
    postgres()?;
    chromium()?;
    cargo(&["test", "--workspace", "--locked"], &[])?;
    cluster::check()
}

/// The random tests of a fleet, over so many seeds.
pub(crate) fn test_group(group: &str, seeds: u32) -> Result<()> {
    ensure!(
        group == "fleet",
        "there is no group {group:?}; choose fleet, or leave it out for all tests"
    );
    plugins::build()?;
    postgres()?;
    cargo(
        &[
            "test",
            "--locked",
            "--package",
            "guildhall",
            "--test",
            "fleet",
            "--",
            "--nocapture",
            "seeds",
        ],
        &[("FLEET_SEEDS", &seeds.to_string())],
    )
}

/// The fleet's tests start PostgreSQL themselves, but need its programs.
pub(crate) fn postgres() -> Result<()> {
    let installed = Path::new("/usr/lib/postgresql").is_dir() || runs("initdb");
    if installed { Ok(()) } else { install("postgresql") }
}

/// The portal is tested in a real browser.
fn chromium() -> Result<()> {
    if Path::new("/usr/bin/chromium").exists() {
        return Ok(());
    }
    install("chromium")
}

/// Whether there is this program.
pub(crate) fn runs(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Installs a package of Debian.
pub(crate) fn install(package: &str) -> Result<()> {
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
