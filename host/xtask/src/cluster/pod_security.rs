//! What every pod promises: no rights, bounded memory, a network that denies by default, probes, and a budget for
//! disruptions.

use crate::cluster::findings::Findings;
use crate::cluster::manifests::{Overlay, PodTemplate, name_of, texts};
use serde_json::{Value, json};

/// Checks every pod of the overlay, and what protects it.
pub(crate) fn check(overlay: &Overlay, findings: &mut Findings) {
    for namespace in overlay.of_kind("Namespace") {
        let level = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        findings.expect("pod rights", *level == "restricted", || {
            format!("{}: it does not enforce the restricted level", name_of(namespace))
        });
    }
    let denied = overlay.of_kind("NetworkPolicy").any(|policy| {
        let spec = &policy["spec"];
        spec["podSelector"] == json!({})
            && spec["policyTypes"] == json!(["Ingress", "Egress"])
            && spec["ingress"].is_null()
            && spec["egress"].is_null()
    });
    findings.expect("pod rights", denied, || {
        format!("overlay {}: no NetworkPolicy denies everything", overlay.name)
    });
    for account in overlay.of_kind("ServiceAccount") {
        findings.expect("pod rights", account["automountServiceAccountToken"] == false, || {
            format!("{}: automountServiceAccountToken is not false", name_of(account))
        });
    }
    for pod in overlay.pods() {
        check_pod(overlay, &pod, findings);
        for container in pod.containers() {
            check_container(&pod, container, findings);
        }
    }
}

fn check_pod(overlay: &Overlay, pod: &PodTemplate<'_>, findings: &mut Findings) {
    let (spec, security) = (pod.spec, &pod.spec["securityContext"]);
    let has_budget = || {
        overlay.of_kind("PodDisruptionBudget").any(|budget| {
            let selected = overlay.selected(&budget["spec"]["selector"]);
            selected.len() == 1 && selected[0].workload == pod.workload
        })
    };
    let rules = [
        (
            "its ServiceAccount is not there",
            overlay.find("ServiceAccount", &spec["serviceAccountName"]).is_some(),
        ),
        (
            "automountServiceAccountToken is not false",
            spec["automountServiceAccountToken"] == false,
        ),
        (
            "enableServiceLinks is not false: they are variables that nobody set",
            spec["enableServiceLinks"] == false,
        ),
        ("runAsNonRoot is not true", security["runAsNonRoot"] == true),
        (
            "runAsUser is missing",
            security["runAsUser"].as_u64().is_some_and(|user| user > 0),
        ),
        (
            "seccompProfile is not RuntimeDefault",
            security["seccompProfile"]["type"] == "RuntimeDefault",
        ),
        (
            "it has no PodDisruptionBudget of its own",
            !runs_guildhall(pod) || pod.kind == "CronJob" || has_budget(),
        ),
    ];
    for (complaint, is_right) in rules {
        findings.expect("pod rights", is_right, || format!("{}: {complaint}", pod.workload));
    }
}

fn runs_guildhall(pod: &PodTemplate<'_>) -> bool {
    pod.containers().any(|container| container["name"] == "guildhall")
}

fn check_container(pod: &PodTemplate<'_>, container: &Value, findings: &mut Findings) {
    let security = &container["securityContext"];
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':'));
    let resources = &container["resources"];
    let is_init = !pod.spec["containers"]
        .as_array()
        .is_some_and(|list| list.contains(container));
    let stays = pod.kind != "CronJob" && (!is_init || container["restartPolicy"] == "Always");
    let is_gateway = container["name"] == "guildhall" && texts(&container["args"]).first() == Some(&"gateway");
    let rules = [
        (
            "allowPrivilegeEscalation is not false",
            security["allowPrivilegeEscalation"] == false,
        ),
        (
            "readOnlyRootFilesystem is not true",
            security["readOnlyRootFilesystem"] == true,
        ),
        (
            "not all capabilities are dropped",
            security["capabilities"] == json!({"drop": ["ALL"]}),
        ),
        ("it requests no CPU", resources["requests"]["cpu"].is_string()),
        ("it requests no memory", resources["requests"]["memory"].is_string()),
        ("its memory has no limit", resources["limits"]["memory"].is_string()),
        (
            "its image has no fixed tag",
            tag.is_some_and(|(_, tag)| tag != "latest"),
        ),
        (
            "it has no startup probe",
            !stays || container["startupProbe"].is_object(),
        ),
        (
            "it has no readiness probe",
            !stays || is_init || container["readinessProbe"].is_object(),
        ),
        (
            "a gateway pod is promised to start with 256Mi and 50m",
            !is_gateway || resources["requests"] == json!({"cpu": "50m", "memory": "256Mi"}),
        ),
        (
            "a gateway pod drains before it is stopped",
            !is_gateway || texts(&container["lifecycle"]["preStop"]["exec"]["command"]).contains(&"drain"),
        ),
    ];
    for (complaint, is_right) in rules {
        let name = container["name"].as_str().unwrap_or("?");
        findings.expect("pod rights", is_right, || {
            format!("{}, container {name}: {complaint}", pod.workload)
        });
    }
}
