//! What a container's process would be configured with: the file in its ConfigMap, and its variables.

use crate::cluster::manifests::{Overlay, PodTemplate, items};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Takes the place of secrets, as long as any of them must be.
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The configuration of one container.
pub(crate) struct Settings {
    /// The file.
    pub(crate) text: String,
    /// Its keys, flat, with their values as text.
    pub(crate) file: BTreeMap<String, String>,
    /// Variables, with those of the first replica.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Settings {
    /// Resolves every reference; one that leads nowhere gives nothing (others complain about it).
    pub(crate) fn of(overlay: &Overlay, pod: &PodTemplate<'_>, container: &Value) -> Result<Self> {
        let data = |name: &Value| overlay.find("ConfigMap", name).map(|config_map| &config_map["data"]);
        let text = items(&pod.spec["volumes"])
            .filter_map(|volume| data(&volume["configMap"]["name"])?["guildhall.toml"].as_str())
            .next()
            .unwrap_or_default()
            .to_owned();
        let parsed: Value = toml::from_str(&text).context("guildhall.toml")?;
        let mut file = BTreeMap::new();
        flatten("", &parsed, &mut file);

        let mut variables = BTreeMap::new();
        for from in items(&container["envFrom"]) {
            let pairs = data(&from["configMapRef"]["name"]).and_then(Value::as_object);
            for (name, value) in pairs.into_iter().flatten() {
                variables.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
            }
        }
        for variable in items(&container["env"]) {
            let value = match variable["value"].as_str() {
                Some(value) => variables.iter().fold(value.to_owned(), |text, (name, value)| {
                    text.replace(&format!("$({name})"), value)
                }),
                None if variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name" => "gateway-0".to_owned(),
                None => SECRET.to_owned(),
            };
            variables.insert(variable["name"].as_str().unwrap_or_default().to_owned(), value);
        }
        Ok(Self { text, file, variables })
    }

    /// What the key is set to.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let variable = self
            .variables
            .iter()
            .find(|(name, _)| key_of(name).as_deref() == Some(key));
        variable.map(|(_, value)| value).or_else(|| self.file.get(key)).cloned()
    }
}

/// The key that a variable sets.
pub(crate) fn key_of(variable: &str) -> Option<String> {
    let key = variable.strip_prefix("GUILDHALL_")?;
    Some(key.to_lowercase().replace("__", "."))
}

/// The Service of ours, and its port, that a value names as `http://service:port` or `http://pod.service:port`.
pub(crate) fn service_in(value: &str) -> Option<(&str, u64)> {
    let (_, address) = value.split_once("http://")?;
    let (host, port) = address.split_once(':')?;
    if host.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let digits = port
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(port.len());
    Some((host.rsplit('.').next()?, port[..digits].parse().ok()?))
}

fn flatten(prefix: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let key = format!("{prefix}{key}");
        match value {
            Value::Object(_) => flatten(&format!("{key}."), value, keys),
            Value::String(text) => drop(keys.insert(key, text.clone())),
            other => drop(keys.insert(key, other.to_string())),
        }
    }
}
