//! Loading components, and calling them for guilds of which nothing is known.

use guildhall_engine::{
    ArtifactCache, CallHost, CallLimits, CallReport, LoadError, Plugin, PluginInstance, PreparedEvent, Runtime,
    RuntimeConfig,
};
use guildhall_model::{
    CommonSettings, Event, EventData, GuildId, GuildView, Message, Rows, SqlError, UnixMilliseconds, UnknownGuild,
    Value,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// A guild of which nothing is known.
pub(crate) struct Host;

impl CallHost for Host {
    fn query(&mut self, _: &str, _: &str, _: &[Value]) -> Result<Rows, SqlError> {
        Ok(Rows::default())
    }
    fn execute(&mut self, _: &str, _: &str, _: &[Value]) -> Result<u64, SqlError> {
        Ok(0)
    }
    fn set_deadline(&mut self, _: Instant) {}
    fn view(&self) -> &dyn GuildView {
        &UnknownGuild
    }
    fn settings(&self, _: &str) -> String {
        "{}".into()
    }
    fn common(&self) -> CommonSettings {
        CommonSettings::default()
    }
    fn settings_generation(&self, _: &str) -> u64 {
        0
    }
    fn now(&self) -> UnixMilliseconds {
        0
    }
}

/// A component that `cargo xtask plugins` has built.
pub(crate) fn built(name: &str) -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let file = target.join("plugins").join(format!("{name}.wasm"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask plugins` builds it", file.display()))
}

pub(crate) fn load(wasm: &[u8], config: &RuntimeConfig) -> Result<Arc<Plugin<Host>>, LoadError> {
    let directory = TempDir::new().unwrap();
    let runtime = Runtime::new(config).unwrap();
    let artifacts = ArtifactCache::open(directory.path()).unwrap();
    Plugin::load(&runtime, &artifacts, &CallLimits::default(), wasm).map(Arc::new)
}

/// Calls it with a message of this guild.
pub(crate) fn call(instance: &mut PluginInstance<Host>, guild: u64, content: &str) -> CallReport {
    let message = Message {
        content: content.into(),
        ..Message::default()
    };
    let event = Event {
        guild: GuildId(guild),
        received_at: 0,
        data: EventData::MessageCreate(Box::new(message)),
    };
    instance.handle(Host, &PreparedEvent::from(event)).1
}
