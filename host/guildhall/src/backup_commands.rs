//! What operators ask of the bucket: where every guild stands in it, a guild as it was at some moment, and a drill that
//! restores guilds beside the live ones.

use crate::configuration::Configuration;
use crate::fleet_commands::{Access, print, table};
use crate::guild_places::PlaceAccess;
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use guildhall_fleet::{ClusterSecret, Pod, PodState, pod_client};
use guildhall_model::{GuildId, UnixMilliseconds};
use guildhall_replication::{Point, Restorer, Standing};
use guildhall_store::{WaitingActions, inspect, ready_to_place};
use rand::seq::IndexedRandom;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `guildhall backup …`.
#[derive(Subcommand)]
pub(crate) enum Backup {
    /// Where every pod's guilds stand in the bucket.
    Status {
        /// Every guild on a line of its own.
        #[arg(long)]
        guilds: bool,
        #[command(flatten)]
        access: Access,
    },
    /// Restore some guilds beside the live ones, check them, and tell how long it took and what would be missing.
    Drill {
        /// How many guilds, chosen at random.
        #[arg(long, default_value_t = 5)]
        sample: usize,
        #[command(flatten)]
        access: Access,
    },
}

/// `guildhall backup …`.
pub(crate) async fn backup(command: Backup) -> Result<()> {
    match command {
        Backup::Status { guilds, access } => status(&access, guilds).await,
        Backup::Drill { sample, access } => drill(&access, sample).await,
    }
}

/// Reads a moment: `2026-11-25T12:00:00Z`, or how long ago it was: `90m`, `1d`.
pub(crate) fn moment(text: &str) -> Result<UnixMilliseconds, String> {
    let moment = match humantime::parse_duration(text) {
        Ok(ago) => SystemTime::now() - ago,
        Err(_) => humantime::parse_rfc3339_weak(text)
            .map_err(|error| format!("write it as 2026-11-25T12:00:00Z, or how long ago it was: 90m, 1d ({error})"))?,
    };
    let since = moment.duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    u64::try_from(since.as_millis()).map_err(|error| error.to_string())
}

/// `guildhall guild restore`.
#[derive(clap::Args)]
pub(crate) struct Restore {
    /// The guild's id.
    guild: GuildId,
    /// The moment, as 2026-11-25T12:00:00Z or how long ago: 90m, 1d. Without it, the newest state.
    #[arg(long, value_parser = moment)]
    at: Option<UnixMilliseconds>,
    /// Write it into this file, which must not exist, and leave the live guild as it is.
    #[arg(long)]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceAccess,
}

#[derive(Serialize)]
struct RestoredGuild {
    guild: String,
    /// The file, or the guild's owner.
    place: String,
    /// The epoch that it was written in.
    from_epoch: i64,
    damaged: bool,
    actions_left_out: u64,
    seconds: f64,
}

/// Restores, and puts in place.
pub(crate) async fn restore(arguments: Restore) -> Result<()> {
    let configuration = arguments.place.configuration()?;
    let restorer = restorer(&configuration)?;
    let guild = arguments.guild;
    if let Some(to) = &arguments.to {
        ensure!(!to.exists(), "{} exists; name a file that does not", to.display());
    }
    let started = Instant::now();
    let directory = tempfile::tempdir()?;
    let file = guildhall_store::guild_file(directory.path(), guild);
    let restored = restorer
        .restore(guild, arguments.at.map_or(Point::Latest, Point::At), &file)
        .await?;
    let (place, actions_left_out) = match &arguments.to {
        Some(to) => {
            // Not a rename: it may be on another file system.
            std::fs::copy(&file, to).with_context(|| format!("{} cannot be written", to.display()))?;
            (to.display().to_string(), 0)
        }
        None => {
            let place = arguments.place.open(&configuration, true)?;
            let (into, limits) = (directory.path().to_owned(), configuration.store_limits());
            // The live guild has sent them since.
            let ready = move || ready_to_place(&into, guild, &limits, WaitingActions::LeaveOut);
            let left_out = tokio::task::spawn_blocking(ready).await??;
            (place.put(guild, &file).await?, left_out)
        }
    };
    let restored = RestoredGuild {
        guild: guild.to_string(),
        place,
        from_epoch: restored.epoch,
        damaged: restored.damaged,
        actions_left_out,
        seconds: started.elapsed().as_secs_f64(),
    };
    print(&arguments.place.access, &restored, |restored| {
        let mut text = format!(
            "guild {guild} ({}): as it was in epoch {}, after {:.2} s\n",
            restored.place, restored.from_epoch, restored.seconds
        );
        if restored.damaged {
            text.push_str("what was uploaded last is damaged, and missing from it\n");
        }
        if arguments.to.is_none() {
            text.push_str(&format!(
                "what was there before: `guildhall guild export {guild} --replaced --to FILE`\n"
            ));
        }
        text
    })
}

