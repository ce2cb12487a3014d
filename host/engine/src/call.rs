//! One call of a plugin: event in, report out. An instance serves the events of one batch of one guild.

use crate::bindings::{self, guildhall::plugin::events};
use crate::imports::CallState;
use crate::limits::CallLimits;
use crate::plugin::Plugin;
use crate::runtime::EPOCH_TICK;
use guildhall_model::{
    CommonSettings, Event, EventKind, GuildId, GuildView, Rows, SqlError, SubmittedAction, UnixMilliseconds, Value,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Store, Trap, WasmBacktrace};

/// What a running call may reach: the guild's database, its snapshot and settings, and the time. It is moved
/// into the instance for the call and comes back with the report.
pub trait CallHost: Send + 'static {
    /// Runs one statement of this plugin and returns its rows.
    fn query(&mut self, plugin: &str, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError>;
    /// Runs one statement of this plugin and returns the number of changed rows.
    fn execute(&mut self, plugin: &str, sql: &str, parameters: &[Value]) -> Result<u64, SqlError>;
    /// No SQL of the call may run past this moment.
    fn set_deadline(&mut self, deadline: Instant);
    /// The guild as Discord last described it.
    fn view(&self) -> &dyn GuildView;
    /// This plugin's settings in this guild as JSON.
    fn settings(&self, plugin: &str) -> String;
    /// The settings that all plugins of this guild share.
    fn common(&self) -> CommonSettings;
    /// Changes when this plugin's settings do.
    fn settings_generation(&self, plugin: &str) -> u64;
    /// The host's time.
    fn now(&self) -> UnixMilliseconds;
}

/// What came of one call.
#[derive(Debug)]
pub struct CallReport {
    /// What the plugin asked for, in order; empty when the call failed.
    pub actions: Vec<SubmittedAction>,
    /// Whether the call's rows and actions count.
    pub result: Result<(), CallFailure>,
}

/// Why a call failed. Its rows and actions must be undone.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// The plugin answered an error.
    #[error("the plugin answered an error: {0}")]
    Answered(String),
    /// The call took longer than its deadline.
    #[error("the call ran past its deadline of {0:?}")]
    Deadline(Duration),
    /// The component trapped.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// There was no instance to be had.
    #[error("the plugin cannot be instantiated: {0}")]
    Instantiate(String),
}

impl CallFailure {
    /// One word for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Answered(_) => "error",
            Self::Deadline(_) => "deadline",
            Self::Trapped(_) => "trap",
            Self::Instantiate(_) => "instantiate",
        }
    }
}

/// An event in the contract's types, converted once and lent to every plugin that subscribes to it.
pub struct PreparedEvent {
    guild: GuildId,
    kind: EventKind,
    event: events::Event,
}

impl From<Event> for PreparedEvent {
    fn from(event: Event) -> Self {
        Self {
            guild: event.guild,
            kind: event.data.kind(),
            event: event.into(),
        }
    }
}

impl PreparedEvent {
    /// The guild it happened in.
    pub fn guild(&self) -> GuildId {
        self.guild
    }

    /// What plugins subscribe by.
    pub fn kind(&self) -> EventKind {
        self.kind
    }
}

/// An instance of a plugin. After a failed call it is finished and the next call takes a fresh one.
pub struct PluginInstance<H: CallHost> {
    plugin: Arc<Plugin<H>>,
    limits: CallLimits,
    live: Option<(Store<CallState<H>>, bindings::Plugin)>,
}

impl<H: CallHost> PluginInstance<H> {
    /// Makes no instance yet: the first call does.
    pub fn new(plugin: Arc<Plugin<H>>, limits: CallLimits) -> Self {
        Self {
            plugin,
            limits,
            live: None,
        }
    }

    /// The plugin that this is an instance of.
    pub fn plugin(&self) -> &Arc<Plugin<H>> {
        &self.plugin
    }

    /// Calls `handle` with one event. The host is handed back in every case.
    pub fn handle(&mut self, mut host: H, event: &PreparedEvent) -> (H, CallReport) {
        host.set_deadline(Instant::now() + self.limits.deadline);
        let (mut store, instance) = match self.live.take() {
            Some(live) => live,
            None => match self.plugin.instantiate(&self.limits) {
                Ok(live) => live,
                Err(error) => {
                    let failure = CallFailure::Instantiate(format!("{error:#}"));
                    return (
                        host,
                        CallReport {
                            actions: Vec::new(),
                            result: Err(failure),
                        },
                    );
                }
            },
        };
        store.data_mut().begin(host, event.guild);
        set_deadline(&mut store, self.limits.deadline);
        let outcome = instance.call_handle(&mut store, &event.event);
        let (host, actions) = store.data_mut().end();
        store.data_mut().log_output();
        let result = match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(message)) => Err(CallFailure::Answered(message)),
            Err(error) => Err(failure(&error, self.limits.deadline)),
        };
        // A plugin's own error leaves its memory sound; after a trap the store is finished.
        if matches!(result, Ok(()) | Err(CallFailure::Answered(_))) {
            self.live = Some((store, instance));
        }
        let actions = if result.is_ok() { actions } else { Vec::new() };
        (host, CallReport { actions, result })
    }
}

pub(crate) fn set_deadline<T>(store: &mut Store<T>, deadline: Duration) {
    let ticks = deadline.as_millis().div_ceil(EPOCH_TICK.as_millis());
    // One more: the first tick may come at once.
    store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2) + 1);
}

pub(crate) fn failure(error: &wasmtime::Error, deadline: Duration) -> CallFailure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallFailure::Deadline(deadline),
        _ => CallFailure::Trapped(in_one_line(error)),
    }
}

/// The cause, and the function that it happened in: wasmtime's own text is a page.
fn in_one_line(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    let function = error.downcast_ref::<WasmBacktrace>().and_then(|trace| {
        trace
            .frames()
            .iter()
            .find_map(|frame| frame.func_name().map(str::to_owned))
    });
    match function {
        Some(function) => format!("{cause} in `{function}`"),
        None => cause,
    }
}
