//! The checks that people and CI run alike.

use crate::{cargo::cargo, plugins};
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

/// All tests, on plugins built from this tree.
pub(crate) fn test() -> Result<()> {
    plugins::build()?;
    postgres()?;
    cargo(&["test", "--workspace", "--locked"], &[])
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

/// The fleet's tests start PostgreSQL themselves, but need its programs: Debian's package where they are missing.
pub(crate) fn postgres() -> Result<()> {
    let installed = Path::new("/usr/lib/postgresql").is_dir()
        || Command::new("initdb")
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
    if installed {
        return Ok(());
    }
    println!("PostgreSQL is not installed; installing Debian's package");
    for arguments in [
        &["update"][..],
        &["install", "--yes", "--no-install-recommends", "postgresql"],
    ] {
        let done = Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .status();
        ensure!(
            done.is_ok_and(|status| status.success()),
            "PostgreSQL cannot be installed; install it by hand (Debian's package `postgresql`), then run the tests again"
        );
    }
    Ok(())
}
