//! Names within an overlay: what one manifest refers to, another one has.

use crate::cluster::findings::Findings;
use crate::cluster::manifests::{Overlay, PodTemplate, items, name_of};
use serde_json::{Value, json};

/// Checks every reference of the overlay.
pub(crate) fn check(overlay: &Overlay, findings: &mut Findings) {
    for pod in overlay.pods() {
        for container in pod.containers() {
            check_variables(overlay, &pod, container, findings);
            check_probes(&pod, container, findings);
            check_mounts(&pod, container, findings);
        }
        for volume in items(&pod.spec["volumes"]) {
            let config_map = &volume["configMap"]["name"];
            if config_map.is_string() {
                expect_generated(overlay, "ConfigMap", config_map, &pod.workload, findings);
            }
        }
    }
    for service in overlay.of_kind("Service") {
        let pods = overlay.selected(&json!({ "matchLabels": service["spec"]["selector"] }));
        for port in items(&service["spec"]["ports"]) {
            let is_right = !pods.is_empty() && pods.iter().all(|pod| pod.has_port(&port["targetPort"]));
            findings.expect("ports", is_right, || {
                format!("{}: no container has the port {}", name_of(service), port["targetPort"])
            });
        }
    }
    for ingress in overlay.of_kind("Ingress") {
        let rules = items(&ingress["spec"]["rules"]).flat_map(|rule| items(&rule["http"]["paths"]));
        for backend in rules.map(|path| &path["backend"]["service"]) {
            let service = overlay.find("Service", &backend["name"]);
            let has_port = |service: &Value| {
                items(&service["spec"]["ports"])
                    .any(|port| port["name"] == backend["port"]["name"] || port["port"] == backend["port"]["number"])
            };
            findings.expect("ports", service.is_some_and(has_port), || {
                format!("{}: there is no service and port {backend}", name_of(ingress))
            });
        }
    }
    for policy in overlay.of_kind("NetworkPolicy") {
        check_policy(overlay, policy, findings);
    }
    for monitor in overlay.of_kind("ServiceMonitor") {
        for endpoint in items(&monitor["spec"]["endpoints"]) {
            let labels = monitor["spec"]["selector"]["matchLabels"].as_object();
            let watched = overlay.of_kind("Service").filter(|service| {
                let mut pairs = labels.into_iter().flatten();
                pairs.all(|(key, value)| service["metadata"]["labels"][key] == *value)
                    && items(&service["spec"]["ports"]).any(|port| port["name"] == endpoint["port"])
            });
            findings.expect("ports", watched.count() == 3, || {
                format!(
                    "{}: it does not find the port {} of the three roles",
                    name_of(monitor),
                    endpoint["port"]
                )
            });
        }
    }
}

fn check_variables(overlay: &Overlay, pod: &PodTemplate<'_>, container: &Value, findings: &mut Findings) {
    for from in items(&container["envFrom"]) {
        expect_generated(
            overlay,
            "ConfigMap",
            &from["configMapRef"]["name"],
            &pod.workload,
            findings,
        );
    }
    for variable in items(&container["env"]) {
        let secret = &variable["valueFrom"]["secretKeyRef"];
        if !secret.is_object() {
            continue;
        }
        expect_generated(overlay, "Secret", &secret["name"], &pod.workload, findings);
        let key = secret["key"].as_str().unwrap_or_default();
        let has_key = overlay
            .find("Secret", &secret["name"])
            .is_some_and(|secret| secret["data"][key].is_string() || secret["stringData"][key].is_string());
        findings.expect("secrets", has_key, || {
            format!("{}: secrets.env.example of {} has no {key}", pod.workload, overlay.name)
        });
    }
}

/// It is there, and its name ends with the hash of what it holds: a change of it is a rollout.
fn expect_generated(overlay: &Overlay, kind: &'static str, name: &Value, by: &str, findings: &mut Findings) {
    let hash = name
        .as_str()
        .and_then(|name| name.rsplit_once('-'))
        .map(|(_, hash)| hash);
    let is_hashed = hash.is_some_and(|hash| hash.len() == 10 && hash.chars().all(|c| c.is_ascii_alphanumeric()));
    findings.expect("references", is_hashed && overlay.find(kind, name).is_some(), || {
        format!("{by}: there is no generated {kind} {name}")
    });
}

fn check_probes(pod: &PodTemplate<'_>, container: &Value, findings: &mut Findings) {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let port = &container[probe]["httpGet"]["port"];
        if !port.is_null() {
            let has_port =
                items(&container["ports"]).any(|known| known["name"] == *port || known["containerPort"] == *port);
            findings.expect("ports", has_port, || {
                format!(
                    "{}: {probe} asks the port {port}, which the container does not have",
                    pod.workload
                )
            });
        }
    }
}

fn check_mounts(pod: &PodTemplate<'_>, container: &Value, findings: &mut Findings) {
    let claims = || pod.kind == "StatefulSet";
    for mount in items(&container["volumeMounts"]) {
        let is_volume = items(&pod.spec["volumes"]).any(|volume| volume["name"] == mount["name"]);
        findings.expect("references", is_volume || (claims() && mount["name"] == "data"), || {
            format!("{}: there is no volume {}", pod.workload, mount["name"])
        });
    }
}

/// Ports that are opened between pods of ours are ports that they have.
fn check_policy(overlay: &Overlay, policy: &Value, findings: &mut Findings) {
    let spec = &policy["spec"];
    let mut expect = |pods: Vec<PodTemplate<'_>>, ports: &Value| {
        for port in items(ports) {
            let has_port = !pods.is_empty() && pods.iter().any(|pod| pod.has_port(&port["port"]));
            findings.expect("ports", has_port, || {
                format!("{}: no selected pod has the port {}", name_of(policy), port["port"])
            });
        }
    };
    // cert-manager's pods are not among ours.
    let is_ours = spec["podSelector"].to_string().contains("app.kubernetes.io/component");
    for rule in items(&spec["ingress"]).filter(|_| is_ours) {
        expect(overlay.selected(&spec["podSelector"]), &rule["ports"]);
    }
    for rule in items(&spec["egress"]) {
        for to in items(&rule["to"]).filter(|to| to["podSelector"].is_object()) {
            expect(overlay.selected(&to["podSelector"]), &rule["ports"]);
        }
    }
}
