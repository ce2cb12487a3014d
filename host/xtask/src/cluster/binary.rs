//! What manifests name of the binary: it is built, asked for its configuration's keys and its commands' flags, and
//! started, to see that it serves the paths that are asked for.

mod served;
mod settings;

use crate::cargo::{target_directory, workspace};
use crate::cluster::commands;
use crate::cluster::findings::Findings;
use crate::cluster::manifests::{Overlay, PodTemplate, items, name_of, texts};
use crate::cluster::metrics::rust_sources;
use crate::cluster::tools::said;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use served::Served;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary, and what it says of itself.
pub(crate) struct Binary {
    program: PathBuf,
    work: PathBuf,
    /// Keys of the configuration, with their defaults.
    keys: BTreeMap<String, String>,
    /// Its source: variables that are no keys stand in it by their names.
    source: String,
    served: Served,
}

impl Binary {
    /// Asks and starts it; it ends with the value.
    pub(crate) fn start(work: &Path) -> Result<Self> {
        let program = target_directory().join("debug").join("guildhall");
        let printed = Command::new(&program)
            .arg("configuration")
            .output()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        ensure!(
            printed.status.success(),
            "`guildhall configuration` failed: {}",
            said(&printed)
        );
        let keys: BTreeMap<_, _> = String::from_utf8_lossy(&printed.stdout)
            .lines()
            .skip(2)
            .filter_map(|row| {
                let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
                Some((cells.nth(1)?, cells.next()?))
            })
            .collect();
        ensure!(!keys.is_empty(), "`guildhall configuration` prints no keys");
        let mut source = String::new();
        for file in rust_sources(&workspace().join("host"))? {
            source.push_str(&std::fs::read_to_string(file)?);
        }
        Ok(Self {
            served: Served::start(&program, work)?,
            program,
            work: work.to_owned(),
            keys,
            source,
        })
    }

