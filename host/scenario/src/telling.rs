//! What happened, as text. Ids are told as names at the end, all at once.

use crate::story::Step;
use anyhow::{Context, Result};
use guildhall_model::{Action, OutboxEntry, Outcome, UnixMilliseconds, table_prefix};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// From here on, a whole number is a moment.
const MOMENTS: u64 = 1_600_000_000_000;

/// A step in one line.
pub(crate) fn step(step: &Step) -> String {
    let fields = serde_json::to_value(step).unwrap_or_default();
    let told: Vec<_> = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match (key.as_str(), value) {
            ("after", value) => format!("+{}", plain(value)),
            (key, Value::Object(parts)) => format!("{key} {}", fields_of(parts, None)),
            (key, value) => format!("{key} {}", plain(value)),
        })
        .collect();
    told.join(", ")
}

/// An action's kind as the contract calls it.
pub(crate) fn kind(action: &Action) -> String {
    serde_json::to_value(action)
        .ok()
        .and_then(|value| value.as_object()?.keys().next().cloned())
        .unwrap_or_default()
}

/// An action and, where it was refused, why.
pub(crate) fn action(entry: &OutboxEntry, outcome: &Outcome, now: UnixMilliseconds) -> String {
    let value = serde_json::to_value(&entry.submitted.action).unwrap_or_default();
    let Some((kind, Value::Object(mut parts))) = value
        .as_object()
        .and_then(|value| value.iter().next().map(|(kind, parts)| (kind.clone(), parts.clone())))
    else {
        return String::new();
    };
    match parts.remove("body") {
        Some(Value::Object(body)) => parts.extend(body),
        Some(body) => drop(parts.insert("body".into(), body)),
        None => {}
    }
    let mut blocks = String::new();
    for key in ["content", "data", "components", "body"] {
        let Some(Value::String(text)) = parts.remove(key).filter(|value| value != "") else {
            continue;
        };
        match serde_json::from_str::<Value>(&text) {
            Ok(mut json) if key != "content" => {
                if let Some(Value::String(content)) = json.as_object_mut().and_then(|json| json.remove("content")) {
                    blocks.push_str(&block(&content));
                }
                blocks.push_str(&components(&json));
            }
            _ => blocks.push_str(&block(&text)),
        }
    }
    if let Some(Value::Array(files)) = parts.remove("files") {
        for file in &files {
            blocks.push_str(&format!("      file {}\n", plain(&file["name"])));
            blocks.push_str(&block(file["text"].as_str().unwrap_or_default()));
        }
    }
    parts.remove("token");
    let reason = entry
        .submitted
        .reason
        .as_ref()
        .map(|reason| format!(" reason={reason:?}"));
    let refused = match outcome {
        Outcome::Refused(refusal) => format!(
            " -> refused: {} ({}, code {})",
            refusal.message, refusal.status, refusal.code
        ),
        Outcome::HttpResponse(response) => format!(" -> {}", response.status),
        Outcome::Failed(reason) => format!(" -> failed: {reason}"),
        _ => String::new(),
    };
    let fields = fields_of(&parts, Some(now));
    let space = if fields.is_empty() { "" } else { " " };
    format!(
        "   {kind}{space}{fields}{}{refused}\n{blocks}",
        reason.unwrap_or_default()
    )
}

/// Components and what else a response holds, a line each.
fn components(json: &Value) -> String {
    let mut lines = String::new();
    match json {
        Value::Array(rows) => {
            for row in rows {
                for part in row["components"].as_array().into_iter().flatten() {
                    lines.push_str(&format!(
                        "      [{}] {}\n",
                        component_name(part),
                        part["custom_id"].as_str().unwrap_or_default()
                    ));
                }
                if row["components"].is_null() {
                    lines.push_str(&format!("      {row}\n"));
                }
            }
        }
        Value::Object(parts) => {
            let mut rest = parts.clone();
            let inner = rest.remove("components");
            rest.remove("allowed_mentions");
            if !rest.is_empty() {
                lines.push_str(&format!("      {}\n", fields_of(&rest, None)));
            }
            lines.push_str(&inner.as_ref().map(components).unwrap_or_default());
        }
        _ => {}
    }
    lines
}

fn component_name(part: &Value) -> String {
    let label = part["label"].as_str().or(part["placeholder"].as_str()).unwrap_or("?");
    let disabled = if part["disabled"] == true { ", disabled" } else { "" };
    format!("{label}{disabled}")
}

fn block(text: &str) -> String {
    text.lines().map(|line| format!("      | {line}\n")).collect()
}

fn fields_of(parts: &serde_json::Map<String, Value>, now: Option<UnixMilliseconds>) -> String {
    let shown = parts.iter().filter(|(_, value)| !is_nothing(value));
    let told = shown.map(|(key, value)| match (value.as_u64(), now) {
        (Some(moment), Some(now)) if (MOMENTS..1 << 45).contains(&moment) => format!("{key}={}", offset(moment, now)),
        _ => format!("{key}={}", plain(value)),
    });
    told.collect::<Vec<_>>().join(" ")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Bool(true) => false,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text)
            if !text.is_empty()
                && text
                    .chars()
                    .all(|character| !character.is_whitespace() && character != '"') =>
        {
            text.clone()
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(values) => format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Object(parts) => format!("{{ {} }}", fields_of(parts, None)),
        other => other.to_string(),
    }
}

/// A moment as it lies after another: `+20h`.
pub(crate) fn offset(moment: UnixMilliseconds, start: UnixMilliseconds) -> String {
    let sign = if moment < start { '-' } else { '+' };
    let span = std::time::Duration::from_millis(moment.abs_diff(start));
    format!(
        "{sign}{}",
        humantime::format_duration(span).to_string().replace(' ', "")
    )
}

/// The plugins' rows.
pub(crate) fn rows(
    file: &Path,
    plugins: &[String],
    shown: Option<&[String]>,
    start: UnixMilliseconds,
) -> Result<String> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("{}", file.display()))?;
    let mut tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let of_plugins = |table: &String| plugins.iter().any(|id| table.starts_with(&table_prefix(id)));
    tables.retain(|table| shown.map_or(of_plugins(table), |shown| shown.contains(table)));
    let mut told = String::new();
    for table in tables {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))
            .or_else(|_| connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fields = Vec::new();
            for (index, column) in columns.iter().enumerate() {
                match row.get_ref(index)? {
                    ValueRef::Null => {}
                    ValueRef::Integer(number) => match u64::try_from(number) {
                        Ok(moment) if (MOMENTS..1 << 45).contains(&moment) => {
                            fields.push(format!("{column}={}", offset(moment, start)));
                        }
                        _ => fields.push(format!("{column}={number}")),
                    },
                    ValueRef::Real(number) => fields.push(format!("{column}={number}")),
                    ValueRef::Text(text) => {
                        let text = Value::String(String::from_utf8_lossy(text).into_owned());
                        fields.push(format!("{column}={}", plain(&text)));
                    }
                    ValueRef::Blob(bytes) => fields.push(format!("{column}={} bytes", bytes.len())),
                }
            }
            told.push_str(&format!("   {table} {}\n", fields.join(" ")));
        }
    }
    Ok(told)
}

/// Lines of the log: what plugins write, and every warning.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
        tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_env_filter("warn,plugin=info")
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .finish()
    }

    /// The lines since the last time.
    pub(crate) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .map(|line| format!("   log{}\n", line.trim_end()))
            .collect()
    }
}

impl<'writer> MakeWriter<'writer> for Log {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
