//! `guildhall sim`: a simulation of Discord, alone or within the standalone role.

use crate::configuration::Configuration;
use anyhow::{Context, Result};
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `guildhall sim`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file with the simulation's shape; every key is a field of its configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where it listens.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Guilds.
    #[arg(long)]
    guilds: Option<usize>,
    /// Events per second of a steady load; none unless given.
    #[arg(long)]
    load: Option<u32>,
}

/// Runs a simulation until Ctrl-C.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut config = match &arguments.config {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("--config {}", file.display()))?;
            figment::Figment::from(figment::providers::Serialized::defaults(SimConfig::default()))
                .merge(<figment::providers::Toml as figment::providers::Format>::string(&text))
                .extract()
                .with_context(|| format!("--config {}", file.display()))?
        }
        None => SimConfig::default(),
    };
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.guilds = arguments.guilds.unwrap_or(config.guilds);
    let simulation = Simulation::start(config).await?;
    // Other processes read the address from the first line.
    println!("discord-sim: {} token={}", simulation.address(), simulation.token());
    println!("  gateway  {}", simulation.gateway_url());
    println!("  REST     http://{}/api/v10", simulation.address());
    println!("  journal  http://{}/sim/journal", simulation.address());
    println!("  verifies interactions with public key {}", simulation.public_key());
    match arguments.load {
        Some(rate) => {
            let load = LoadConfig {
                events_per_second: Some(rate),
                events: u64::MAX,
                ..LoadConfig::default()
            };
            tokio::select! {
                report = simulation.run_load(load) => println!("the load ended: {report:?}"),
                outcome = tokio::signal::ctrl_c() => outcome?,
            }
        }
        None => tokio::signal::ctrl_c().await?,
    }
    Ok(())
}

/// Starts a simulation in this process and points the configuration at it.
pub(crate) async fn start_within(guilds: usize, configuration: &mut Configuration) -> Result<Simulation> {
    let simulation = Simulation::start(SimConfig {
        guilds,
        ..SimConfig::default()
    })
    .await?;
    configuration.discord.token = simulation.token();
    configuration.discord.rest = Some(simulation.address().to_string());
    configuration.discord.gateway = Some(simulation.gateway_url());
    tracing::info!(address = %simulation.address(), guilds, "a simulation of Discord runs in this process");
    tracing::info!(
        "send a message with: curl http://{}/sim/guilds and POST /sim/message",
        simulation.address()
    );
    Ok(simulation)
}