fn restorer(configuration: &Configuration) -> Result<Restorer> {
    configuration
        .replication
        .restorer()?
        .context("replication.url is empty: name the bucket, as s3://bucket/prefix")
}

/// What the living pods say of their guilds.
async fn standings(access: &Access) -> Result<Vec<(Pod, Vec<Standing>)>> {
    let configuration = access.configuration()?;
    let (client, secret) = (configuration.cluster.client()?, configuration.cluster.secret()?);
    let http = pod_client().build()?;
    let mut standings = Vec::new();
    for pod in client.overview().await?.pods {
        if pod.state != PodState::Offline {
            let standing = standing(&http, &secret, &pod).await;
            let standing = standing.with_context(|| format!("pod {} does not tell", pod.name))?;
            standings.push((pod, standing));
        }
    }
    Ok(standings)
}

async fn standing(http: &reqwest::Client, secret: &ClusterSecret, pod: &Pod) -> Result<Vec<Standing>> {
    let answer = http
        .get(format!("{}/internal/v1/replication", pod.url))
        .bearer_auth(secret.to_send())
        .timeout(Duration::from_secs(10))
        .send()
        .await?;
    ensure!(
        answer.status().is_success(),
        "it answers {}: {}",
        answer.status(),
        answer.text().await.unwrap_or_default().trim()
    );
    Ok(answer.json().await?)
}

#[derive(Serialize)]
struct PodStatus {
    pod: String,
    guilds: usize,
    /// Whose epoch can be restored.
    ready: usize,
    /// With Litestream.
    registered: usize,
    /// That have commits which are not in the bucket.
    behind: usize,
    longest_lag_ms: u64,
}

async fn status(access: &Access, by_guild: bool) -> Result<()> {
    let standings = standings(access).await?;
    if by_guild {
        let all: Vec<_> = standings.into_iter().flat_map(|(_, standing)| standing).collect();
        return print(access, all.as_slice(), |all| {
            let rows = all.iter().map(|standing| {
                vec![
                    standing.guild.to_string(),
                    standing.epoch.to_string(),
                    standing.ready.to_string(),
                    standing.registered.to_string(),
                    standing.lag_ms.to_string(),
                ]
            });
            table(
                &["GUILD", "EPOCH", "READY", "REGISTERED", "LAG MS"],
                &rows.collect::<Vec<_>>(),
            )
        });
    }
    let pods: Vec<_> = standings
        .into_iter()
        .map(|(pod, standing)| PodStatus {
            pod: pod.name,
            guilds: standing.len(),
            ready: standing.iter().filter(|guild| guild.ready).count(),
            registered: standing.iter().filter(|guild| guild.registered).count(),
            behind: standing.iter().filter(|guild| guild.lag_ms > 0).count(),
            longest_lag_ms: standing.iter().map(|guild| guild.lag_ms).max().unwrap_or(0),
        })
        .collect();
    print(access, pods.as_slice(), |pods| {
        let rows = pods.iter().map(|pod| {
            vec![
                pod.pod.clone(),
                pod.guilds.to_string(),
                pod.ready.to_string(),
                pod.registered.to_string(),
                pod.behind.to_string(),
                pod.longest_lag_ms.to_string(),
            ]
        });
        table(
            &["POD", "GUILDS", "READY", "REGISTERED", "BEHIND", "LAG MS"],
            &rows.collect::<Vec<_>>(),
        )
    })
}

