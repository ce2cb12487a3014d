//! The project's tasks, run as `cargo xtask …`: they install what they need and call cargo. No product code.

mod cargo;
mod checks;
mod plugins;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Guildhall's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every plugin to `target/plugins/`, adding the WebAssembly target where it is missing.
    Plugins,
    /// Build the plugins and run all tests.
    Test,
    /// What CI runs: formatting, lints, documentation, and all tests.
    Ci,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Plugins => plugins::build().map(drop),
        Task::Test => checks::test(),
        Task::Ci => checks::all(),
    }
}
