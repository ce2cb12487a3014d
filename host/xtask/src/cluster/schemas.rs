//! Fields: Kubernetes' own kinds by its schemas, strictly; others, for which there are none here, by the fields that we
//! use of them.

use crate::cluster::findings::Findings;
use crate::cluster::manifests::{Overlay, items, name_of};
use crate::cluster::tools::{Tools, said};
use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Command;

/// The oldest version that has all that is used: native sidecars, and `sleep` as a hook.
const KUBERNETES: &str = "1.30";

/// Checks every document of the overlay.
pub(crate) fn check(tools: &Tools, overlay: &Overlay, findings: &mut Findings) -> Result<()> {
    let checked = Command::new(&tools.kubernetes_validate)
        .args(["-k", KUBERNETES, "--strict"])
        .arg(&overlay.file)
        .output()
        .context("kubernetes-validate cannot be started")?;
    let text = said(&checked);
    let passed = text
        .lines()
        .filter(|line| line.contains(" passed for resource "))
        .count();
    let mut others = 0;
    for document in &overlay.documents {
        if let Some(is_right) = check_other(document) {
            others += 1;
            findings.expect("custom resources", is_right.is_ok(), || {
                format!("{}: {}", name_of(document), is_right.err().unwrap_or_default())
            });
        }
    }
    for _ in 0..passed {
        findings.count("schemas");
    }
    if passed + others != overlay.documents.len() || !checked.status.success() {
        let complaints = text.lines().filter(|line| !line.contains(" passed for resource "));
        let complaints: Vec<_> = complaints
            .filter(|line| !line.contains("Couldn't find schema for kind PrometheusRule"))
            .filter(|line| !line.contains("Couldn't find schema for kind ServiceMonitor"))
            .collect();
        findings.complain("schemas", format!("{}: {}", overlay.name, complaints.join("; ")));
    }
    Ok(())
}

/// None for Kubernetes' own kinds. What a PrometheusRule holds is promtool's to check.
fn check_other(document: &Value) -> Option<Result<(), String>> {
    const MONITOR: &[&str] = &["jobLabel", "selector", "endpoints"];
    const ENDPOINT: &[&str] = &["port", "path", "interval", "scrapeTimeout"];
    if document["apiVersion"] != "monitoring.coreos.com/v1" {
        return None;
    }
    let spec = &document["spec"];
    let checked = only(document, &["apiVersion", "kind", "metadata", "spec"]);
    Some(match document["kind"].as_str() {
        Some("PrometheusRule") => checked.and_then(|()| only(spec, &["groups"])),
        Some("ServiceMonitor") => checked
            .and_then(|()| only(spec, MONITOR))
            .and_then(|()| only(&spec["selector"], &["matchLabels"]))
            .and_then(|()| items(&spec["endpoints"]).try_for_each(|endpoint| only(endpoint, ENDPOINT))),
        _ => Err("nothing here knows this kind's fields".into()),
    })
}

/// All of these keys, and no others.
fn only(value: &Value, keys: &[&str]) -> Result<(), String> {
    let map = value.as_object().ok_or("a mapping is missing")?;
    if let Some(unknown) = map.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(format!("the field {unknown:?} is not known"));
    }
    match keys.iter().find(|key| !map.contains_key(**key)) {
        Some(missing) => Err(format!("the field {missing:?} is missing")),
        None => Ok(()),
    }
}