/// One guild's part of a drill.
#[derive(Serialize)]
struct Drilled {
    guild: String,
    epoch: i64,
    bytes: u64,
    /// How long the restore took.
    rto_ms: u64,
    /// How old the oldest commit was that would have been missing.
    rpo_ms: u64,
    /// Why the guild could not be brought back whole; none where it could.
    wrong: Option<String>,
}

async fn drill(access: &Access, sample: usize) -> Result<()> {
    let restorer = restorer(&access.configuration()?)?;
    let all: Vec<_> = standings(access)
        .await?
        .into_iter()
        .flat_map(|(_, standing)| standing)
        .collect();
    ensure!(!all.is_empty(), "there is no guild to restore");
    let directory = tempfile::tempdir()?;
    let mut drilled = Vec::new();
    for standing in all.sample(&mut rand::rng(), sample) {
        drilled.push(drill_one(&restorer, standing, directory.path()).await);
    }
    print(access, drilled.as_slice(), |drilled| {
        let rows = drilled.iter().map(|guild| {
            vec![
                guild.guild.clone(),
                guild.epoch.to_string(),
                guild.bytes.to_string(),
                guild.rto_ms.to_string(),
                guild.rpo_ms.to_string(),
                guild.wrong.clone().unwrap_or_else(|| "whole".into()),
            ]
        });
        let mut text = table(
            &["GUILD", "EPOCH", "BYTES", "RTO MS", "RPO MS", "STATE"],
            &rows.collect::<Vec<_>>(),
        );
        let longest = |figure: fn(&Drilled) -> u64| drilled.iter().map(figure).max().unwrap_or(0);
        text.push_str(&format!(
            "backup drill: guilds={} wrong={} rto_max_ms={} rpo_max_ms={}\n",
            drilled.len(),
            drilled.iter().filter(|guild| guild.wrong.is_some()).count(),
            longest(|guild| guild.rto_ms),
            longest(|guild| guild.rpo_ms)
        ));
        text
    })?;
    if let Some(wrong) = drilled.iter().find(|guild| guild.wrong.is_some()) {
        bail!("guild {} cannot be brought back whole", wrong.guild);
    }
    Ok(())
}

async fn drill_one(restorer: &Restorer, standing: &Standing, directory: &Path) -> Drilled {
    let file = directory.join(format!("{}.db", standing.guild));
    let started = Instant::now();
    let restored = restorer.restore(standing.guild, Point::Latest, &file).await;
    let rto_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let wrong = match &restored {
        Err(error) => Some(format!("{error:#}")),
        Ok(restored) if restored.damaged => Some("what was uploaded last is damaged".into()),
        Ok(restored) if restored.epoch < standing.epoch => {
            Some(format!("epoch {} is not in the bucket yet", standing.epoch))
        }
        Ok(restored) => match inspect(&file) {
            Ok(found) if !found.problems.is_empty() => Some(found.problems.join("; ")),
            Ok(found) if found.epoch != restored.epoch => {
                Some(format!("the file says that it is of epoch {}", found.epoch))
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        },
    };
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    // It is in a temporary directory, which ends with the drill.
    let _ = std::fs::remove_file(&file);
    Drilled {
        guild: standing.guild.to_string(),
        epoch: restored.map_or(0, |restored| restored.epoch),
        bytes,
        rto_ms,
        rpo_ms: standing.lag_ms,
        wrong,
    }
}
