//! One call of a plugin: event in, report out. An instance serves the events of one batch of one guild.

use crate::bindings::guildhall::plugin::events;
use crate::imports::{CallFigures, CallState};
use crate::limits::CallLimits;
use crate::plugin::Plugin;
use crate::runtime::{EPOCH_TICK, GuestClass};
use crate::spent::Spent;
use crate::world::Exports;
use guildhall_model::{
    CommonSettings, Event, EventKind, GuildId, GuildView, Rows, SqlError, SubmittedAction, UnixMilliseconds, Value,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Store, Trap, WasmBacktrace};

/// Bytes of a page of memory, or fewer than it has.
const PAGE: usize = 4096;

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
    /// Whether the guild's database is there to be opened.
    fn open(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
    /// Sees every action before the grant and the contract's bounds do, and may refuse it.
    fn admit(&mut self, _action: &SubmittedAction) -> Result<(), ActionRefusal> {
        Ok(())
    }
}

/// Why an action is not taken.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionRefusal {
    /// The plugin lacks a capability.
    NotGranted(String),
    /// Too many or too large.
    Limit(String),
    /// It makes no sense.
    Invalid(String),
}

/// What came of one call.
#[derive(Debug)]
pub struct CallReport {
    /// What the plugin asked for, in order; empty when the call failed.
    pub actions: Vec<SubmittedAction>,
    /// What the plugin counted and observed; nothing when the call failed.
    pub figures: CallFigures,
    /// Whether the call's rows and actions count.
    pub result: Result<(), CallFailure>,
}

impl CallReport {
    fn failed(failure: CallFailure) -> Self {
        Self {
            actions: Vec::new(),
            figures: CallFigures::default(),
            result: Err(failure),
        }
    }
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

    pub(crate) fn wire(&self) -> &events::Event {
        &self.event
    }
}

/// An instance of a plugin, for one guild at a time. After a failed call it is finished and the next call takes a fresh one.
pub struct PluginInstance<H: CallHost> {
    plugin: Arc<Plugin<H>>,
    limits: CallLimits,
    guild: Option<GuildId>,
    live: Option<Live<H>>,
}

struct Live<H: CallHost> {
    store: Store<CallState<H>>,
    exports: Exports,
    /// Bytes of linear memory that it began with.
    initial: usize,
    /// Pages of memory that its calls took, at most.
    pages: u64,
}

impl<H: CallHost> PluginInstance<H> {
    /// Makes no instance yet: the first call does.
    pub fn new(plugin: Arc<Plugin<H>>, limits: CallLimits) -> Self {
        Self {
            plugin,
            limits,
            guild: None,
            live: None,
        }
    }

    /// The plugin that this is an instance of.
    pub fn plugin(&self) -> &Arc<Plugin<H>> {
        &self.plugin
    }

    /// The guild whose event it was called with last.
    pub fn guild(&self) -> Option<GuildId> {
        self.guild
    }

    /// Whether there is something to keep: its last call was sound.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Bytes of memory that it takes, at most: what it has written to of the memory that it began with, and all that was
    /// added.
    pub fn memory_bytes(&mut self) -> usize {
        let Some(live) = &mut self.live else { return 0 };
        let added = live.store.data_mut().bounds().memory() - live.initial;
        let touched = usize::try_from(live.pages).unwrap_or(usize::MAX).saturating_mul(PAGE);
        // Where pages are not known, all of them may be.
        let touched = if touched == 0 {
            live.initial
        } else {
            touched.min(live.initial)
        };
        added + touched
    }

    /// Calls `handle` with one event. The host is handed back in every case.
    pub fn handle(&mut self, mut host: H, event: &PreparedEvent) -> (H, CallReport) {
        if self.guild.replace(event.guild) != Some(event.guild) {
            // What it remembers is another guild's.
            self.live = None;
        }
        host.set_deadline(Instant::now() + self.limits.deadline);
        // Only those that are kept are measured.
        let before = (self.plugin.class() == GuestClass::Script).then(Spent::by_this_thread);
        let mut live = match self.live.take().map_or_else(|| self.start(), Ok) {
            Ok(live) => live,
            Err(error) => {
                let failure = CallFailure::Instantiate(format!("{error:#}"));
                return (host, CallReport::failed(failure));
            }
        };
        let Live { store, exports, .. } = &mut live;
        store.data_mut().begin(host, event.guild);
        set_deadline(store, self.limits.deadline);
        let outcome = exports.handle(store, event);
        let (host, actions, figures) = store.data_mut().end();
        store.data_mut().log_output();
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(message)) => Some(CallFailure::Answered(message)),
            Err(error) => Some(failure(&error, self.limits.deadline)),
        };
        if let Some(failure) = failure {
            return (host, CallReport::failed(failure));
        }
        live.pages += before.map_or(0, |before| before.elapsed().pages);
        self.live = Some(live).filter(|live| !live.store.data().is_worn());
        let report = CallReport {
            actions,
            figures,
            result: Ok(()),
        };
        (host, report)
    }

    fn start(&self) -> wasmtime::Result<Live<H>> {
        let (mut store, exports) = self.plugin.instantiate(&self.limits)?;
        Ok(Live {
            initial: store.data_mut().bounds().memory(),
            store,
            exports,
            pages: 0,
        })
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
