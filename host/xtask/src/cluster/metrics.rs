//! The metrics that the code exports, as its source names them: kind and labels. Most come to be only at work, so a
//! running process would not show them all.

use crate::cargo::workspace;
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Labels that Prometheus gives, and `le` of buckets.
const GIVEN: &[&str] = &[
    "namespace",
    "pod",
    "service",
    "job",
    "instance",
    "container",
    "endpoint",
    "le",
];

/// All metrics by their names.
pub(crate) struct ExportedMetrics(BTreeMap<String, Metric>);

#[derive(Default)]
struct Metric {
    is_histogram: bool,
    labels: BTreeSet<String>,
}

impl ExportedMetrics {
    /// Reads the source.
    pub(crate) fn collect() -> Result<Self> {
        let mut metrics = BTreeMap::<String, Metric>::new();
        for file in rust_sources(&workspace().join("host"))? {
            let text = std::fs::read_to_string(file)?;
            for (macro_name, is_histogram) in [("counter!(", false), ("gauge!(", false), ("histogram!(", true)] {
                for (start, _) in text.match_indices(macro_name) {
                    let arguments = within_parentheses(&text[start + macro_name.len()..]).trim_start();
                    let Some((name, rest)) = arguments.strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
                        continue;
                    };
                    let metric = metrics.entry(name.to_owned()).or_default();
                    metric.is_histogram |= is_histogram;
                    let labels = rest.match_indices("=>").filter_map(|(arrow, _)| {
                        let label = rest[..arrow].trim_end().strip_suffix('"')?;
                        Some(label[label.rfind('"')? + 1..].to_owned())
                    });
                    metric.labels.extend(labels);
                }
            }
        }
        ensure!(!metrics.is_empty(), "no metric was found in the source below host/");
        Ok(Self(metrics))
    }

    /// What the code does not export of a text's metrics (those of ours: `guildhall_…`), or of their labels.
    pub(crate) fn complaints(&self, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut labels: BTreeSet<&str> = GIVEN.iter().copied().collect();
        for name in words(text).filter(|word| word.starts_with("guildhall_")) {
            let base = ["_bucket", "_count", "_sum"]
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix))
                .find(|base| self.0.get(*base).is_some_and(|metric| metric.is_histogram));
            match (self.0.get(name), base.and_then(|base| self.0.get(base))) {
                (_, Some(metric)) => labels.extend(metric.labels.iter().map(String::as_str)),
                (Some(metric), None) if !metric.is_histogram => labels.extend(metric.labels.iter().map(String::as_str)),
                (Some(_), None) => complaints.push(format!("{name} is a histogram: it has _bucket, _count and _sum")),
                (None, None) => complaints.push(format!("the code exports no metric {name}")),
            }
        }
        if complaints.is_empty() && text.contains("guildhall_") {
            let unknown = labels_in(text).into_iter().filter(|label| !labels.contains(label));
            complaints.extend(unknown.map(|label| format!("no metric of {text:?} has the label {label}")));
        }
        complaints
    }
}

/// Labels that a query groups, joins or matches by.
fn labels_in(query: &str) -> Vec<&str> {
    let mut labels = Vec::new();
    for keyword in ["by (", "on (", "ignoring (", "without ("] {
        for (start, _) in query.match_indices(keyword) {
            labels.extend(words(within_parentheses(&query[start + keyword.len()..])));
        }
    }
    for selector in query.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        for matcher in selector.split(',') {
            labels.extend(
                matcher
                    .split(['=', '!'])
                    .next()
                    .map(str::trim)
                    .filter(|label| !label.is_empty()),
            );
        }
    }
    labels
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// Up to the parenthesis that closes one before the text.
fn within_parentheses(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}

/// The source files of the host, but for tests and tasks.
pub(crate) fn rust_sources(host: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for package in std::fs::read_dir(host)? {
        let package = package?.path();
        if package.file_name().is_some_and(|name| name != "xtask") {
            add_sources(&package.join("src"), &mut files)?;
        }
    }
    Ok(files)
}

fn add_sources(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            add_sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_what_is_exported() {
        let metric = |is_histogram, label: &str| Metric {
            is_histogram,
            labels: BTreeSet::from([label.to_owned()]),
        };
        let exported = ExportedMetrics(BTreeMap::from([
            ("guildhall_events_total".to_owned(), metric(false, "kind")),
            ("guildhall_event_seconds".to_owned(), metric(true, "route")),
        ]));
        for right in [
            "sum by (kind, pod) (rate(guildhall_events_total{namespace=\"x\"}[5m])) > 1",
            "histogram_quantile(0.9, sum by (le, route) (rate(guildhall_event_seconds_bucket[5m])))",
            "up{job=\"x\"} == 0",
        ] {
            assert_eq!(exported.complaints(right), Vec::<String>::new(), "{right}");
        }
        for (wrong, complaint) in [
            ("guildhall_event_total", "no metric guildhall_event_total"),
            ("guildhall_event_seconds > 1", "is a histogram"),
            (
                "guildhall_events_total_bucket",
                "no metric guildhall_events_total_bucket",
            ),
            ("sum by (role) (guildhall_events_total)", "label role"),
            ("guildhall_events_total{result!=\"x\"}", "label result"),
        ] {
            let complaints = exported.complaints(wrong).join("; ");
            assert!(complaints.contains(complaint), "{wrong}: {complaints}");
        }
    }
}
