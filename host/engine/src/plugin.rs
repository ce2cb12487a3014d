//! A loaded plugin version: compiled, linked, described and checked. Nothing of a guild lives here.

use crate::artifact::{ArtifactCache, digest};
use crate::bindings::{self, PluginPre};
use crate::call::{CallHost, failure, set_deadline};
use crate::imports::{CallState, Identity};
use crate::limits::CallLimits;
use crate::runtime::Runtime;
use crate::wasi;
use guildhall_model::{EventKind, PluginDescription};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};

/// Why a component was not taken. The version that runs, if any, goes on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a component, or one that wasmtime refuses.
    #[error("not a WebAssembly component that this host can run: {0}; build it for wasm32-wasip2")]
    Compile(String),
    /// The world differs.
    #[error("not a plugin of guildhall:plugin@0.2.0: {0}")]
    World(String),
    /// `describe` failed or went over a bound.
    #[error("`describe` failed: {0}")]
    Describe(String),
    /// What `describe` answered cannot be accepted.
    #[error("plugin `{plugin}` describes itself wrongly: {reason}")]
    Description {
        /// The id that it gave.
        plugin: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// One version of a plugin, ready to be instantiated on any worker.
pub struct Plugin<H: CallHost> {
    description: PluginDescription,
    digest: String,
    identity: Arc<Identity>,
    runtime: Runtime,
    pre: PluginPre<CallState<H>>,
}

impl<H: CallHost> Plugin<H> {
    /// Compiles (or maps), links, describes and checks a component. Takes seconds for a large one: call it off
    /// the workers.
    pub fn load(
        runtime: &Runtime,
        artifacts: &ArtifactCache,
        limits: &CallLimits,
        wasm: &[u8],
    ) -> Result<Self, LoadError> {
        let component = artifacts
            .load(runtime, wasm)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let world = |error: wasmtime::Error| LoadError::World(format!("{error:#}"));
        let mut linker = Linker::<CallState<H>>::new(runtime.engine());
        bindings::Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(world)?;
        wasi::add_to_linker(&mut linker, &component).map_err(world)?;
        let pre = PluginPre::new(linker.instantiate_pre(&component).map_err(world)?).map_err(world)?;
        let description = describe(runtime, &pre, limits)?;
        let identity = Identity {
            plugin: description.id.clone(),
            granted: description.capabilities.clone(),
        };
        Ok(Self {
            identity: Arc::new(identity),
            description,
            digest: digest(wasm),
            runtime: runtime.clone(),
            pre,
        })
    }

    /// What the plugin says of itself.
    pub fn description(&self) -> &PluginDescription {
        &self.description
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether it is called for such events.
    pub fn handles(&self, kind: EventKind) -> bool {
        self.description.events.contains(&kind)
    }

    pub(crate) fn instantiate(&self, limits: &CallLimits) -> wasmtime::Result<(Store<CallState<H>>, bindings::Plugin)> {
        instantiate(&self.runtime, &self.pre, self.identity.clone(), limits)
    }
}

fn instantiate<H: CallHost>(
    runtime: &Runtime,
    pre: &PluginPre<CallState<H>>,
    identity: Arc<Identity>,
    limits: &CallLimits,
) -> wasmtime::Result<(Store<CallState<H>>, bindings::Plugin)> {
    let mut store = Store::new(runtime.engine(), CallState::new(identity, limits));
    store.limiter(|state| state.store_limits());
    store.set_hostcall_fuel(limits.argument_bytes);
    store.epoch_deadline_trap();
    set_deadline(&mut store, limits.deadline);
    let instance = pre.instantiate(&mut store)?;
    Ok((store, instance))
}

fn describe<H: CallHost>(
    runtime: &Runtime,
    pre: &PluginPre<CallState<H>>,
    limits: &CallLimits,
) -> Result<PluginDescription, LoadError> {
    let failed = |error: wasmtime::Error| LoadError::Describe(failure(&error, limits.deadline).to_string());
    let nobody = Identity {
        plugin: "(describe)".into(),
        granted: BTreeSet::new(),
    };
    let (mut store, instance) = instantiate(runtime, pre, Arc::new(nobody), limits).map_err(failed)?;
    set_deadline(&mut store, limits.deadline);
    let description = PluginDescription::from(instance.call_describe(&mut store).map_err(failed)?);
    match check(&description) {
        Ok(()) => Ok(description),
        Err(reason) => Err(LoadError::Description {
            plugin: description.id,
            reason,
        }),
    }
}

fn check(description: &PluginDescription) -> Result<(), String> {
    let id = &description.id;
    let id_is_sound = (1..=32).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !id_is_sound {
        return Err(format!(
            "id {id:?} must be 1 to 32 lower-case letters, digits and hyphens, starting with a letter"
        ));
    }
    if matches!(id.as_str(), "guild" | "guildhall" | "sqlite") {
        return Err(format!("id {id:?} is reserved; choose another"));
    }
    if let Err(error) = semver::Version::parse(&description.version) {
        return Err(format!(
            "version {:?} is not a semantic version ({error}); write it as 1.2.3",
            description.version
        ));
    }
    for (index, migration) in description.migrations.iter().enumerate() {
        let expected = index + 1;
        if usize::try_from(migration.version) != Ok(expected) {
            return Err(format!(
                "migration {} stands where {expected} is due; number them from 1 without gaps",
                migration.version
            ));
        }
    }
    for timer in &description.timers {
        if timer.every_seconds == 0 {
            return Err(format!("timer {:?} fires every 0 seconds; the least is 1", timer.name));
        }
    }
    match serde_json::from_str::<serde_json::Value>(&description.settings_schema) {
        Ok(serde_json::Value::Object(_)) => {}
        Ok(_) => return Err("the settings schema must be a JSON object; `{}` when there are no settings".into()),
        Err(error) => return Err(format!("the settings schema is not JSON: {error}")),
    }
    for command in &description.commands {
        if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(command) {
            return Err(format!("a command is not a JSON object: {error}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::{Migration, RecurringTimer};

    fn described(change: impl FnOnce(&mut PluginDescription)) -> Result<(), String> {
        let mut description = PluginDescription {
            id: "spam-guard".into(),
            version: "1.2.3".into(),
            events: BTreeSet::new(),
            commands: vec![r#"{"name":"report"}"#.into()],
            settings_schema: "{}".into(),
            capabilities: BTreeSet::new(),
            migrations: vec![Migration {
                version: 1,
                sql: String::new(),
            }],
            timers: Vec::new(),
            topics: BTreeSet::new(),
            readable_plugins: BTreeSet::new(),
        };
        change(&mut description);
        check(&description)
    }

    #[test]
    fn a_sound_description_is_taken() {
        assert_eq!(described(|_| {}), Ok(()));
    }

    #[test]
    fn a_wrong_one_is_refused_with_the_value_and_what_would_be_right() {
        let refused = |change: fn(&mut PluginDescription), parts: [&str; 2]| {
            let reason = described(change).expect_err("it is wrong");
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        };
        refused(|wrong| wrong.id = "Spam".into(), ["\"Spam\"", "lower-case"]);
        refused(|wrong| wrong.id = "guildhall".into(), ["guildhall", "reserved"]);
        refused(|wrong| wrong.version = "1".into(), ["\"1\"", "1.2.3"]);
        refused(|wrong| wrong.migrations[0].version = 2, ["migration 2", "from 1"]);
        refused(|wrong| wrong.settings_schema = "[]".into(), ["object", "{}"]);
        refused(|wrong| wrong.commands[0] = "report".into(), ["command", "JSON"]);
        refused(
            |wrong| {
                wrong.timers = vec![RecurringTimer {
                    name: "tick".into(),
                    every_seconds: 0,
                }]
            },
            ["\"tick\"", "least is 1"],
        );
    }
}
