//! A loaded plugin version: compiled, linked, described and checked. Nothing of a guild lives here.

use crate::artifact::{ArtifactCache, digest};
use crate::call::{CallHost, failure, set_deadline};
use crate::description::check;
use crate::imports::{CallState, Identity};
use crate::limits::CallLimits;
use crate::runtime::{GuestClass, Runtime};
use crate::spent::Spent;
use crate::world::{Exports, World};
use guildhall_catalogue::Grant;
use guildhall_model::{EventKind, PluginDescription};
use guildhall_settings::SettingsSchema;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::{Engine, Store};

/// Instances that are made to learn what one costs.
const STARTS: usize = 5;

/// Why a component was not taken. The version that runs, if any, goes on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a component, or one that wasmtime refuses.
    #[error("not a WebAssembly component that this host can run: {0}; build it for wasm32-wasip2")]
    Compile(String),
    /// It is a component, but no plugin.
    #[error("not a plugin of guildhall:plugin: it imports nothing of it; build it for the world `plugin` in wit/")]
    Foreign,
    /// Built for another version of the contract.
    #[error("built for guildhall:plugin@{0}, which this host does not run; build it for 0.2.0 or 0.1.0")]
    Contract(String),
    /// The world differs.
    #[error("not a plugin of guildhall:plugin@{0}: {1}")]
    World(String, String),
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
    /// As the component describes itself.
    wants: Arc<PluginDescription>,
    /// The same with nothing in it that was not granted.
    description: PluginDescription,
    settings_schema: Arc<SettingsSchema>,
    digest: String,
    serial: u64,
    identity: Arc<Identity>,
    linked: Arc<Linked<H>>,
    start: Duration,
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
        let mut linked = Linked::load(runtime, artifacts, GuestClass::Compact, wasm)?;
        // What is too large for the pool of the others fails here, whatever fails everywhere fails below once more.
        let mut start = linked.start(limits).unwrap_or(Duration::MAX);
        if start > runtime.compact_start() {
            linked = Linked::load(runtime, artifacts, GuestClass::Script, wasm)?;
            let failed = |error: wasmtime::Error| LoadError::Describe(failure(&error, limits.deadline).to_string());
            start = linked.start(limits).map_err(failed)?;
        }
        let description = linked.describe(limits)?;
        let settings_schema = SettingsSchema::of(&description).map_err(|error| LoadError::Description {
            plugin: description.id.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            identity: Arc::new(Identity::of(&description)),
            wants: Arc::new(description.clone()),
            description,
            settings_schema: Arc::new(settings_schema),
            digest: digest(wasm),
            serial: next_serial(),
            linked: Arc::new(linked),
            start,
        })
    }

    /// The same version, held to what of its wants is granted.
    pub(crate) fn narrowed(&self, granted: &Grant) -> Self {
        let description = granted.narrow((*self.wants).clone());
        Self {
            identity: Arc::new(Identity::narrowed(&description, &self.wants)),
            wants: self.wants.clone(),
            description,
            digest: self.digest.clone(),
            serial: next_serial(),
            settings_schema: self.settings_schema.clone(),
            linked: self.linked.clone(),
            start: self.start,
        }
    }

    /// What the plugin says of itself, as far as it was granted.
    pub fn description(&self) -> &PluginDescription {
        &self.description
    }

    /// The schema of its settings, compiled.
    pub fn settings_schema(&self) -> &SettingsSchema {
        &self.settings_schema
    }

    /// The hosts that it may ask over HTTPS.
    pub fn http_hosts(&self) -> &BTreeSet<String> {
        self.identity.http_hosts()
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How its instances are made.
    pub fn class(&self) -> GuestClass {
        self.linked.class
    }

    /// CPU time that an instance takes to be made, measured when it was loaded.
    pub fn start(&self) -> Duration {
        self.start
    }

    /// Differs for any two versions, and for the same one with another grant.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether it is called for such events.
    pub fn handles(&self, kind: EventKind) -> bool {
        self.description.events.contains(&kind)
    }

    pub(crate) fn import_names(&self) -> &[String] {
        &self.linked.imports
    }

    pub(crate) fn instantiate(&self, limits: &CallLimits) -> wasmtime::Result<(Store<CallState<H>>, Exports)> {
        self.linked.instantiate(self.identity.clone(), limits)
    }
}

fn next_serial() -> u64 {
    static SERIALS: AtomicU64 = AtomicU64::new(0);
    SERIALS.fetch_add(1, Ordering::Relaxed)
}

/// A component in the engine of its class.
struct Linked<H: CallHost> {
    class: GuestClass,
    engine: Engine,
    world: World<H>,
    /// Names of the interfaces that it imports.
    imports: Vec<String>,
    // Keeps the engine's clock going.
    _runtime: Runtime,
}

impl<H: CallHost> Linked<H> {
    fn load(runtime: &Runtime, artifacts: &ArtifactCache, class: GuestClass, wasm: &[u8]) -> Result<Self, LoadError> {
        let component = artifacts.load(runtime, class, wasm).map_err(|error| {
            // wasmtime shows bytes that it did not expect one a line.
            let reason = format!("{error:#}");
            LoadError::Compile(reason.split_whitespace().collect::<Vec<_>>().join(" "))
        })?;
        let engine = runtime.engine(class).clone();
        let imports = component.component_type();
        let imports = imports.imports(&engine).map(|(name, _)| name.to_owned());
        Ok(Self {
            imports: imports.collect(),
            world: World::link(&engine, &component)?,
            class,
            engine,
            _runtime: runtime.clone(),
        })
    }

    fn instantiate(
        &self,
        identity: Arc<Identity>,
        limits: &CallLimits,
    ) -> wasmtime::Result<(Store<CallState<H>>, Exports)> {
        let mut store = Store::new(&self.engine, CallState::new(identity, limits));
        store.limiter(|state| state.bounds());
        store.set_hostcall_fuel(limits.argument_bytes);
        store.epoch_deadline_trap();
        set_deadline(&mut store, limits.deadline);
        let exports = self.world.instantiate(&mut store)?;
        Ok((store, exports))
    }

    /// The median of what it costs to make an instance and to drop it.
    fn start(&self, limits: &CallLimits) -> wasmtime::Result<Duration> {
        let identity = Arc::new(Identity::unknown());
        let mut starts = [Duration::ZERO; STARTS];
        for start in &mut starts {
            let before = Spent::by_this_thread();
            drop(self.instantiate(identity.clone(), limits)?);
            *start = before.elapsed().cpu;
        }
        starts.sort_unstable();
        Ok(starts[STARTS / 2])
    }

    fn describe(&self, limits: &CallLimits) -> Result<PluginDescription, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Describe(failure(&error, limits.deadline).to_string());
        let unknown = Arc::new(Identity::unknown());
        let (mut store, exports) = self.instantiate(unknown, limits).map_err(failed)?;
        set_deadline(&mut store, limits.deadline);
        let mut description = exports.describe(&mut store).map_err(failed)?;
        match check(&description) {
            Ok(()) => {
                self.world.complete(&mut description);
                Ok(description)
            }
            Err(reason) => Err(LoadError::Description {
                plugin: description.id,
                reason,
            }),
        }
    }
}
