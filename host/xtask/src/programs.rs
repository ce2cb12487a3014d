//! Building and running the demonstration and the benchmarks.

use crate::cargo::{cargo, target_directory, workspace};
use crate::{checks, plugins, tools};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Plays the sample recordings to a release build.
pub(crate) fn demo(serve: bool) -> Result<()> {
    let plugins = plugins::build()?;
    build("guildhall-demo")?;
    let mut demo = Command::new(program("guildhall-demo"));
    demo.arg("--binary")
        .arg(program("guildhall"))
        .arg("--plugins")
        .arg(plugins);
    demo.arg("--recordings").arg(workspace().join("samples/recordings"));
    if serve {
        demo.arg("--serve");
    }
    run(demo)
}

/// Starts a temporary fleet of a release build.
pub(crate) fn fleet(s3: bool) -> Result<()> {
    let plugins = plugins::build()?;
    checks::postgres()?;
    if s3 {
        tools::litestream()?;
    }
    build("guildhall-demo")?;
    let mut fleet = Command::new(program("guildhall-temporary-fleet"));
    fleet
        .arg("--binary")
        .arg(program("guildhall"))
        .arg("--plugins")
        .arg(plugins);
    if s3 {
        fleet.arg("--s3");
    }
    run(fleet)
}

/// Runs a group of benchmarks, or all, on a release build.
pub(crate) fn bench(group: Option<String>, json: bool) -> Result<()> {
    let plugins = plugins::build()?;
    checks::postgres()?;
    tools::litestream()?;
    build("guildhall-bench")?;
    let mut bench = Command::new(program("guildhall-bench"));
    bench
        .arg("--binary")
        .arg(program("guildhall"))
        .arg("--plugins")
        .arg(plugins)
        .arg("--samples")
        .arg(target_directory().join("samples"))
        .args(group);
    if json {
        bench.arg("--json");
    }
    run(bench)
}

fn build(package: &str) -> Result<()> {
    cargo(
        &[
            "build",
            "--locked",
            "--release",
            "--package",
            "guildhall",
            "--package",
            package,
        ],
        &[],
    )
}

fn program(name: &str) -> PathBuf {
    target_directory()
        .join("release")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

fn run(mut command: Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{command:?} cannot be started"))?;
    if !status.success() {
        bail!("it did not end well ({status})");
    }
    Ok(())
}
