//! One guild without threads, network and wall clock: whoever drives it says what happens and when, and takes the actions.
//! For tests of plugins, which want the same outcome every time.

use crate::active::ActivePlugins;
use crate::batch::Batch;
use crate::host::GuildHost;
use crate::observed::Observed;
use crate::queued::QueuedEvent;
use crate::settings::{OperatorSettings, SettingsOfPlugins};
use crate::standing::PluginStanding;
use guildhall_discord::Frame;
use guildhall_engine::{CallLimits, PluginRegistry, WarmInstances};
use guildhall_model::{
    ActionResult, Event, EventData, GuildId, OutboxEntry, SessionPosition, UnixMilliseconds, UserId,
};
use guildhall_store::{GuildStore, StoreError};
use std::sync::Arc;

/// Failed calls in a row after which a plugin is switched off.
const FAILURES: u32 = 20;

/// Memory of instances that stay between batches: enough for those of one guild.
const WARM_BYTES: usize = 256 << 20;

/// A timer that has fired.
pub struct Fired {
    /// Whose.
    pub plugin: String,
    /// Its name.
    pub name: String,
    /// When.
    pub at: UnixMilliseconds,
    /// Actions for Discord.
    pub actions: Vec<OutboxEntry>,
}

/// A guild's file with plugins over it.
pub struct SteppedGuild {
    id: GuildId,
    plugins: ActivePlugins,
    standing: PluginStanding,
    warm: WarmInstances<GuildHost>,
    host: Option<GuildHost>,
    session: Arc<str>,
    sequence: u64,
}

impl SteppedGuild {
    /// Over this file, with the registry's plugins, at this moment.
    pub fn new(
        id: GuildId,
        store: Box<GuildStore>,
        registry: &PluginRegistry<GuildHost>,
        own_user: UserId,
        now: UnixMilliseconds,
    ) -> Self {
        let settings = SettingsOfPlugins::new(Arc::new(OperatorSettings::default()));
        let plugins = ActivePlugins::of(registry, &settings);
        let mut host = GuildHost::new(store, Box::default(), plugins.settings.clone(), now);
        host.snapshot.set_own_user(own_user);
        host.observed = Some(Box::default());
        let mut standing = PluginStanding::default();
        standing.prepare(id, &mut host, &plugins);
        Self {
            id,
            plugins,
            standing,
            warm: WarmInstances::new(WARM_BYTES),
            host: Some(host),
            session: "stepped".into(),
            sequence: 0,
        }
    }

    /// Dispatches of the gateway, in one transaction; answers the actions for Discord.
    pub fn dispatch(&mut self, frames: &[Frame], now: UnixMilliseconds) -> Result<Vec<OutboxEntry>, StoreError> {
        let queued = frames.iter().map(|frame| {
            self.sequence += 1;
            let mut event = QueuedEvent::of_frame(self.id, frame, now);
            event.position = Some(SessionPosition {
                session: self.session.clone(),
                sequence: self.sequence,
            });
            event
        });
        let events: Vec<_> = queued.collect();
        self.run(&events, now)
    }

    /// An event that the host makes, for all plugins that subscribe.
    pub fn tell(&mut self, data: EventData, now: UnixMilliseconds) -> Result<Vec<OutboxEntry>, StoreError> {
        let event = Event {
            guild: self.id,
            received_at: now,
            data,
        };
        self.run(&[QueuedEvent::of_host(event)], now)
    }

    /// What came of an action.
    pub fn settle(
        &mut self,
        entry: &OutboxEntry,
        result: Option<ActionResult>,
        now: UnixMilliseconds,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let settled = QueuedEvent::settled(self.id, entry.id, entry.plugin.clone(), result, now);
        self.run(&[settled], now)
    }

    /// Fires the earliest timer that is due up to this moment, at its own time.
    pub fn fire(&mut self, until: UnixMilliseconds) -> Result<Option<Fired>, StoreError> {
        let host = self.host();
        let Some(timer) = host.store.due_timers(until, 1)?.into_iter().next() else {
            return Ok(None);
        };
        let (plugin, name) = (timer.plugin.clone(), timer.name.clone());
        let at = timer.due_at.max(host.now);
        let actions = self.run(&[QueuedEvent::timer(self.id, timer, at)], at)?;
        Ok(Some(Fired {
            plugin,
            name,
            at,
            actions,
        }))
    }

    /// What the plugins have done since this was asked last.
    pub fn take_observed(&mut self) -> Observed {
        let observed = self.host().observed.replace(Box::default());
        observed.map(|observed| *observed).unwrap_or_default()
    }

    /// Sets a plugin's settings.
    pub fn set_settings(&mut self, plugin: &str, json: &str) -> Result<(), StoreError> {
        let active = self.plugins.find(self.id, plugin);
        let version = active.map_or(0, |active| active.settings.version());
        self.host().store.set_settings_of_version(plugin, json, version)
    }

    fn host(&mut self) -> &mut GuildHost {
        // `run` puts it back before it returns.
        self.host.as_mut().expect("the host is between batches here")
    }

    fn run(&mut self, mut events: &[QueuedEvent], now: UnixMilliseconds) -> Result<Vec<OutboxEntry>, StoreError> {
        let limits = CallLimits::default();
        let line_up = self.standing.line_up(self.id, &self.plugins);
        let mut actions = Vec::new();
        // A batch may end before its last event: the others of a worker wait.
        while !events.is_empty() {
            let host = self.host.take().expect("the host is between batches here");
            let (given, observed) = (host.given, host.observed);
            let mut host = GuildHost::new(host.store, host.snapshot, host.settings, now);
            (host.given, host.observed) = (given, observed);
            let mut batch = Batch {
                guild: self.id,
                plugins: &self.plugins,
                line_up: &line_up,
                standing: &mut self.standing,
                warm: &mut self.warm,
                limits: &limits,
                failures: FAILURES,
                call_plugins: true,
            };
            let (host, outcome) = batch.run(host, events);
            let host = self.host.insert(host);
            let committed = outcome?;
            if let Some(observed) = &mut host.observed {
                observed.end_batch();
            }
            events = &events[committed.events..];
            actions.extend(committed.actions);
        }
        Ok(actions)
    }
}
