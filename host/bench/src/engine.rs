//! The cost of a plugin's call: the probe plugin in a component, against the same SQL and scoring in native Rust on the
//! same files. CPU time of one thread, per event.

use crate::figure::Figure;
use anyhow::{Context, Result};
use guildhall_engine::{
    ArtifactCache, CallHost, CallLimits, Plugin, PluginInstance, PreparedEvent, Runtime, RuntimeConfig,
};
use guildhall_model::{
    CommonSettings, Event, EventData, GuildId, GuildView, Message, Rows, SqlError, UnknownGuild, User, UserId, Value,
};
use guildhall_store::{GuildStore, PluginAccess, StoreLimits, Undo};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const GUILDS: [usize; 2] = [1, 1000];
const BATCHES: [usize; 2] = [1, 16];
/// Events of one measurement; the best of several counts, as everything else on the machine only adds.
const EVENTS: usize = 32_000;
const ROUNDS: usize = 3;

/// The host of a call in these measurements: a real guild file, and a guild of which nothing is known.
pub(crate) struct BenchHost {
    pub(crate) store: Box<GuildStore>,
    settings: &'static str,
}

impl BenchHost {
    fn new(store: Box<GuildStore>, settings: &'static str) -> Self {
        Self { store, settings }
    }
}

impl CallHost for BenchHost {
    fn query(&mut self, _: &str, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        self.store.query(sql, parameters)
    }
    fn execute(&mut self, _: &str, sql: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        self.store.execute(sql, parameters)
    }
    fn set_deadline(&mut self, deadline: Instant) {
        self.store.set_deadline(Some(deadline));
    }
    fn view(&self) -> &dyn GuildView {
        &UnknownGuild
    }
    fn settings(&self, _: &str) -> String {
        self.settings.into()
    }
    fn common(&self) -> CommonSettings {
        CommonSettings::default()
    }
    fn settings_generation(&self, _: &str) -> u64 {
        0
    }
    fn now(&self) -> u64 {
        0
    }
}

/// Measures and prints.
pub(crate) fn run(probe: &Path, print: impl Fn(&Figure)) -> Result<()> {
    let directory = TempDir::new()?;
    let wasm = std::fs::read(probe).with_context(|| format!("{}", probe.display()))?;
    let runtime = Runtime::new(&RuntimeConfig::default()).map_err(anyhow::Error::from)?;
    let artifacts = ArtifactCache::open(directory.path().join("compiled"))?;
    let plugin = Arc::new(Plugin::<BenchHost>::load(
        &runtime,
        &artifacts,
        &CallLimits::default(),
        &wasm,
    )?);
    for guilds in GUILDS {
        for batch in BATCHES {
            let (native, planned, component) = (TempDir::new()?, TempDir::new()?, TempDir::new()?);
            let mut natives = native_guilds(native.path(), guilds, false)?;
            let mut planned_natives = native_guilds(planned.path(), guilds, true)?;
            let mut components = component_guilds(component.path(), guilds, &plugin, "{}")?;
            let (mut baseline, mut planned, mut value) = (f64::MAX, f64::MAX, f64::MAX);
            for round in 0..ROUNDS {
                // In turns, so that all see the same machine.
                baseline = baseline.min(measure(guilds, batch, round, |guild, messages| {
                    native_batch(&mut natives[guild], messages)
                })?);
                planned = planned.min(measure(guilds, batch, round, |guild, messages| {
                    native_batch(&mut planned_natives[guild], messages)
                })?);
                value = value.min(measure(guilds, batch, round, |guild, messages| {
                    component_batch(&mut components[guild], &plugin, messages)
                })?);
            }
            let suffix = if guilds == 1 {
                format!("batch{batch}.guilds1")
            } else {
                format!("batch{batch}")
            };
            let component_name = if batch == 1 { "engine.fresh" } else { "engine" };
            for (name, value) in [
                ("engine.native", baseline),
                ("engine.native.stable_plans", planned),
                (component_name, value),
            ] {
                print(&Figure {
                    name: format!("{name}.{suffix}"),
                    value,
                    unit: "µs CPU/event",
                    baseline: Some(baseline),
                });
            }
        }
    }
    Ok(())
}

