//! The project's tasks, run as `cargo xtask …`: they install what they need and call cargo. No product code.

mod cargo;
mod checks;
mod plugins;
mod programs;

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
    /// Play recorded traffic to a pod: see it moderate, swap a plugin, lose its connection, and lose nothing.
    Demo {
        /// Go on with a steady load until Ctrl-C.
        #[arg(long)]
        serve: bool,
    },
    /// Measure: `engine` (the cost of a plugin's call), `whole` (from the gateway to REST), or both.
    Bench {
        /// The group; both when left out.
        group: Option<String>,
        /// One JSON object a line, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Build the plugins and run all tests.
    Test,
    /// What CI runs: formatting, lints, documentation, and all tests.
    Ci,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Plugins => plugins::build().map(drop),
        Task::Demo { serve } => programs::demo(serve),
        Task::Bench { group, json } => programs::bench(group, json),
        Task::Test => checks::test(),
        Task::Ci => checks::all(),
    }
}
