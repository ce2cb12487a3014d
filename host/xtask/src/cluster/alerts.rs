//! Alerts and dashboards: promtool reads every query and runs the alerts' tests, every alert has one in which it fires,
//! and each metric is one that the code exports.

use crate::cargo::workspace;
use crate::cluster::findings::Findings;
use crate::cluster::manifests::{Overlay, items};
use crate::cluster::metrics::ExportedMetrics;
use crate::cluster::tools::{Tools, said};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Checks what the overlay brings of both.
pub(crate) fn check(
    tools: &Tools,
    work: &Path,
    overlay: &Overlay,
    exported: &ExportedMetrics,
    findings: &mut Findings,
) -> Result<()> {
    for rules in overlay.of_kind("PrometheusRule") {
        check_rules(tools, work, &rules["spec"], exported, findings)?;
    }
    let is_dashboards = |config_map: &&Value| config_map["metadata"]["labels"]["grafana_dashboard"] == "1";
    for config_map in overlay.of_kind("ConfigMap").filter(is_dashboards) {
        for (file, text) in config_map["data"].as_object().into_iter().flatten() {
            let text = text.as_str().unwrap_or_default();
            match serde_json::from_str::<Value>(text) {
                Ok(dashboard) => check_dashboard(work, file, &dashboard, exported, findings)?,
                Err(error) => findings.complain("panels", format!("{file}: it is no JSON: {error}")),
            }
        }
    }
    Ok(())
}

fn check_rules(
    tools: &Tools,
    work: &Path,
    spec: &Value,
    exported: &ExportedMetrics,
    findings: &mut Findings,
) -> Result<()> {
    // JSON is YAML.
    std::fs::write(work.join("rules.yaml"), spec.to_string())?;
    let tests = std::fs::read_to_string(workspace().join("cluster/components/monitoring/rules.test.yaml"))?;
    std::fs::write(work.join("rules.test.yaml"), &tests)?;
    let checked = promtool(work, &["check", "rules", "rules.yaml"])?;
    findings.expect("rule files", checked.is_ok(), || checked.err().unwrap_or_default());
    let tested = promtool(work, &["test", "rules", "rules.test.yaml"])?;
    findings.expect("rule files", tested.is_ok(), || tested.err().unwrap_or_default());

    let tests = tools.documents(&tests)?;
    let mut fired = BTreeSet::new();
    for test in items(&tests[0]["tests"]).flat_map(|test| items(&test["alert_rule_test"])) {
        findings.count("alert tests");
        if items(&test["exp_alerts"]).next().is_some() {
            fired.insert(test["alertname"].clone().to_string());
        }
    }
    for rule in items(&spec["groups"]).flat_map(|group| items(&group["rules"])) {
        let alert = rule["alert"].to_string();
        findings.expect("alerts", fired.contains(&alert), || {
            format!("{alert}: no test sees it fire")
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let annotations = &rule["annotations"];
        for field in ["summary", "description"] {
            findings.expect("alerts", annotations[field].is_string(), || {
                format!("{alert}: it has no {field}")
            });
            // Labels are checked in queries; a sentence has none.
            for name in text(&annotations[field])
                .split('`')
                .filter(|name| name.starts_with("guildhall_"))
            {
                expect_metrics(exported, &alert, name, findings);
            }
        }
        expect_metrics(exported, &alert, &text(&rule["expr"]), findings);
    }
    Ok(())
}

fn check_dashboard(
    work: &Path,
    file: &str,
    dashboard: &Value,
    exported: &ExportedMetrics,
    findings: &mut Findings,
) -> Result<()> {
    let mut rules = Vec::new();
    for panel in items(&dashboard["panels"]) {
        let title = panel["title"].as_str().unwrap_or_default();
        let queries: Vec<_> = items(&panel["targets"])
            .filter_map(|target| target["expr"].as_str())
            .collect();
        findings.expect("panels", !title.is_empty() && !queries.is_empty(), || {
            format!("{file}: the panel {title:?} has no title or no query")
        });
        for query in queries {
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$namespace", "guildhall");
            expect_metrics(exported, &format!("{file}, {title}"), &query, findings);
            rules.push(json!({ "record": format!("panel:{}", rules.len()), "expr": query }));
        }
    }
    // As rules, so that promtool reads them.
    let name = format!("{file}.rules.yaml");
    let group = json!({ "groups": [{ "name": file, "rules": rules }] });
    std::fs::write(work.join(&name), group.to_string())?;
    let checked = promtool(work, &["check", "rules", "--lint=none", &name])?;
    findings.expect("rule files", checked.is_ok(), || {
        format!("{file}: {}", checked.err().unwrap_or_default())
    });
    Ok(())
}

fn expect_metrics(exported: &ExportedMetrics, by: &str, text: &str, findings: &mut Findings) {
    findings.count("metrics");
    for complaint in exported.complaints(text) {
        findings.complain("metrics", format!("{by}: {complaint}"));
    }
}

/// What promtool complains about.
fn promtool(work: &Path, arguments: &[&str]) -> Result<Result<(), String>> {
    let ran = Command::new("promtool")
        .current_dir(work)
        .args(arguments)
        .output()
        .context("promtool cannot be started")?;
    Ok(if ran.status.success() { Ok(()) } else { Err(said(&ran)) })
}
