//! What the moderation suite costs: every plugin of it at once, over ordinary chat; and a pod that runs it for a thousand
//! guilds.

use crate::engine::thread_cpu;
use crate::figure::Figure;
use crate::whole::{load, settle};
use anyhow::{Context, Result};
use guildhall_discord::Frame;
use guildhall_engine::{ArtifactCache, CallLimits, Plugin, PluginRegistry, Runtime, RuntimeConfig};
use guildhall_gateway::{GuildHost, SteppedGuild};
use guildhall_harness::{Pod, PodOptions, SUITE};
use guildhall_model::{ChannelId, CommonSettings, GuildId, RoleId, UserId};
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use guildhall_store::{GuildStore, StoreLimits};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const GUILDS: usize = 1000;
/// Guilds of the measurement of CPU time: their files fit into the caches as little as a pod's do.
const CHATTING: usize = 200;
const EVENTS: usize = 8_000;
const ROUNDS: usize = 3;
const RATE: u32 = 1000;
const TEXTS: [&str; 8] = [
    "good morning everyone",
    "has anyone seen the new release? it works for me",
    "I think the second option is better, but it depends on what you want to do with it",
    "lol",
    "thanks, that was it!",
    "you can find it in the docs: https://docs.rs/tokio/latest/tokio/ under the runtime section",
    "does anybody know how to make the map load faster on a phone?",
    "see you tomorrow",
];

