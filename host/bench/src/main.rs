//! The benchmarks behind `cargo xtask bench`. Each figure is measured against a baseline of the same run; nothing here
//! asserts a time.

mod durability;
mod engine;
mod figure;
mod fleet;
mod fleet_http;
mod lang;
mod suite;
mod suite_spam;
mod whole;

use anyhow::{Result, bail};
use clap::Parser;
use figure::Figure;
use std::path::PathBuf;

/// Measures, and prints a table or JSON lines.
#[derive(Parser)]
struct Arguments {
    /// `engine`, `lang`, `whole`, `suite`, `fleet` or `durability`, or a part of the last two: `fleet.moves`, `fleet.rebalance`, `fleet.failover`,
    /// `fleet.watch`, `fleet.http`, `durability.lag`, `durability.restore`, `durability.failover`, `durability.throughput`,
    /// `durability.gate`. All when left out.
    group: Option<String>,
    /// The `guildhall` binary.
    #[arg(long)]
    binary: PathBuf,
    /// The directory of the built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// The directory of the built sample plugins, named after their languages.
    #[arg(long)]
    samples: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let print = |figure: &Figure| figure.print(arguments.json);
    let group = arguments.group.as_deref();
    let (group, part) = group
        .and_then(|group| group.split_once('.'))
        .map_or((group, None), |(group, part)| (Some(group), Some(part)));
    let known = match group {
        None | Some("engine" | "lang" | "whole" | "suite") => part.is_none(),
        Some("fleet") => part.is_none_or(|part| fleet::PARTS.contains(&part)),
        Some("durability") => part.is_none_or(|part| durability::PARTS.contains(&part)),
        Some(_) => false,
    };
    if !known {
        bail!(
            "there is no such group; choose engine, lang, whole, suite, fleet, durability, or one of fleet.{:?} or durability.{:?}",
            fleet::PARTS,
            durability::PARTS
        );
    }
    let wanted = |name: &str| group.is_none_or(|group| group == name);
    let probe = arguments.plugins.join("probe.wasm");
    if wanted("engine") {
        engine::run(&probe, print)?;
    }
    if wanted("lang") {
        lang::run(&arguments.samples, print)?;
    }
    if wanted("whole") {
        whole::run(&arguments.binary, &probe, print)?;
    }
    if wanted("suite") {
        suite::run(&arguments.binary, &arguments.plugins, print)?;
        suite_spam::run(&arguments.plugins, print)?;
    }
    if wanted("fleet") {
        fleet::run(&arguments.binary, &arguments.plugins, part, print)?;
    }
    if wanted("durability") {
        durability::run(&arguments.binary, &arguments.plugins, part, print)?;
    }
    Ok(())
}
