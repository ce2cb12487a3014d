//! What people are shown of a guild: its figures, and its plugins with their settings.

use crate::active::{ActivePlugin, ActivePlugins};
use crate::line_up::LineUp;
use crate::router::unix_milliseconds;
use guildhall_discord::GuildSnapshot;
use guildhall_model::{GuildView, Value};
use guildhall_store::{Day, GuildStore};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Days of the plots.
const DAYS: u64 = 30;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
/// Rows that a plugin may give to be plotted.
const MOST: u64 = 300;
/// A plugin's view may take so long.
const PATIENCE: Duration = Duration::from_millis(100);

/// A guild, as its owner knows it.
#[derive(Debug, Serialize)]
pub struct GuildReport {
    /// As Discord last told; none before it did.
    pub name: Option<String>,
    /// Channels that the bot sees.
    pub channels: usize,
    /// Roles.
    pub roles: usize,
    /// Bytes of the guild's file.
    pub bytes: u64,
    /// Committed actions that Discord has not confirmed.
    pub outbox: u64,
    /// The last 30 days, oldest first.
    pub days: Vec<Day>,
    /// The plugins, in the order of their ids.
    pub plugins: Vec<PluginReport>,
}

/// A plugin in a guild.
#[derive(Debug, Serialize)]
pub struct PluginReport {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Whether it is switched off here, as it kept failing.
    pub switched_off: bool,
    /// The JSON Schema of its settings.
    pub schema: serde_json::Value,
    /// Its settings here: the guild's own, or what the operator set for every guild.
    pub settings: serde_json::Value,
    /// What it gives to be plotted.
    pub series: Vec<Series>,
}

/// A figure of a plugin by day.
#[derive(Debug, Serialize)]
pub struct Series {
    /// What is counted, in the plural.
    pub name: String,
    /// The last 30 days, oldest first: the day since 1970-01-01, and the figure.
    pub days: Vec<(u64, u64)>,
}

pub(crate) fn of(
    store: &mut GuildStore,
    snapshot: &GuildSnapshot,
    plugins: &ActivePlugins,
    line_up: &LineUp,
    is_off: impl Fn(&str) -> bool,
) -> anyhow::Result<GuildReport> {
    let (today, operator) = (unix_milliseconds() / DAY, &plugins.settings);
    let plugins = line_up.plugins.iter().map(|index| {
        let active = &plugins.plugins[*index];
        let series = if is_off(active.id()) {
            Vec::new()
        } else {
            series(store, active, today)
        };
        let description = active.plugin.description();
        let own = store.settings(active.id()).map(|settings| settings.json.as_str());
        let settings = own.unwrap_or_else(|| operator.for_every_guild(active.id()));
        PluginReport {
            id: description.id.clone(),
            version: description.version.clone(),
            switched_off: is_off(active.id()),
            schema: json(&description.settings_schema),
            settings: json(settings),
            series,
        }
    });
    let plugins = plugins.collect();
    Ok(GuildReport {
        name: snapshot.info().map(|info| info.name),
        channels: snapshot.channels().len(),
        roles: snapshot.roles().len(),
        bytes: store.file_bytes()?,
        outbox: store.count_actions()?,
        days: store.last_days(unix_milliseconds(), DAYS)?,
        plugins,
    })
}

/// What the plugin's view `ID_portal_days` tells, where it has one: rows of `series`, `day` and `value`.
fn series(store: &mut GuildStore, active: &ActivePlugin, today: u64) -> Vec<Series> {
    let first = today.saturating_sub(DAYS - 1);
    let sql = format!(
        "SELECT series, day, value FROM {}portal_days WHERE day BETWEEN ?1 AND ?2 ORDER BY series, day LIMIT {MOST}",
        active.access.prefix
    );
    store.begin_call(&active.access);
    store.set_deadline(Some(Instant::now() + PATIENCE));
    // One that has no such view is an error as well.
    let rows = store.query(&sql, &[integer(first), integer(today)]).unwrap_or_default();
    if let Err(error) = store.end_call(true) {
        tracing::warn!(plugin = active.id(), %error, "what a plugin plots cannot be read");
    }
    let mut found: Vec<Series> = Vec::new();
    for row in rows.values.chunks(3) {
        let [Value::Text(name), Value::Integer(day), Value::Integer(value)] = row else {
            continue;
        };
        if found.last().is_none_or(|last| last.name != *name) {
            let days = (first..=today).map(|day| (day, 0)).collect();
            let name = name.clone();
            found.push(Series { name, days });
        }
        let known = found.last_mut().map(|series| &mut series.days);
        if let Some(known) = known.and_then(|days| days.iter_mut().find(|(known, _)| i64::try_from(*known) == Ok(*day)))
        {
            known.1 += u64::try_from(*value).unwrap_or(0);
        }
    }
    found
}

fn integer(number: u64) -> Value {
    Value::Integer(number.cast_signed())
}

/// What a plugin or an operator gave as JSON; an empty object for what is none.
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| serde_json::json!({}))
}