    /// Checks everything that the overlay names of it.
    pub(crate) fn check(&self, overlay: &Overlay, findings: &mut Findings) -> Result<()> {
        for pod in overlay.pods() {
            for container in pod.containers().filter(|container| is_ours(container)) {
                self.check_commands(&pod, container, findings);
                let settings = Settings::of(overlay, &pod, container)?;
                self.check_settings(overlay, &pod, container, &settings, findings);
                if findings.is_clean("configuration keys") {
                    self.check_acceptance(overlay, &pod, &settings, findings)?;
                }
                for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                    if let Some(path) = container[probe]["httpGet"]["path"].as_str() {
                        self.expect_path(self.served.observed(path)?, &pod.workload, path, findings);
                    }
                }
            }
        }
        for monitor in overlay.of_kind("ServiceMonitor") {
            for path in items(&monitor["spec"]["endpoints"]).filter_map(|endpoint| endpoint["path"].as_str()) {
                self.expect_path(self.served.observed(path)?, &name_of(monitor), path, findings);
            }
        }
        for ingress in overlay.of_kind("Ingress") {
            let paths = items(&ingress["spec"]["rules"]).flat_map(|rule| items(&rule["http"]["paths"]));
            for path in paths.filter_map(|path| path["path"].as_str()) {
                self.expect_path(self.served.public(path)?, &name_of(ingress), path, findings);
            }
        }
        Ok(())
    }

    fn expect_path(&self, status: u16, by: &str, path: &str, findings: &mut Findings) {
        findings.expect("paths", status != 404, || {
            format!("{by}: the binary does not serve {path}")
        });
    }

    fn check_commands(&self, pod: &PodTemplate<'_>, container: &Value, findings: &mut Findings) {
        let mut given = vec![texts(&container["args"])];
        for hook in ["/lifecycle/preStop/exec/command", "/lifecycle/postStart/exec/command"] {
            if let Some(command) = container.pointer(hook) {
                let command = texts(command);
                findings.expect("commands", command.first() == Some(&"guildhall"), || {
                    format!("{}: the image has no program {:?}", pod.workload, command.first())
                });
                given.push(command[1..].to_vec());
            }
        }
        for arguments in given {
            let known = commands::check(&self.program, &arguments);
            findings.expect("commands", known.is_ok(), || {
                format!("{}: {}", pod.workload, known.err().unwrap_or_default())
            });
        }
    }

    fn check_settings(
        &self,
        overlay: &Overlay,
        pod: &PodTemplate<'_>,
        container: &Value,
        settings: &Settings,
        findings: &mut Findings,
    ) {
        for key in settings.file.keys() {
            findings.expect("configuration keys", self.is_key(key), || {
                format!("guildhall.toml: the binary has no key {key}")
            });
        }
        for variable in settings.variables.keys() {
            let key = settings::key_of(variable);
            let is_known = key.is_some_and(|key| self.is_key(&key)) || self.source.contains(&format!("{variable:?}"));
            findings.expect("configuration keys", is_known, || {
                format!("the binary does not know the variable {variable}")
            });
        }
        for (key, value) in settings.file.iter().chain(&settings.variables) {
            if let Some((service, port)) = settings::service_in(value) {
                let has_port = |service: &Value| items(&service["spec"]["ports"]).any(|known| known["port"] == port);
                let found = overlay.find("Service", &service.into()).is_some_and(has_port);
                findings.expect("ports", found, || {
                    format!("{key} = {value}: there is no such Service and port")
                });
            }
        }
        let value = |key: &str| {
            settings
                .value(key)
                .or_else(|| self.keys.get(key).cloned())
                .unwrap_or_default()
        };
        let listens: &[&str] = match texts(&container["args"]).first() {
            Some(&"gateway") => &["listen", "cluster.listen"],
            Some(&"config") => &["listen", "config_service.listen"],
            Some(&"http") => &["listen", "http.listen"],
            _ => &[],
        };
        let listening: BTreeSet<_> = listens.iter().map(|key| value(key)).collect();
        let opened: BTreeSet<_> = items(&container["ports"])
            .map(|port| format!("0.0.0.0:{}", port["containerPort"]))
            .collect();
        findings.expect("ports", listening == opened, || {
            format!(
                "{}: it listens on {listening:?}, and its container has {opened:?}",
                pod.workload
            )
        });
        if listens.contains(&"cluster.listen") {
            let seconds = |key: &str| value(key).parse::<u64>().unwrap_or(0);
            let needed = 2 * seconds("cluster.hand_over_seconds") + seconds("drain_seconds");
            let given = pod.spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
            findings.expect("grace periods", given >= needed, || {
                format!("{}: draining may take {needed} s, and it gets {given} s", pod.workload)
            });
        }
    }

    fn is_key(&self, key: &str) -> bool {
        let is_below_a_table = ["settings.", "guild_settings."]
            .iter()
            .any(|table| key.starts_with(table));
        is_below_a_table || self.keys.contains_key(key)
    }

    /// The binary reads the values too, as it would in the pod.
    fn check_acceptance(
        &self,
        overlay: &Overlay,
        pod: &PodTemplate<'_>,
        settings: &Settings,
        findings: &mut Findings,
    ) -> Result<()> {
        let file = self.work.join("guildhall.toml");
        std::fs::write(&file, &settings.text)?;
        // It reads the configuration, and finds nobody.
        let asked = Command::new(&self.program)
            .env_clear()
            // Where a container is given none, it needs none, but this command does.
            .env("GUILDHALL_CLUSTER_SECRET", "the-secret-of-a-check")
            .envs(&settings.variables)
            .env("GUILDHALL_CLUSTER__CONFIG", "[\"http://127.0.0.1:1\"]")
            .args(["pods", "--config"])
            .arg(&file)
            .output()?;
        let complaint = said(&asked);
        findings.expect(
            "configurations",
            complaint.contains("no config service answers"),
            || format!("overlay {}, {}: {complaint}", overlay.name, pod.workload),
        );
        Ok(())
    }
}

/// Whether the container runs the image's own program.
fn is_ours(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    name.starts_with("guildhall:") && container["command"].is_null()
}
