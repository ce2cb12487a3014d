//! An overlay as kustomize renders it, and ways to look into it.

use crate::cargo::workspace;
use crate::cluster::findings::Findings;
use crate::cluster::tools::Tools;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One overlay.
pub(crate) struct Overlay {
    pub(crate) name: String,
    /// The rendered text.
    pub(crate) file: PathBuf,
    pub(crate) documents: Vec<Value>,
}

/// A pod as a workload describes it.
pub(crate) struct PodTemplate<'a> {
    /// As `StatefulSet gateway`.
    pub(crate) workload: String,
    /// `Deployment`, `StatefulSet` or `CronJob`.
    pub(crate) kind: &'a str,
    pub(crate) labels: &'a Value,
    pub(crate) spec: &'a Value,
}

impl Overlay {
    /// Renders every overlay of a copy of `cluster/` in which examples take the place of secrets.
    pub(crate) fn render_all(tools: &Tools, work: &Path, findings: &mut Findings) -> Result<Vec<Self>> {
        let copied = work.join("copy");
        if copied.exists() {
            std::fs::remove_dir_all(&copied)?;
        }
        copy(&workspace().join("cluster"), &copied)?;
        let mut overlays = Vec::new();
        let mut directories = std::fs::read_dir(copied.join("overlays"))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        directories.sort();
        for directory in directories {
            let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let rendered = Command::new(&tools.kubectl)
                .arg("kustomize")
                .arg(&directory)
                .output()
                .context("kubectl cannot be started")?;
            // It says what is deprecated, and goes on.
            let is_right = rendered.status.success() && rendered.stderr.is_empty();
            findings.expect("overlays", is_right, || {
                format!("{name}: {}", String::from_utf8_lossy(&rendered.stderr).trim())
            });
            let file = work.join(format!("{name}.yaml"));
            std::fs::write(&file, &rendered.stdout)?;
            overlays.push(Self {
                documents: tools.documents(&String::from_utf8_lossy(&rendered.stdout))?,
                name,
                file,
            });
        }
        Ok(overlays)
    }

    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.documents.iter().filter(move |document| document["kind"] == kind)
    }

    /// The document of this kind and name.
    pub(crate) fn find(&self, kind: &str, name: &Value) -> Option<&Value> {
        let named = |document: &&Value| document["kind"] == kind && document["metadata"]["name"] == *name;
        self.documents.iter().find(named)
    }

    /// All pods.
    pub(crate) fn pods(&self) -> Vec<PodTemplate<'_>> {
        let template = |document: &'_ Value| match document["kind"].as_str() {
            Some("Deployment" | "StatefulSet" | "DaemonSet" | "Job") => Some("/spec/template"),
            Some("CronJob") => Some("/spec/jobTemplate/spec/template"),
            _ => None,
        };
        self.documents
            .iter()
            .filter_map(|document| {
                let template = document.pointer(template(document)?)?;
                Some(PodTemplate {
                    workload: name_of(document),
                    kind: document["kind"].as_str()?,
                    labels: &template["metadata"]["labels"],
                    spec: &template["spec"],
                })
            })
            .collect()
    }

    /// The pods that a selector of labels selects.
    pub(crate) fn selected<'a>(&'a self, selector: &Value) -> Vec<PodTemplate<'a>> {
        let mut pods = self.pods();
        pods.retain(|pod| selects(selector, pod.labels));
        pods
    }
}

impl<'a> PodTemplate<'a> {
    /// All containers, those that run before included.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &'a Value> {
        let spec = self.spec;
        ["initContainers", "containers"]
            .into_iter()
            .flat_map(move |list| items(&spec[list]))
    }

    /// Ports of all containers: name and number.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        self.containers()
            .flat_map(|container| items(&container["ports"]))
            .map(|port| (&port["name"], &port["containerPort"]))
    }

    /// Whether a port's name or number is one of its containers'.
    pub(crate) fn has_port(&self, port: &Value) -> bool {
        self.ports().any(|(name, number)| port == name || port == number)
    }
}

/// The members of a list; none where there is no list.
pub(crate) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A list of texts.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    items(list).filter_map(Value::as_str).collect()
}

/// As `Service gateway`.
pub(crate) fn name_of(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{} {}", text(&document["kind"]), text(&document["metadata"]["name"]))
}

/// Whether `matchLabels` and `matchExpressions` (of which only `In` is used) select these labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    let mut pairs = selector["matchLabels"].as_object().into_iter().flatten();
    pairs.all(|(key, value)| labels[key] == *value)
        && items(&selector["matchExpressions"]).all(|expression| {
            let label = &labels[expression["key"].as_str().unwrap_or_default()];
            expression["operator"] == "In" && items(&expression["values"]).any(|value| value == label)
        })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, name) = (entry.path(), entry.file_name());
        if source.is_dir() {
            copy(&source, &to.join(name))?;
        } else if name == "secrets.env.example" {
            std::fs::copy(source, to.join("secrets.env"))?;
        } else if name != "secrets.env" {
            std::fs::copy(source, to.join(name))?;
        }
    }
    Ok(())
}
