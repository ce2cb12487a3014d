//! What operators ask of a fleet: tables for people, `--json` for programs. Every command is a request or two to the
//! config service.

use crate::backup_commands;
use crate::configuration::Configuration;
use crate::guild_file_commands;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use guildhall_fleet::{AssignmentState, ConfigClient, FleetError, GuildAssignment, Overview, Pod, PodState};
use guildhall_model::GuildId;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at something that changes.
const LOOK: Duration = Duration::from_millis(50);
/// Rows of one page.
const PAGE: u32 = 5000;
/// A planned move that takes longer is reported as not done.
const MOVE: Duration = Duration::from_secs(60);

/// How the config service is found; every command takes it.
#[derive(clap::Args)]
pub(crate) struct Access {
    /// A TOML file with `cluster.config` and the secret; GUILDHALL_CLUSTER__CONFIG and GUILDHALL_CLUSTER_SECRET do as well.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// One JSON value for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `guildhall guild …`.
#[derive(Subcommand)]
pub(crate) enum Guild {
    /// Who owns the guild.
    Show {
        /// The guild's id.
        guild: GuildId,
        #[command(flatten)]
        access: Access,
    },
    /// Move the guild to another pod, and watch it go.
    Move {
        /// The guild's id.
        guild: GuildId,
        /// The pod.
        #[arg(long)]
        to: String,
        #[command(flatten)]
        access: Access,
    },
    /// Bring the guild back from the bucket, as it is or was, in the place of the live one or into a file.
    Restore(backup_commands::Restore),
    /// Keep the guild on a pod whatever is rebalanced.
    Pin {
        /// The guild's id.
        guild: GuildId,
        /// The pod; without it the guild may go where it is best again.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        access: Access,
    },
    /// Write a guild into one portable file, while it goes on.
    Export(guild_file_commands::Export),
    /// Put an export in the place of a guild's file. What it replaces is kept: `export --replaced` brings it back.
    Import(guild_file_commands::Import),
    /// Check a guild's file, or an export, and count its rows. Ends with 1 when something is wrong.
    Verify(guild_file_commands::Verify),
}

impl Access {
    /// The configuration that the command has.
    pub(crate) fn configuration(&self) -> Result<Configuration> {
        Configuration::load(self.config.as_deref(), &serde_json::json!({}))
    }
}

pub(crate) fn client(access: &Access) -> Result<ConfigClient> {
    access.configuration()?.cluster.client()
}

/// Prints for people or for programs.
pub(crate) fn print<T: Serialize + ?Sized>(access: &Access, value: &T, table: impl FnOnce(&T) -> String) -> Result<()> {
    let text = if access.json {
        format!("{}\n", serde_json::to_string(value)?)
    } else {
        table(value)
    };
    write_out(&text)
}

/// Prints a text that is complete.
pub(crate) fn write_out(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who reads has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => Ok(written?),
    }
}

/// Columns as wide as their widest cell.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

fn pods_table(pods: &[Pod]) -> String {
    let rows: Vec<_> = pods
        .iter()
        .map(|pod| {
            vec![
                pod.name.clone(),
                format!("{:?}", pod.state).to_lowercase(),
                format!("{}/{}", pod.guilds, pod.capacity),
                format!("{:.1}", pod.load.events_per_second),
                format!("{:.1}", pod.load.bytes as f64 / f64::from(1 << 20)),
                match pod.load.p99_ms {
                    0 => "-".into(),
                    // The largest figure says that it was more than the largest that is told apart.
                    p99 if p99 > 60_000 => "> 60 s".into(),
                    p99 => format!("{p99} ms"),
                },
                pod.load.outbox.to_string(),
                pod.load.lag.to_string(),
                pod.build.clone(),
                pod.url.clone(),
            ]
        })
        .collect();
    table(
        &[
            "POD", "STATE", "GUILDS", "EVENTS/S", "MIB", "P99", "OUTBOX", "LAG", "BUILD", "URL",
        ],
        &rows,
    )
}

fn guilds_table(guilds: &[GuildAssignment]) -> String {
    let rows: Vec<_> = guilds
        .iter()
        .map(|guild| {
            vec![
                guild.guild.to_string(),
                guild.pod.clone().unwrap_or_else(|| "none".into()),
                guild.epoch.to_string(),
                match &guild.target {
                    Some(target) => format!("moving to {target}"),
                    None => "active".into(),
                },
                if guild.pinned { "pinned" } else { "" }.into(),
            ]
        })
        .collect();
    table(&["GUILD", "POD", "EPOCH", "STATE", ""], &rows)
}

/// `guildhall pods`.
pub(crate) async fn pods(access: Access) -> Result<()> {
    let pods = client(&access)?.overview().await?.pods;
    print(&access, pods.as_slice(), pods_table)
}

/// `guildhall guilds`.
pub(crate) async fn guilds(access: Access, pod: Option<String>) -> Result<()> {
    let client = client(&access)?;
    let mut guilds = Vec::new();
    let mut after = None;
    loop {
        let page = client.assignments(after.as_deref(), PAGE).await?;
        let wanted = |guild: &GuildAssignment| pod.is_none() || guild.pod == pod;
        guilds.extend(page.guilds.into_iter().filter(wanted));
        after = page.next;
        if after.is_none() {
            return print(&access, guilds.as_slice(), guilds_table);
        }
    }
}

