//! Litestream as the tasks install it.

use anyhow::{Result, ensure};
use std::path::PathBuf;

/// The program that `cargo xtask test` and the other tasks install below the target directory.
pub(crate) fn litestream() -> Result<PathBuf> {
    let program = crate::plugins::target_directory().join("tools/bin/litestream");
    ensure!(
        program.exists(),
        "{} is missing: run `cargo xtask test`, which installs it",
        program.display()
    );
    Ok(program)
}
