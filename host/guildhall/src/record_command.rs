//! `guildhall record`: events of chosen guilds, from a standalone host or a fleet, into a file. Docs: docs/recordings.md.

use crate::configuration::Configuration;
use crate::observability;
use anyhow::{Context, Result, bail};
use guildhall_author::{Locate, Source};
use guildhall_fleet::ConfigClient;
use guildhall_model::GuildId;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// `guildhall record`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The host, as http://host:port: a standalone pod's `listen`. Without it the fleet of the configuration is asked, or the
    /// configuration's own host.
    #[arg(long)]
    host: Option<String>,
    /// A TOML file with the host's or the fleet's addresses and secrets.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The guilds, by id.
    #[arg(long = "guild", required = true, num_args = 1..)]
    guilds: Vec<GuildId>,
    /// The file to write, which must not be there yet.
    #[arg(long)]
    out: PathBuf,
    /// Replace ids, names and texts by others of the same shape.
    #[arg(long)]
    anonymise: bool,
    /// Record for so long, as `10min`; otherwise until Ctrl-C.
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
}

/// Records until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let mut guilds = arguments.guilds.clone();
    guilds.sort();
    guilds.dedup();
    let place = Place::of(&arguments)?;
    let signal = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(signal.clone()));
    let time = arguments.time;
    let stop = async move {
        match time {
            Some(time) => drop(tokio::time::timeout(time, signal.cancelled()).await),
            None => signal.cancelled().await,
        }
    };
    let (out, anonymise) = (&arguments.out, arguments.anonymise);
    let recorded = guildhall_author::record(place, &guilds, out, anonymise, stop).await?;
    println!(
        "record: events={} missed={} in {}",
        recorded.events,
        recorded.missed,
        out.display()
    );
    Ok(())
}

/// Where guilds are found.
enum Place {
    Host(Source),
    Fleet { client: ConfigClient, secret: String },
}

impl Place {
    fn of(arguments: &Arguments) -> Result<Self> {
        let configuration = Configuration::load(arguments.config.as_deref(), &serde_json::json!({}))?;
        let cluster = &configuration.cluster;
        let of_host = |url: String| -> Result<Source> {
            let secret = match configuration.record.secret()? {
                Some(secret) => secret,
                // A pod of a fleet can be named as well.
                None => cluster.secret().context(
                    "there is no secret to record with: give the host's own as GUILDHALL_RECORD_SECRET, or a fleet's as GUILDHALL_CLUSTER_SECRET",
                )?,
            };
            let secret = secret.to_send().to_owned();
            Ok(Source { url, secret })
        };
        match &arguments.host {
            Some(host) if host.starts_with("http://") || host.starts_with("https://") => {
                of_host(host.clone()).map(Self::Host)
            }
            Some(host) => bail!("--host {host}: write it as http://host:port"),
            None if cluster.config.is_empty() => of_host(format!("http://{}", configuration.listen)).map(Self::Host),
            None => Ok(Self::Fleet {
                client: cluster.client()?,
                secret: cluster.secret()?.to_send().to_owned(),
            }),
        }
    }
}

impl Locate for Place {
    async fn locate(&self, guild: GuildId) -> Result<Source> {
        let (client, secret) = match self {
            Self::Host(source) => return Ok(source.clone()),
            Self::Fleet { client, secret } => (client, secret),
        };
        let owner = client.guild(guild).await?.pod;
        let owner = owner.with_context(|| format!("guild {guild} has no owner at the moment"))?;
        let pods = client.overview().await?.pods;
        let pod = pods.into_iter().find(|pod| pod.name == owner);
        let pod = pod.with_context(|| format!("pod {owner:?} of guild {guild} is not there"))?;
        Ok(Source {
            url: pod.url,
            secret: secret.clone(),
        })
    }
}
