//! `guildhall`: one binary for every role. Each subcommand is a module; nothing is decided here.

mod backup_commands;
mod bad_input;
mod catalogue_commands;
mod config_service;
mod configuration;
mod configuration_reference;
mod flags;
mod fleet_commands;
mod gateway;
mod guild_file_commands;
mod guild_places;
mod host;
mod http;
mod http_requests;
mod migrate_command;
mod needs;
mod observability;
mod plugin_commands;
mod plugin_dev;
mod record_command;
mod replication;
mod sessions;
mod simulation;
mod standalone;
mod volume;

use bad_input::{BadInput, OrBadInput};
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
    /// A stateless pod for the portal, the guilds' API and Discord's interactions. Any number may run.
    Http(http::Arguments),
    /// The fleet's config service over PostgreSQL: who owns which guild. Any number of replicas may run.
    Config(config_service::Arguments),
    /// The fleet's pods.
    Pods(fleet_commands::Access),
    /// The fleet's guilds and their owners.
    Guilds {
        /// Only those of this pod.
        #[arg(long)]
        pod: Option<String>,
        #[command(flatten)]
        access: fleet_commands::Access,
    },
    /// One guild: show it, move it, pin it; export, import and verify its file.
    #[command(subcommand)]
    Guild(fleet_commands::Guild),
    /// The guilds in the bucket: where they stand, and whether they can be brought back.
    #[command(subcommand)]
    Backup(backup_commands::Backup),
    /// Have a pod hand over everything that it owns.
    Drain {
        /// The pod; without it the one that `cluster.pod` names.
        pod: Option<String>,
        /// Wait until it owns no guild and no shard, at most for `cluster.hand_over_seconds`.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        access: fleet_commands::Access,
    },
    /// Spread guilds evenly over the pods.
    Rebalance {
        /// Only tell what would move.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        access: fleet_commands::Access,
    },
    /// Users whom guilds have flagged for each other.
    #[command(subcommand)]
    Flags(flags::Command),
    /// The fleet's pods, again every second.
    Top {
        /// Print once, and end.
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        access: fleet_commands::Access,
    },
    /// Take guilds over from another bot.
    #[command(subcommand)]
    Migrate(migrate_command::Migrate),
    /// Plugins: write, build, check, test and try one; install them, decide what they may do and where, and ship them.
    #[command(subcommand)]
    Plugin(plugin_commands::Command),
    /// Write the events of chosen guilds into a file that `plugin replay` and scenarios read.
    Record(record_command::Arguments),
    /// Every key of the configuration, with its default and meaning, as a Markdown table.
    Configuration,
    /// Litestream's configuration, for a sidecar.
    LitestreamConfiguration(replication::Arguments),
    /// A simulation of Discord, to develop and test against.
    Sim(simulation::Arguments),
}

fn main() -> ExitCode {
    let role = Arguments::parse().role;
    observability::log_to_stderr(match &role {
        Role::Plugin(command) => command.log_level(),
        _ => "info",
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("guildhall: the async runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whether all is well.
    let outcome: anyhow::Result<bool> = runtime.block_on(async {
        let ended = match role {
            Role::Standalone(arguments) => standalone::run(arguments).await,
            Role::Gateway(arguments) => gateway::run(arguments).await,
            Role::Http(arguments) => http::run(arguments).await,
            Role::Config(arguments) => config_service::run(arguments).await,
            Role::Pods(access) => fleet_commands::pods(access).await,
            Role::Guilds { pod, access } => fleet_commands::guilds(access, pod).await,
            Role::Guild(command) => fleet_commands::guild(command).await,
            Role::Backup(command) => backup_commands::backup(command).await,
            Role::Drain { pod, wait, access } => fleet_commands::drain(access, pod, wait).await,
            Role::Rebalance { dry_run, access } => fleet_commands::rebalance(access, dry_run).await,
            Role::Flags(command) => flags::run(command).await,
            Role::Top { once, access } => fleet_commands::top(access, once).await,
            Role::Migrate(migrate_command::Migrate::Modbot(arguments)) => migrate_command::modbot(arguments).await,
            Role::Plugin(command) => return plugin_commands::run(command).await,
            Role::Record(arguments) => record_command::run(arguments).await.or_bad_input(),
            Role::Configuration => {
                print!("{}", configuration_reference::markdown());
                Ok(())
            }
            Role::LitestreamConfiguration(arguments) => replication::write_configuration(&arguments),
            Role::Sim(arguments) => simulation::run(arguments).await,
        };
        ended.map(|()| true)
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("guildhall: {error:#}");
            if error.is::<BadInput>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
