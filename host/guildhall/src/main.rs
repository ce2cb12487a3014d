//! `guildhall`: one binary for every role. Each subcommand is a module; nothing is decided here.

mod config_service;
mod configuration;
mod gateway;
mod host;
mod needs;
mod observability;
mod sessions;
mod simulation;
mod standalone;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Guildhall hosts Discord moderation plugins, each guild in a SQLite file of its own.
#[derive(Parser)]
#[command(name = "guildhall", version)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Everything in one process: connects to Discord with DISCORD_TOKEN, or to a simulation with --sim.
    Standalone(standalone::Arguments),
    /// A pod of a fleet: takes up the guilds and shards that the config service assigns to it.
    Gateway(gateway::Arguments),
    /// The fleet's config service over PostgreSQL: who owns which guild. Any number of replicas may run.
    Config(config_service::Arguments),
    /// A simulation of Discord, to develop and test against.
    Sim(simulation::Arguments),
}

fn main() -> ExitCode {
    let role = Arguments::parse().role;
    observability::log_to_stderr();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("guildhall: the async runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        match role {
            Role::Standalone(arguments) => standalone::run(arguments).await,
            Role::Gateway(arguments) => gateway::run(arguments).await,
            Role::Config(arguments) => config_service::run(arguments).await,
            Role::Sim(arguments) => simulation::run(arguments).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guildhall: {error:#}");
            ExitCode::FAILURE
        }
    }
}
