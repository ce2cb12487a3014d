//! The world of a component: which version of the contract it was built for decides how it is linked and called.

use crate::bindings::{Plugin as CurrentPlugin, PluginPre as CurrentPre};
use crate::call::{CallHost, PreparedEvent};
use crate::contract::v0_1;
use crate::imports::CallState;
use crate::plugin::LoadError;
use crate::wasi;
use guildhall_model::PluginDescription;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

/// What the interfaces of the contract are called.
const PACKAGE: &str = "guildhall:plugin/";

/// A linked component, ready to be instantiated.
pub(crate) enum World<H: CallHost> {
    V0_2(CurrentPre<CallState<H>>),
    V0_1(v0_1::PluginPre<H>),
}

/// The exports of one instance.
pub(crate) enum Exports {
    V0_2(CurrentPlugin),
    V0_1(v0_1::Plugin),
}

impl<H: CallHost> World<H> {
    /// Links the component to the contract that it was built for.
    pub(crate) fn link(engine: &Engine, component: &Component) -> Result<Self, LoadError> {
        let version = version(engine, component)?;
        let mut linker = Linker::<CallState<H>>::new(engine);
        let linked = wasi::add_to_linker(&mut linker, component).and_then(|()| match compatible(&version) {
            "0.2" => {
                CurrentPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
                let pre = linker.instantiate_pre(component)?;
                Ok(Some(Self::V0_2(CurrentPre::new(pre)?)))
            }
            "0.1" => {
                v0_1::add_to_linker(&mut linker)?;
                let pre = linker.instantiate_pre(component)?;
                Ok(Some(Self::V0_1(v0_1::PluginPre::new(component, pre)?)))
            }
            _ => Ok(None),
        });
        match linked {
            Ok(Some(world)) => Ok(world),
            Ok(None) => Err(LoadError::Contract(version)),
            Err(error) => Err(LoadError::World(version, format!("{error:#}"))),
        }
    }

    pub(crate) fn instantiate(&self, store: &mut Store<CallState<H>>) -> wasmtime::Result<Exports> {
        match self {
            Self::V0_2(pre) => pre.instantiate(store).map(Exports::V0_2),
            Self::V0_1(pre) => pre.instantiate(store).map(Exports::V0_1),
        }
    }

    /// Adds to a description that was checked what its contract did not ask for.
    pub(crate) fn complete(&self, description: &mut PluginDescription) {
        if let Self::V0_1(_) = self {
            v0_1::complete(description);
        }
    }
}

impl Exports {
    pub(crate) fn describe<H: CallHost>(&self, store: &mut Store<CallState<H>>) -> wasmtime::Result<PluginDescription> {
        match self {
            Self::V0_2(plugin) => plugin.call_describe(store).map(PluginDescription::from),
            Self::V0_1(plugin) => plugin.call_describe(store),
        }
    }

    pub(crate) fn handle<H: CallHost>(
        &self,
        store: &mut Store<CallState<H>>,
        event: &PreparedEvent,
    ) -> wasmtime::Result<Result<(), String>> {
        match self {
            Self::V0_2(plugin) => plugin.call_handle(store, event.wire()),
            Self::V0_1(plugin) => plugin.call_handle(store, event.wire()),
        }
    }
}

/// The version that the component's imports name: whatever it imports of the contract, their types among it.
fn version(engine: &Engine, component: &Component) -> Result<String, LoadError> {
    let world = component.component_type();
    let mut versions = world
        .imports(engine)
        .filter_map(|(name, _)| Some(name.strip_prefix(PACKAGE)?.split_once('@')?.1.to_owned()));
    let first = versions.next().ok_or(LoadError::Foreign)?;
    match versions.find(|version| *version != first) {
        Some(other) => Err(LoadError::Contract(format!("{first} and {other} at once"))),
        None => Ok(first),
    }
}

/// What two versions have in common that understand each other: below 1.0.0, all but the last number.
fn compatible(version: &str) -> &str {
    version.rsplit_once('.').map_or(version, |(series, _)| series)
}
