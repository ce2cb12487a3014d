//! A whole fleet on this machine until Ctrl-C: PostgreSQL, two config replicas, three gateway pods, two HTTP pods behind
//! nginx where it is installed, a simulation with a steady load, and with --s3 a bucket. For looking at, and for trying the
//! fleet's commands on.

use anyhow::Result;
use clap::Parser;
use guildhall_harness::{Fleet, FleetOptions, Replicas, S3Server, SECRET_KEY};
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use std::path::PathBuf;

/// Started by `cargo xtask fleet`.
#[derive(Parser)]
struct Arguments {
    /// The `guildhall` binary.
    #[arg(long)]
    binary: PathBuf,
    /// The directory of the built plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// Guilds of the simulation.
    #[arg(long, default_value_t = 30)]
    guilds: usize,
    /// Events per second.
    #[arg(long, default_value_t = 100)]
    load: u32,
    /// Replicate guilds to a bucket, on a server of its own, with Litestream.
    #[arg(long)]
    s3: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let simulation = Simulation::start(SimConfig {
        guilds: arguments.guilds,
        ..SimConfig::default()
    })
    .await?;
    let replicas = match arguments.s3 {
        true => Some(Replicas {
            server: S3Server::start().await?,
            key: SECRET_KEY.into(),
            settings: String::new(),
        }),
        false => None,
    };
    let plugins = ["honeypot", "spam_guard", "tally"];
    let options = FleetOptions {
        binary: arguments.binary.clone(),
        plugins: plugins
            .map(|name| arguments.plugins.join(format!("{name}.wasm")))
            .into(),
        config_replicas: 2,
        gateways: 3,
        http_pods: 2,
        nginx: true,
        proxied: false,
        traces: None,
        lease_ms: 10_000,
        shards: 1,
        requests_per_second: 45,
        seeded: Vec::new(),
        replicas,
    };
    let fleet = Fleet::start(options, &simulation).await?;
    println!("config service  {}", fleet.replicas().join("  "));
    for name in [
        "config-0",
        "config-1",
        "gateway-0",
        "gateway-1",
        "gateway-2",
        "http-0",
        "http-1",
    ] {
        println!("{name:<15} http://{}/metrics", fleet.address(name).unwrap_or_default());
    }
    let before = if fleet.has_nginx() { "nginx" } else { "http-0" };
    println!("portal          {} ({before})", fleet.portal());
    println!("interactions    {}/interactions", fleet.portal());
    if let Some(bucket) = fleet.bucket() {
        println!("bucket          {} ({})", bucket.endpoint(), bucket.objects().display());
    }
    println!("simulation      http://{}/sim/journal", simulation.address());
    println!("\nIn another terminal:\n");
    println!(
        "export GUILDHALL_CLUSTER__CONFIG='[\"{}\"]'",
        fleet.replicas().join("\",\"")
    );
    println!("export GUILDHALL_CLUSTER_SECRET={}", fleet.secret());
    for (variable, value) in fleet.replication_variables()? {
        println!("export {variable}={value}");
    }
    println!("{} top\n", arguments.binary.display());
    println!("Ctrl-C ends all of it.");
    let load = LoadConfig {
        events_per_second: Some(arguments.load),
        events: u64::MAX,
        ..LoadConfig::default()
    };
    tokio::select! {
        _ = simulation.run_load(load) => {}
        ended = tokio::signal::ctrl_c() => ended?,
    }
    Ok(())
}
