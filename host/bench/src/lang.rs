//! What a plugin's language costs: the sample plugin in each, over the same messages, one to a transaction. Scripts are measured
//! with the instance that their guild keeps, and with a fresh one for each message.

use crate::engine::{BenchHost, ComponentGuild, component_guilds, thread_cpu};
use crate::figure::Figure;
use anyhow::{Context, Result, ensure};
use guildhall_engine::{
    ArtifactCache, CallLimits, GuestClass, Plugin, PreparedEvent, Runtime, RuntimeConfig, WarmInstances,
};
use guildhall_model::{Event, EventData, GuildId, Member, Message, User, UserId};
use guildhall_store::Undo;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Rust is the others' baseline.
const LANGUAGES: [&str; 5] = ["rust", "c", "go", "js", "python"];
/// Those that every machine builds.
const REQUIRED: [&str; 3] = ["rust", "js", "python"];
/// Each has a warm instance.
const GUILDS: usize = 8;
/// Messages of one measurement; the best of several counts, as everything else on the machine only adds.
const EVENTS: usize = 400;
const ROUNDS: usize = 3;
/// No user has so many strikes that something else happens.
const SETTINGS: &str = r#"{ "keywords": ["spam", "scam"], "limit": 100, "timeout_minutes": 10, "forgive_hours": 24 }"#;

/// Measures and prints.
pub(crate) fn run(samples: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let directory = TempDir::new()?;
    let runtime = Runtime::new(&RuntimeConfig::default()).map_err(anyhow::Error::from)?;
    let artifacts = ArtifactCache::open(directory.path().join("compiled"))?;
    let mut rust = None;
    for language in LANGUAGES {
        let file = samples.join(language).with_extension("wasm");
        if !file.exists() && !REQUIRED.contains(&language) {
            continue;
        }
        let wasm =
            std::fs::read(&file).with_context(|| format!("{}; `cargo xtask samples` builds it", file.display()))?;
        let plugin = Arc::new(Plugin::load(&runtime, &artifacts, &CallLimits::default(), &wasm)?);
        let figure = |name: &str, value: f64, unit: &'static str, baseline| Figure {
            name: format!("lang.{language}.{name}"),
            value,
            unit,
            baseline,
        };
        let fresh = measure(&plugin, false)?;
        if plugin.class() == GuestClass::Compact {
            rust.get_or_insert(fresh.microseconds);
            print(&figure("us", fresh.microseconds, "µs CPU/event", rust));
            continue;
        }
        let warm = measure(&plugin, true)?;
        print(&figure("warm_us", warm.microseconds, "µs CPU/event", rust));
        print(&figure("fresh_us", fresh.microseconds, "µs CPU/event", rust));
        print(&figure("start_us", plugin.start().as_secs_f64() * 1e6, "µs CPU", None));
        print(&figure(
            "warm_kib",
            warm.counted_kib,
            "KiB/instance",
            Some(warm.resident_kib),
        ));
    }
    Ok(())
}

struct Measured {
    microseconds: f64,
    /// What the host counts for a warm instance.
    counted_kib: f64,
    /// By how much the process grew for each, files and their caches included.
    resident_kib: f64,
}

fn measure(plugin: &Arc<Plugin<BenchHost>>, warm: bool) -> Result<Measured> {
    let directory = TempDir::new()?;
    let mut guilds = component_guilds(directory.path(), GUILDS, plugin, SETTINGS)?;
    let mut instances = WarmInstances::new(if warm { usize::MAX } else { 0 });
    let before = private_kib()?;
    let mut microseconds = f64::MAX;
    let mut sent = 0;
    for round in 0..=ROUNDS {
        let mut spent = Duration::ZERO;
        for _ in 0..EVENTS {
            sent += 1;
            let event = message(GuildId(1 + sent % GUILDS as u64), sent);
            let started = thread_cpu()?;
            handle(&mut guilds[sent as usize % GUILDS], plugin, &mut instances, event)?;
            spent += thread_cpu()? - started;
        }
        // The first round prepares statements, and makes the instances.
        if round > 0 {
            microseconds = microseconds.min(spent.as_secs_f64() * 1e6 / EVENTS as f64);
        }
    }
    ensure!(
        instances.len() == if warm { GUILDS } else { 0 },
        "{} are warm",
        instances.len()
    );
    Ok(Measured {
        microseconds,
        counted_kib: instances.bytes() as f64 / 1024.0 / GUILDS as f64,
        resident_kib: (private_kib()? - before) / GUILDS as f64,
    })
}

/// A message as a worker handles it when nothing else waits.
fn handle(
    guild: &mut ComponentGuild,
    plugin: &Arc<Plugin<BenchHost>>,
    instances: &mut WarmInstances<BenchHost>,
    event: Event,
) -> Result<()> {
    let mut host = guild.host.take().context("the host is back after every call")?;
    host.store.begin(Undo::Batch)?;
    host.store.begin_call(&guild.access);
    let mut instance = instances.take(event.guild, plugin, &CallLimits::default());
    let (mut host, report) = instance.handle(host, &PreparedEvent::from(event));
    host.store.end_call(report.result.is_ok())?;
    report.result?;
    ensure!(
        report.actions.len() == 1,
        "a message was not deleted: {:?}",
        report.actions
    );
    host.store.commit(0)?;
    instances.keep(instance);
    guild.host = Some(host);
    Ok(())
}

/// It holds a keyword: a row is written, the user's rows are read, and the message is deleted.
fn message(guild: GuildId, id: u64) -> Event {
    let user = User {
        // A user has few strikes.
        id: UserId(1000 + id / 4),
        username: "someone".into(),
        ..User::default()
    };
    let message = Message {
        id: id.into(),
        channel: 5.into(),
        member: Some(Member {
            user: user.clone(),
            ..Member::default()
        }),
        author: user,
        content: "hello, has anyone seen the new release? I think that it is a scam".into(),
        ..Message::default()
    };
    Event {
        guild,
        received_at: 0,
        data: EventData::MessageCreate(Box::new(message)),
    }
}

/// Memory that is this process's alone.
fn private_kib() -> Result<f64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").context("the benchmark needs Linux's /proc")?;
    let dirty = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
    let kib = dirty.and_then(|dirty| dirty.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.context("/proc/self/smaps_rollup has no Private_Dirty")
}