fn measure(
    guilds: usize,
    batch: usize,
    round: usize,
    mut run: impl FnMut(usize, Vec<Message>) -> Result<()>,
) -> Result<f64> {
    let mut next_message = (round as u64 + 1) << 40;
    let started = thread_cpu()?;
    for number in 0..EVENTS / batch {
        let messages = (0..batch)
            .map(|index| {
                next_message += 1;
                message(next_message, 1 + (number * batch + index) as u64 % 97)
            })
            .collect();
        run(number % guilds, messages)?;
    }
    Ok((thread_cpu()? - started).as_secs_f64() * 1e6 / EVENTS as f64)
}

fn message(id: u64, author: u64) -> Message {
    Message {
        id: id.into(),
        channel: 5.into(),
        author: User {
            id: UserId(author),
            username: "someone".into(),
            ..User::default()
        },
        content: "hello, has anyone seen the new release? it works for me".into(),
        ..Message::default()
    }
}

/// Ordinary SQLite files; with `stable_plans` SQLite keeps a statement's plan whatever is bound, as guild stores do.
fn native_guilds(directory: &Path, guilds: usize, stable_plans: bool) -> Result<Vec<Connection>> {
    (0..guilds)
        .map(|guild| {
            let connection = Connection::open(directory.join(format!("{guild}.db")))?;
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32;
                 CREATE TABLE probe_messages (author INTEGER, message INTEGER, score INTEGER, PRIMARY KEY (author, message)) WITHOUT ROWID;",
            )?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, stable_plans)?;
            Ok(connection)
        })
        .collect()
}

/// What the probe does, without a component, an authorizer, or a savepoint.
fn native_batch(connection: &mut Connection, messages: Vec<Message>) -> Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for message in messages {
        let (author, id) = (message.author.id.0.cast_signed(), message.id.0.cast_signed());
        let mut select = connection
            .prepare_cached("SELECT score FROM probe_messages WHERE author = ?1 ORDER BY message DESC LIMIT 5")?;
        let mut sum = 0;
        let mut rows = select.query([author])?;
        while let Some(row) = rows.next()? {
            sum += row.get::<_, i64>(0)?;
        }
        let score = probe::score(&message.content) + sum / 8;
        connection
            .prepare_cached("INSERT INTO probe_messages VALUES (?1, ?2, ?3)")?
            .execute((author, id, score))?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// A guild with the tables of a plugin.
pub(crate) struct ComponentGuild {
    /// None only while the plugin is called.
    pub(crate) host: Option<BenchHost>,
    pub(crate) access: Arc<PluginAccess>,
}

/// So many guilds, numbered from 1, in each of which the plugin has these settings.
pub(crate) fn component_guilds(
    directory: &Path,
    guilds: usize,
    plugin: &Plugin<BenchHost>,
    settings: &'static str,
) -> Result<Vec<ComponentGuild>> {
    let description = plugin.description();
    let access = Arc::new(PluginAccess::of(description));
    (0..guilds)
        .map(|guild| {
            let id = GuildId(guild as u64 + 1);
            let mut store = GuildStore::open(directory, id, &StoreLimits::default())?.store;
            store.prepare_plugin(&access, &description.migrations, &description.timers, 0)?;
            Ok(ComponentGuild {
                host: Some(BenchHost::new(store, settings)),
                access: access.clone(),
            })
        })
        .collect()
}

/// One batch as a worker runs it: one transaction, one fresh instance.
fn component_batch(guild: &mut ComponentGuild, plugin: &Arc<Plugin<BenchHost>>, messages: Vec<Message>) -> Result<()> {
    let mut host = guild.host.take().context("the host is back after every batch")?;
    let mut instance = PluginInstance::new(plugin.clone(), CallLimits::default());
    host.store.begin(Undo::Batch)?;
    for message in messages {
        let event = Event {
            guild: host.store.guild(),
            received_at: 0,
            data: EventData::MessageCreate(Box::new(message)),
        };
        host.store.begin_call(&guild.access);
        let (back, report) = instance.handle(host, &PreparedEvent::from(event));
        host = back;
        host.store.end_call(report.result.is_ok())?;
        report.result?;
    }
    host.store.commit(0)?;
    guild.host = Some(host);
    Ok(())
}

/// CPU time of this thread.
pub(crate) fn thread_cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").context("the benchmark needs Linux's /proc")?;
    let nanoseconds = stat.split_whitespace().next().and_then(|field| field.parse().ok());
    Ok(Duration::from_nanos(
        nanoseconds.context("/proc/thread-self/schedstat is empty")?,
    ))
}
