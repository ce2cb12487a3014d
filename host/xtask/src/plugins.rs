//! Building the plugins into components.

use crate::cargo::{cargo, target_directory, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
/// How every component is built.
const BUILD: [&str; 6] = ["build", "--locked", "--profile", "plugin", "--target", TARGET];

/// Plugins that were built for contract 0.1.0, in a workspace of their own, and the crates of those that run.
const EARLIER: (&str, [&str; 2]) = ("contract-0.1.0", ["honeypot", "spam-guard"]);

/// What `plugins/versions` is built as: an old version, and what may become of it.
const VARIANTS: [&str; 6] = [
    "v1",
    "v2-good",
    "v2-traps",
    "v2-slow",
    "v2-bad-migration",
    "v2-wants-more",
];

/// Builds every crate below `plugins/` that is a component; answers the directory that holds them.
pub(crate) fn build() -> Result<PathBuf> {
    add_target()?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(workspace().join("plugins"))? {
        let directory = entry?.path();
        let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap_or_default();
        if let (true, Some(name)) = (manifest.contains("cdylib"), directory.file_name()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.retain(|name| name != "versions");
    names.sort();
    let mut arguments = BUILD.to_vec();
    for name in &names {
        arguments.extend(["--package", name]);
    }
    if !names.is_empty() {
        cargo(&arguments, &[])?;
    }
    let plugins = target_directory().join("plugins");
    keep(names.iter().map(String::as_str), &target_directory(), &plugins)?;
    for variant in VARIANTS {
        let arguments = [&BUILD[..], &["--package", "versions"]].concat();
        cargo(&arguments, &[("VERSIONS_VARIANT", variant)])?;
        keep_as(
            &target_directory(),
            "versions.wasm",
            &plugins.join(format!("versions-{variant}.wasm")),
        )?;
    }
    Ok(plugins)
}

/// Builds what tests run of an earlier contract to a directory below that of the other plugins.
pub(crate) fn build_earlier() -> Result<()> {
    add_target()?;
    let (contract, names) = EARLIER;
    let manifest = workspace().join("samples").join(contract).join("Cargo.toml");
    let target = target_directory().join(contract);
    let (manifest, directory) = (manifest.to_string_lossy(), target.to_string_lossy());
    let place = ["--manifest-path", &manifest, "--target-dir", &directory];
    cargo(&[&BUILD[..], &place].concat(), &[])?;
    keep(
        names.into_iter(),
        &target,
        &target_directory().join("plugins").join(contract),
    )
}

/// Copies the components of these crates from where cargo built them.
fn keep<'name>(names: impl Iterator<Item = &'name str>, target: &Path, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    for name in names {
        let file = format!("{}.wasm", name.replace('-', "_"));
        keep_as(target, &file, &directory.join(&file))?;
    }
    Ok(())
}

/// Copies one of them.
fn keep_as(target: &Path, file: &str, to: &Path) -> Result<()> {
    let built = target.join(TARGET).join("plugin").join(file);
    std::fs::copy(&built, to).with_context(|| format!("{} was not built", built.display()))?;
    Ok(())
}

/// Adds the WebAssembly target through rustup, unless this Rust has it.
pub(crate) fn add_target() -> Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .context("rustc cannot be started")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).exists() {
        return Ok(());
    }
    let status = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status()
        .with_context(|| format!("rustup cannot be started; install Rust's target {TARGET} by hand"))?;
    anyhow::ensure!(
        status.success(),
        "`rustup target add {TARGET}` failed ({status}); install the target by hand"
    );
    Ok(())
}
