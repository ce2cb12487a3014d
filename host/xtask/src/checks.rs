//! The checks that people and CI run alike.

use crate::{cargo::cargo, plugins};
use anyhow::Result;

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
    cargo(&["test", "--workspace", "--locked"], &[])
}