/// `guildhall guild …`.
pub(crate) async fn guild(command: Guild) -> Result<()> {
    match command {
        Guild::Show { guild, access } => {
            let assignment = client(&access)?.guild(guild).await?;
            print(&access, &assignment, |assignment| {
                guilds_table(std::slice::from_ref(assignment))
            })
        }
        Guild::Move { guild, to, access } => {
            let client = client(&access)?;
            let started = client.move_guild(guild, &to).await?;
            follow_move(&access, &client, started, &to).await
        }
        Guild::Restore(arguments) => backup_commands::restore(arguments).await,
        Guild::Pin { guild, to, access } => {
            let client = client(&access)?;
            let started = client.pin(guild, to.as_deref()).await?;
            match to {
                Some(to) => follow_move(&access, &client, started, &to).await,
                None => print(&access, &started, |assignment| {
                    guilds_table(std::slice::from_ref(assignment))
                }),
            }
        }
        Guild::Export(arguments) => guild_file_commands::export(arguments).await,
        Guild::Import(arguments) => guild_file_commands::import(arguments).await,
        Guild::Verify(arguments) => guild_file_commands::verify(arguments).await,
    }
}

/// Tells each step of a move until the guild is there.
async fn follow_move(access: &Access, client: &ConfigClient, started: GuildAssignment, to: &str) -> Result<()> {
    let begun = Instant::now();
    let guild = started.guild;
    if started.state == AssignmentState::Moving && !access.json {
        let from = started.pod.as_deref().unwrap_or("nobody");
        println!("guild {guild}: {from} hands over to {to} (epoch {})", started.epoch);
    }
    let mut now = started;
    while now.state == AssignmentState::Moving {
        if begun.elapsed() > MOVE {
            bail!("guild {guild} is still moving after {MOVE:?}; `guildhall guild show {guild}` tells where it is");
        }
        tokio::time::sleep(LOOK).await;
        now = client.guild(guild).await?;
    }
    if now.pod.as_deref() != Some(to) {
        let owner = now.pod.as_deref().unwrap_or("nobody");
        bail!(
            "the move of guild {guild} was taken back: {to} went away; the owner is {owner} (epoch {})",
            now.epoch
        );
    }
    print(access, &now, |now| {
        format!(
            "guild {guild}: {to} is the owner (epoch {}), after {:.2} s\n",
            now.epoch,
            begun.elapsed().as_secs_f64()
        )
    })
}

/// `guildhall drain`.
pub(crate) async fn drain(access: Access, pod: Option<String>, wait: bool) -> Result<()> {
    let cluster = Configuration::load(access.config.as_deref(), &serde_json::json!({}))?.cluster;
    let client = cluster.client()?;
    let name = pod.unwrap_or(cluster.pod);
    if name.is_empty() {
        bail!("which pod? Name it, or set cluster.pod");
    }
    client.drain(&name).await?;
    let bound = Duration::from_secs(cluster.hand_over_seconds);
    let deadline = Instant::now() + bound;
    let mut told = None;
    loop {
        let overview = client.overview().await;
        if let Err(error @ FleetError::Away { .. }) = &overview
            && wait
            && Instant::now() < deadline
        {
            eprintln!("{error}; it is asked again");
            tokio::time::sleep(LOOK * 10).await;
            continue;
        }
        let Overview { pods, shards, .. } = overview?;
        let held = shards.iter().filter(|shard| shard.pod.as_ref() == Some(&name)).count();
        let has_others = pods
            .iter()
            .any(|other| other.name != name && other.state == PodState::Active);
        let pod = pods
            .into_iter()
            .find(|known| known.name == name)
            .with_context(|| format!("pod {name:?} is gone"))?;
        let left = (pod.guilds, held);
        if left == (0, 0) {
            return print(&access, &pod, |pod| format!("{} owns nothing any more\n", pod.name));
        }
        let left_text = format!("{name} still owns {} guilds and {held} shards", pod.guilds);
        if !wait {
            return print(&access, &pod, |_| format!("{left_text}, and hands them over\n"));
        }
        if !has_others {
            bail!("{left_text}, and there is no other active pod to take them");
        }
        if Instant::now() > deadline {
            bail!("{left_text} after {bound:?} (cluster.hand_over_seconds)");
        }
        if !access.json && told != Some(left) {
            println!("{left_text}");
            told = Some(left);
        }
        tokio::time::sleep(LOOK * 4).await;
    }
}

/// `guildhall rebalance`.
pub(crate) async fn rebalance(access: Access, dry_run: bool) -> Result<()> {
    let moves = client(&access)?.rebalance(dry_run).await?;
    print(&access, &moves, |moves| {
        let rows: Vec<_> = moves
            .iter()
            .map(|planned| vec![planned.guild.to_string(), planned.from.clone(), planned.to.clone()])
            .collect();
        let verb = if dry_run { "would move" } else { "move" };
        format!(
            "{}{} guilds {verb}\n",
            table(&["GUILD", "FROM", "TO"], &rows),
            rows.len()
        )
    })
}

/// `guildhall top`.
pub(crate) async fn top(access: Access, once: bool) -> Result<()> {
    let client = client(&access)?;
    loop {
        let pods = client.overview().await?.pods;
        if !once && !access.json {
            // Clears the screen and goes to its top.
            print!("\x1b[2J\x1b[H");
        }
        print(&access, pods.as_slice(), pods_table)?;
        if once {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
