//! The demonstration behind `cargo xtask demo`: a real pod against a simulation that plays recorded traffic, while a
//! plugin is swapped and the gateway connection is cut. It ends well only when nothing was lost or done twice.

mod report;
mod stage;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays a recording to a pod and says what came of it.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// The `guildhall` binary.
    #[arg(long)]
    binary: PathBuf,
    /// The directory of the built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// The recording.
    #[arg(long)]
    recording: PathBuf,
    /// Guilds of the simulation.
    #[arg(long, default_value_t = 50)]
    guilds: usize,
    /// How many times as fast as it was recorded.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Go on with a steady load until Ctrl-C.
    #[arg(long)]
    serve: bool,
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
