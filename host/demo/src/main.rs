//! The demonstration behind `cargo xtask demo`: a real pod with the moderation suite against a simulation that plays recorded
//! traffic, while a plugin is swapped and the gateway connection is cut. It ends well only when nothing was lost or done twice,
//! and everything was done that moderators would expect, and nothing else.

mod report;
mod stage;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays the sample recordings to a pod and says what came of them.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// The `guildhall` binary.
    #[arg(long)]
    binary: PathBuf,
    /// The directory of the built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// The directory of the recordings.
    #[arg(long)]
    recordings: PathBuf,
    /// Guilds of the simulation.
    #[arg(long, default_value_t = 50)]
    guilds: usize,
    /// Go on with a steady load until Ctrl-C.
    #[arg(long)]
    serve: bool,
    /// Leave everything that the bot requested (`journal.jsonl`) and what the pod logged (`log`) in this directory.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let report = stage::play(Arguments::parse()).await?;
    report.print();
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
