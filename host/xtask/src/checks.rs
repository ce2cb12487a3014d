//! The checks that people and CI run alike.

use crate::{cargo::cargo, cluster, plugins, samples, tools};
use anyhow::{Result, bail};
use std::path::Path;

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

/// All tests, on plugins and samples built from this tree, and the checks of `cluster/`.
pub(crate) fn test() -> Result<()> {
    plugins::build()?;
    plugins::build_earlier()?;
    samples::build()?;
    postgres()?;
    chromium()?;
    registry()?;
    tools::litestream()?;
    cargo(&["test", "--workspace", "--locked"], &[])?;
    cluster::check()
}

/// The random tests of a fleet, over so many seeds.
pub(crate) fn test_group(group: &str, seeds: u32) -> Result<()> {
    let test = match group {
        "fleet" => "seeds::",
        "durability" => "lost_disks::",
        _ => bail!("there is no group {group:?}; choose fleet or durability, or leave it out for all tests"),
    };
    plugins::build()?;
    postgres()?;
    tools::litestream()?;
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
            test,
        ],
        &[("FLEET_SEEDS", &seeds.to_string())],
    )
}

/// The fleet's tests start PostgreSQL themselves, but need its programs.
pub(crate) fn postgres() -> Result<()> {
    let installed = Path::new("/usr/lib/postgresql").is_dir() || tools::runs("initdb");
    if installed {
        Ok(())
    } else {
        tools::install_debian("postgresql")
    }
}

/// Plugins are pushed to and installed from a real OCI registry.
fn registry() -> Result<()> {
    if tools::runs("docker-registry") {
        Ok(())
    } else {
        tools::install_debian("docker-registry")
    }
}

/// The portal is tested in a real browser.
fn chromium() -> Result<()> {
    if Path::new("/usr/bin/chromium").exists() {
        return Ok(());
    }
    tools::install_debian("chromium")
}
