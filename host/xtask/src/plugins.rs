//! Building the plugins into components.

use crate::cargo::{cargo, target_directory, workspace};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

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
    names.sort();
    let mut arguments = vec!["build", "--locked", "--profile", "plugin", "--target", TARGET];
    for name in &names {
        arguments.extend(["--package", name]);
    }
    if !names.is_empty() {
        cargo(&arguments, &[])?;
    }
    let plugins = target_directory().join("plugins");
    std::fs::create_dir_all(&plugins)?;
    for name in &names {
        let file = format!("{}.wasm", name.replace('-', "_"));
        let built = target_directory().join(TARGET).join("plugin").join(&file);
        let kept = plugins.join(&file);
        std::fs::copy(&built, &kept).with_context(|| format!("{} was not built", built.display()))?;
    }
    Ok(plugins)
}

/// Adds the WebAssembly target through rustup, unless this Rust has it.
fn add_target() -> Result<()> {
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