/// Measures and prints.
pub(crate) fn run(binary: &Path, plugins: &Path, print: impl Fn(&Figure)) -> Result<()> {
    for batch in [16, 1] {
        print(&Figure {
            name: format!("suite.batch{batch}.cpu_us"),
            value: chat(plugins, batch)?,
            unit: "µs CPU/event",
            baseline: None,
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(pod(binary, plugins, print))
}

fn paths(plugins: &Path) -> impl Iterator<Item = PathBuf> {
    SUITE.iter().map(|name| plugins.join(format!("{name}.wasm")))
}

/// Plugins of these files, compiled.
pub(crate) fn registry(files: impl Iterator<Item = PathBuf>, cache: &Path) -> Result<PluginRegistry<GuildHost>> {
    let runtime = Runtime::new(&RuntimeConfig::default()).map_err(anyhow::Error::from)?;
    let artifacts = ArtifactCache::open(cache)?;
    let registry = PluginRegistry::default();
    for file in files {
        let wasm = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let plugin = Plugin::load(&runtime, &artifacts, &CallLimits::default(), &wasm)?;
        if registry.insert(&file, plugin).is_err() {
            anyhow::bail!("{} is there twice", file.display());
        }
    }
    Ok(registry)
}

/// CPU time of one event of ordinary chat, in batches of so many; the best of several rounds.
fn chat(plugins: &Path, batch: usize) -> Result<f64> {
    let directory = TempDir::new()?;
    let registry = registry(paths(plugins), &directory.path().join("compiled"))?;
    let start = now();
    let mut guilds = (0..CHATTING as u64)
        .map(|number| guild(&directory.path().join("guilds"), &registry, 1000 + number * 100, start))
        .collect::<Result<Vec<_>>>()?;
    let (mut best, mut sent) = (f64::MAX, 0);
    for round in 0..=ROUNDS {
        let mut spent = std::time::Duration::ZERO;
        for number in 0..EVENTS / batch {
            let at = start + sent as u64 * 5;
            let frames: Vec<_> = (0..batch)
                .map(|_| {
                    sent += 1;
                    message(number % CHATTING, sent, at)
                })
                .collect::<Result<_>>()?;
            let before = thread_cpu()?;
            let actions = guilds[number % CHATTING].dispatch(&frames, at)?;
            spent += thread_cpu()? - before;
            anyhow::ensure!(actions.is_empty(), "ordinary chat was answered: {actions:?}");
        }
        // The first round prepares statements.
        if round > 0 {
            best = best.min(spent.as_secs_f64() * 1e6 / EVENTS as f64);
        }
    }
    Ok(best)
}

/// A guild that is set up: channels, roles, and what all plugins share.
pub(crate) fn guild(directory: &Path, registry: &PluginRegistry<GuildHost>, id: u64, at: u64) -> Result<SteppedGuild> {
    std::fs::create_dir_all(directory)?;
    let opened = GuildStore::open(directory, GuildId(id), &StoreLimits::default())?;
    let mut guild = SteppedGuild::new(GuildId(id), opened.store, registry, UserId(id + 1), at);
    let settings = CommonSettings {
        moderator_role: Some(RoleId(id + 2)),
        restricted_role: Some(RoleId(id + 3)),
        log_channel: Some(ChannelId(id + 10)),
        deletion_log_channel: Some(ChannelId(id + 11)),
        ..CommonSettings::default()
    };
    guild.set_settings(guildhall_model::COMMON_SETTINGS, &serde_json::to_string(&settings)?)?;
    let channels = [
        "mod-log",
        "deletion-log",
        "general",
        "help",
        "memes",
        "showcase",
        "introductions",
        "off-topic",
    ];
    let channels: Vec<_> = (id + 10..)
        .zip(channels)
        .map(|(id, name)| json!({ "id": id.to_string(), "name": name, "type": 0 }))
        .collect();
    let role = |role: u64, name: &str, permissions: u64, position: u32| json!({ "id": role.to_string(), "name": name, "permissions": permissions.to_string(), "position": position });
    let own = json!({ "user": { "id": (id + 1).to_string(), "username": "guildhall", "bot": true }, "roles": [(id + 4).to_string()] });
    let described = json!({
        "id": id.to_string(), "name": "guild", "owner_id": (id + 5).to_string(), "unavailable": false, "threads": [],
        "roles": [role(id, "everyone", 0x40_0001_4C40, 0), role(id + 2, "staff", 8, 5), role(id + 3, "restricted", 0, 1), role(id + 4, "guildhall", 8, 9)],
        "channels": channels, "members": [own],
    });
    let text = json!({ "op": 0, "t": "GUILD_CREATE", "s": 1, "d": described }).to_string();
    guild.dispatch(&[Frame::parse(text)?.context("a dispatch")?], at)?;
    Ok(guild)
}

/// A message of a regular.
fn message(guild: usize, number: usize, at: u64) -> Result<Frame> {
    let id = 1000 + guild as u64 * 100;
    let author = (1_u64 << 50) + number as u64 % 97;
    let content = format!("{} ({number})", TEXTS[number % TEXTS.len()]);
    let text = json!({ "op": 0, "t": "MESSAGE_CREATE", "s": number, "d": {
        "id": (snowflake(at) + number as u64).to_string(), "channel_id": (id + 12 + number as u64 % 6).to_string(), "guild_id": id.to_string(),
        "author": { "id": author.to_string(), "username": format!("regular{}", number % 97), "discriminator": "0", "avatar": null },
        "member": { "roles": [], "joined_at": "2024-01-01T00:00:00.000000+00:00", "nick": null, "deaf": false, "mute": false },
        "content": content, "timestamp": iso8601(at), "edited_timestamp": null, "type": 0, "tts": false, "pinned": false, "flags": 0,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [],
    } });
    Frame::parse(text.to_string())?.context("a dispatch")
}

/// A thousand guilds with all plugins: from the dispatch of a message to the request about it, and the memory.
async fn pod(binary: &Path, plugins: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let simulation = Simulation::start(SimConfig {
        guilds: GUILDS,
        members: 100,
        global_limit: None,
        route_limits: false,
        compression: false,
        messages_kept: 64,
        ..SimConfig::default()
    })
    .await?;
    let mut files: Vec<_> = paths(plugins).collect();
    // It answers probes, which is how the way to an action is timed.
    files.push(plugins.join("probe.wasm"));
    let options = PodOptions {
        binary: binary.to_owned(),
        plugins: files,
        configuration: "[discord]\nrequests_per_second = 100000\n".into(),
        show_log: false,
        disk_bytes: None,
    };
    let pod = Pod::start(options, &simulation).await?;
    for (seed, events) in [(1, 10_000), (2, 20_000)] {
        simulation.reset_latencies();
        let steady = LoadConfig {
            events,
            events_per_second: Some(RATE),
            uniform: true,
            probe_every: 20,
            raid_every: 0,
            seed,
            ..LoadConfig::default()
        };
        load(&simulation, &pod, steady).await?;
    }
    let figures = pod.figures()?;
    settle(&simulation).await?;
    let latency = simulation.latencies();
    for (name, value, unit) in [
        ("suite.p50_ms", latency.p50_ms, "ms"),
        ("suite.p99_ms", latency.p99_ms, "ms"),
        ("suite.rss_mib", figures.resident_mib, "MiB"),
    ] {
        print(&Figure {
            name: name.into(),
            value,
            unit,
            baseline: None,
        });
    }
    Ok(())
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Discord, Reference, Snowflakes.
pub(crate) fn snowflake(at: u64) -> u64 {
    at.saturating_sub(1_420_070_400_000) << 22
}

/// As Discord writes moments.
pub(crate) fn iso8601(at: u64) -> String {
    let text = humantime::format_rfc3339_micros(UNIX_EPOCH + std::time::Duration::from_millis(at)).to_string();
    text.replace('Z', "+00:00")
}
