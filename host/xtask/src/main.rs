//! The project's tasks, run as `cargo xtask …`: they install what they need and call cargo. No product code.

mod cargo;
mod checks;
mod cluster;
mod plugins;
mod programs;
mod reference;
mod samples;
mod tools;

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
    /// Build the sample plugins of all languages to `target/samples/`, installing what that takes.
    Samples,
    /// Write `docs/plugin-contract.md` from `wit/`.
    Reference,
    /// Play recorded traffic to a pod: see it moderate, swap a plugin, lose its connection, and lose nothing.
    Demo {
        /// Go on with a steady load until Ctrl-C.
        #[arg(long)]
        serve: bool,
    },
    /// Measure: `engine` (the cost of a plugin's call), `lang` (that of its language), `whole` (from the gateway to REST), `fleet`
    /// (moves, failover, forwarding, watches), `durability` (replication, restores, lost disks), or all.
    Bench {
        /// The group; all when left out.
        group: Option<String>,
        /// One JSON object a line, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Start a whole fleet with a simulation under load, until Ctrl-C.
    Fleet {
        /// With a bucket, to which Litestream replicates the guilds.
        #[arg(long)]
        s3: bool,
    },
    /// Build the plugins and run all tests, or only a group.
    Test {
        /// `fleet`: random accidents to fleets of real processes; `durability`: with disks that are lost. All tests when
        /// left out.
        group: Option<String>,
        /// Fleets, each with a seed of its own.
        #[arg(long, default_value_t = 10, requires = "group")]
        seeds: u32,
    },
    /// What it takes to run on Kubernetes, in `cluster/`.
    #[command(subcommand)]
    Cluster(Cluster),
    /// What CI runs: formatting, lints, documentation, and all tests.
    Ci,
}

#[derive(Subcommand)]
enum Cluster {
    /// Render every overlay, and check schemas, alerts, dashboards, the Dockerfile, and that the binary has what they name.
    Check,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Plugins => plugins::build().and_then(|_| plugins::build_earlier()),
        Task::Samples => samples::build().map(drop),
        Task::Reference => reference::write(),
        Task::Demo { serve } => programs::demo(serve),
        Task::Bench { group, json } => programs::bench(group, json),
        Task::Fleet { s3 } => programs::fleet(s3),
        Task::Test { group: None, .. } => checks::test(),
        Task::Test {
            group: Some(group),
            seeds,
        } => checks::test_group(&group, seeds),
        Task::Cluster(Cluster::Check) => cluster::check(),
        Task::Ci => checks::all(),
    }
}
