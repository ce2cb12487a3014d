//! The benchmarks behind `cargo xtask bench`. Each figure is measured against a baseline of the same run; nothing here
//! asserts a time.

mod engine;
mod figure;
mod fleet;
mod whole;

use anyhow::{Result, bail};
use clap::Parser;
use figure::Figure;
use std::path::PathBuf;

/// Measures, and prints a table or JSON lines.
#[derive(Parser)]
struct Arguments {
    /// `engine`, `whole` or `fleet`; all when left out.
    group: Option<String>,
    /// The `guildhall` binary.
    #[arg(long)]
    binary: PathBuf,
    /// The directory of the built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let print = |figure: &Figure| figure.print(arguments.json);
    let groups = match arguments.group.as_deref() {
        None => &["engine", "whole", "fleet"][..],
        Some("engine") => &["engine"],
        Some("whole") => &["whole"],
        Some("fleet") => &["fleet"],
        Some(other) => bail!("there is no group {other:?}; choose engine, whole or fleet"),
    };
    for group in groups {
        match *group {
            "engine" => engine::run(&arguments.plugins.join("probe.wasm"), print)?,
            "fleet" => fleet::run(&arguments.binary, &arguments.plugins, print)?,
            _ => whole::run(&arguments.binary, &arguments.plugins.join("probe.wasm"), print)?,
        }
    }
    Ok(())
}
