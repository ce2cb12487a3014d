//! One transaction of one guild: its waiting events, the plugins that subscribe to them, their actions into the
//! outbox, the cursor. It commits as a whole or has not happened.

use crate::active::{ActivePlugin, ActivePlugins};
use crate::cause::Cause;
use crate::host::GuildHost;
use crate::line_up::LineUp;
use crate::observed::ObservedCall;
use crate::queued::{QueuedEvent, Takes};
use crate::standing::PluginStanding;
use guildhall_discord::{CommandKey, Permissions, SnapshotUpdate};
use guildhall_engine::{CallFigures, CallHost, CallLimits, PluginInstance, PreparedEvent, WarmInstances};
use guildhall_model::{
    Action, COMMON_SETTINGS, ChannelId, Event, EventData, EventKind, Gap, GuildId, History, OutboxEntry, Signal,
    SubmittedAction, UnixMilliseconds,
};
use guildhall_store::{SessionStart, StoreError, StoredTimer, Undo};
use guildhall_trace::Trace;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Signals that may follow from one event, all plugins together: a ring of plugins that answer each other ends here.
const SIGNALS: usize = 32;

/// How long a batch may go on to its next event: the other guilds of the worker wait.
const TURN: Duration = Duration::from_millis(50);

/// What a committed batch leaves to be done.
#[derive(Default)]
pub(crate) struct Committed {
    /// Events that are done, from the first on; the others wait for the guild's next turn.
    pub(crate) events: usize,
    /// Actions for Discord, on disk now.
    pub(crate) actions: Vec<OutboxEntry>,
    /// Events that had been applied before.
    pub(crate) replayed: usize,
    /// Gaps that were noted, on disk now.
    pub(crate) gaps: Vec<Gap>,
    /// Channels of which something was missed that the bot may not read.
    pub(crate) unreadable: Vec<ChannelId>,
    /// Whether a session brought events before it described the guild: what was missed before it is not known.
    pub(crate) undescribed: bool,
    /// Missed events that are applied now, by their kind.
    pub(crate) caught_up: BTreeMap<&'static str, u64>,
    /// Whether the snapshot changed.
    snapshot_changed: bool,
    /// Calls that succeeded, by index of the plugin.
    succeeded: BTreeMap<usize, u64>,
    /// What plugins counted and observed, by index of the plugin.
    figures: BTreeMap<usize, CallFigures>,
    /// One for each call that failed, by index of the plugin.
    failed: Vec<usize>,
}

/// What a batch runs with.
pub(crate) struct Batch<'worker> {
    pub(crate) guild: GuildId,
    pub(crate) plugins: &'worker ActivePlugins,
    /// What of them the guild calls.
    pub(crate) line_up: &'worker LineUp,
    pub(crate) standing: &'worker mut PluginStanding,
    pub(crate) warm: &'worker mut WarmInstances<GuildHost>,
    pub(crate) limits: &'worker CallLimits,
    /// Failed calls in a row after which a plugin is switched off.
    pub(crate) failures: u32,
    /// Whether plugins are called: not in a guild whose quota they used up so far that the host's own rows have no
    /// place left.
    pub(crate) call_plugins: bool,
}

/// A call that made SQLite give the whole transaction up: the batch runs again without it.
struct Lost {
    event: usize,
    plugin: usize,
    reason: String,
}

enum Stop {
    Lost(Lost),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Batch<'_> {
    /// Applies the events. The host comes back in every case; after an error nothing of the batch is on disk.
    pub(crate) fn run(
        &mut self,
        host: GuildHost,
        events: &[QueuedEvent],
    ) -> (GuildHost, Result<Committed, StoreError>) {
        let mut left_out = BTreeSet::new();
        // Where a plugin has failed lately, it probably will again.
        let mut undo = if self.standing.has_failures() {
            Undo::Call
        } else {
            Undo::Batch
        };
        let mut host = Some(host);
        let mut outcome = loop {
            let mut attempt = Attempt {
                batch: self,
                host: &mut host,
                undo,
                left_out: &left_out,
                instances: Vec::new(),
                messages: 0,
                trace: Trace::default(),
                cause: None,
                committed: Committed::default(),
            };
            match attempt.run(events) {
                Ok(()) => {
                    let Attempt {
                        instances, committed, ..
                    } = attempt;
                    instances.into_iter().for_each(|(_, instance)| self.warm.keep(instance));
                    break Ok(committed);
                }
                Err(stop) => {
                    attempt.host().store.roll_back();
                    let disk_is_full = attempt.host().store.is_disk_full();
                    match (stop, undo) {
                        // Some call failed. From now on each stands behind a savepoint of its own.
                        (Stop::Lost(_), Undo::Batch) => undo = Undo::Call,
                        // Not the call's fault: all of the batch waits until there is room.
                        (Stop::Lost(Lost { reason, .. }), Undo::Call) if disk_is_full => {
                            let guild = self.guild;
                            break Err(StoreError::TransactionLost { guild, reason });
                        }
                        (Stop::Lost(Lost { event, plugin, .. }), Undo::Call) => drop(left_out.insert((event, plugin))),
                        (Stop::Store(error), _) => break Err(error),
                    }
                }
            }
        };
        if let Ok(committed) = &mut outcome {
            for (plugin, figures) in std::mem::take(&mut committed.figures) {
                publish(self.plugins.plugins[plugin].id(), figures);
            }
            for (plugin, calls) in &committed.succeeded {
                let active = &self.plugins.plugins[*plugin];
                active.calls.increment(*calls);
                self.standing.succeeded(active, *calls);
            }
            for plugin in committed.failed.iter().chain(left_out.iter().map(|(_, plugin)| plugin)) {
                self.standing
                    .failed(self.guild, &self.plugins.plugins[*plugin], self.failures);
            }
        }
        // Every call hands the host back before anything else happens.
        (host.expect("the host is between calls here"), outcome)
    }
}

/// One run over the events, in one transaction.
struct Attempt<'batch, 'worker> {
    batch: &'batch mut Batch<'worker>,
    /// None only while a plugin is called.
    host: &'batch mut Option<GuildHost>,
    undo: Undo,
    /// Calls that cost an earlier attempt its transaction, by indices of event and plugin.
    left_out: &'batch BTreeSet<(usize, usize)>,
    /// One instance per plugin and batch, taken or made on first use. What a batch that is undone has left in them is
    /// dropped with it.
    instances: Vec<(usize, PluginInstance<GuildHost>)>,
    /// Messages that plugins were called for.
    messages: u64,
    /// Of the event that is being applied.
    trace: Trace,
    cause: Option<Cause>,
    committed: Committed,
}

impl Attempt<'_, '_> {
    fn host(&mut self) -> &mut GuildHost {
        // `call` puts the host back before it returns.
        self.host.as_mut().expect("the host is between calls here")
    }

    fn run(&mut self, events: &[QueuedEvent]) -> Result<(), Stop> {
        let undo = self.undo;
        // What an attempt before this one has set does not hold.
        self.host().common.take();
        if let Some(observed) = &mut self.host().observed {
            observed.begin_attempt();
        }
        self.host().store.begin(undo)?;
        let started = Instant::now();
        for (index, event) in events.iter().enumerate() {
            self.apply(index, event)?;
            self.committed.events = index + 1;
            if started.elapsed() > TURN {
                break;
            }
        }
        if self.committed.snapshot_changed {
            let host = self.host();
            let json = host.snapshot.to_json();
            host.store.keep_snapshot(&json)?;
        }
        let (now, messages, actions) = (self.host().now, self.messages, self.committed.actions.len() as u64);
        let store = &mut self.host().store;
        if messages + actions > 0 {
            store.count_day(now, messages, actions)?;
        }
        store.commit(now)?;
        Ok(())
    }

    fn apply(&mut self, index: usize, queued: &QueuedEvent) -> Result<(), Stop> {
        let replayed = queued
            .position
            .as_ref()
            .is_some_and(|position| self.host().store.is_applied(position));
        // A replay brings the snapshot up to date all the same: after a restart it may be all that does.
        if let Some(update) = &queued.update {
            self.host().snapshot.apply(update);
            self.committed.snapshot_changed = true;
        }
        if replayed {
            self.committed.replayed += 1;
            return Ok(());
        }
        if let Some(position) = &queued.position
            && self.host().store.begins_session(&position.session)
        {
            match queued.update.as_ref().and_then(SnapshotUpdate::newest_messages) {
                Some(newest) => self.begin_session(newest, queued.received_at)?,
                // The guild is not described yet: the session begins for it when it is.
                None if queued.event.is_none() => return Ok(()),
                None => self.committed.undescribed |= self.host().store.has_sessions(),
            }
        }
        let (store, now) = (&mut self.host().store, queued.received_at);
        let fires = match &queued.takes {
            Some(Takes::Timer(timer)) => store.fire_timer(timer, now)?,
            Some(Takes::Action(entry)) => store.remove_action(*entry)?,
            Some(Takes::Interaction(id)) => store.take_interaction(*id, now)?,
            Some(Takes::Missed(missed)) => store.take_missed(&missed.gap, missed.id)?,
            Some(Takes::Flag(revision)) => store.take_flag(*revision)?,
            Some(Takes::Gap(gap)) => {
                store.close_gap(gap)?;
                false
            }
            None => match queued.told {
                Some(told) => store.take_live(told, now)?,
                None => true,
            },
        };
        if !fires && queued.told.is_some() {
            self.committed.replayed += 1;
        }
        if let (true, Some(event)) = (fires, &queued.event) {
            self.messages += u64::from(event.kind() == EventKind::MessageCreate);
            let mut step = queued.trace.step("apply");
            step.note("guild", self.batch.guild.to_string());
            self.trace = step.trace();
            self.cause = Some(Cause::of(self.batch.guild, queued));
            self.deliver(index, event, queued.only.as_deref(), queued.command.as_ref())?;
        }
        if let (true, Some(Takes::Missed(missed))) = (fires, &queued.takes) {
            self.count_caught_up(queued.event.as_ref());
            if let Some((ban, event)) = &missed.ban
                && self.host().store.take_missed_ban(*ban, missed.id)
            {
                self.count_caught_up(Some(event));
                self.deliver(index, event, None, None)?;
            }
        }
        if let Some(position) = &queued.position {
            self.host().store.advance(position);
        }
        Ok(())
    }

    /// Notes what was missed between the guild's last session and this one, as far as plugins take it.
    fn begin_session(&mut self, newest: &[(ChannelId, u64)], at: UnixMilliseconds) -> Result<(), Stop> {
        let line_up = self.batch.line_up;
        let host = self.host();
        let permissions = |channel| host.snapshot.own_permissions(channel).unwrap_or(Permissions::all());
        // What the bot does not see was not missed.
        let newest = newest
            .iter()
            .copied()
            .filter(|(channel, _)| permissions(*channel).contains(Permissions::VIEW_CHANNEL));
        let start = SessionStart {
            newest: line_up.take(EventKind::MessageCreate).then(|| newest.collect()),
            audit_log: line_up.take_audit_log(),
            at,
        };
        let (mut gaps, mut unreadable) = (host.store.begin_session(&start)?, Vec::new());
        for gap in &gaps {
            // Discord would answer that there are no messages.
            if let History::Messages { channel, .. } = gap.history
                && !permissions(channel).contains(Permissions::READ_MESSAGE_HISTORY)
            {
                host.store.close_gap(gap)?;
                unreadable.push(channel);
            }
        }
        gaps.retain(|gap| !matches!(gap.history, History::Messages { channel, .. } if unreadable.contains(&channel)));
        self.committed.gaps.extend(gaps);
        self.committed.unreadable.extend(unreadable);
        Ok(())
    }

    fn count_caught_up(&mut self, event: Option<&PreparedEvent>) {
        if let Some(event) = event {
            *self.committed.caught_up.entry(kind_label(event.kind())).or_default() += 1;
        }
    }

    /// Calls every plugin that the event is for, and then those that their signals are for.
    fn deliver(
        &mut self,
        index: usize,
        event: &PreparedEvent,
        only: Option<&str>,
        command: Option<&CommandKey>,
    ) -> Result<(), Stop> {
        let (plugins, line_up) = (self.batch.plugins, self.batch.line_up);
        let mut signals = Vec::new();
        for plugin in line_up.subscribers(event.kind()) {
            let id = plugins.plugins[*plugin].id();
            if only.is_none_or(|only| only == id) && !line_up.is_left_out(id, command) {
                self.call(index, *plugin, event, &mut signals)?;
            }
        }
        let mut delivered = 0;
        while delivered < signals.len() {
            if delivered == SIGNALS {
                let guild = self.batch.guild;
                tracing::warn!(%guild, dropped = signals.len() - delivered, "signals were dropped: one event may cause {SIGNALS}");
                break;
            }
            let Signal { from, topic, payload } = signals[delivered].clone();
            delivered += 1;
            let (guild, received_at) = (self.batch.guild, self.host().now);
            let interested = line_up.subscribers(EventKind::Signal).iter().filter(|plugin| {
                let active = &plugins.plugins[**plugin];
                active.id() != from && active.plugin.description().topics.contains(&topic)
            });
            let interested: Vec<_> = interested.copied().collect();
            let data = EventData::Signal(Signal { from, topic, payload });
            let event = PreparedEvent::from(Event {
                guild,
                received_at,
                data,
            });
            for plugin in interested {
                self.call(index, plugin, &event, &mut signals)?;
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        index: usize,
        plugin: usize,
        event: &PreparedEvent,
        signals: &mut Vec<Signal>,
    ) -> Result<(), Stop> {
        let active = &self.batch.plugins.plugins[plugin];
        if !self.batch.call_plugins {
            let (guild, kind) = (self.batch.guild, event.kind());
            tracing::warn!(%guild, plugin = active.id(), event = ?kind, cause = "quota", "a plugin was not called: the guild's file is full");
            return Ok(());
        }
        if self.batch.standing.is_off(active.id()) || self.left_out.contains(&(index, plugin)) {
            return Ok(());
        }
        let Some(mut host) = self.host.take() else {
            return Ok(());
        };
        host.begin_call(active);
        let started = (host.observed.is_some() || active.measured().is_some()).then(Instant::now);
        let (host, report) = instance(&mut self.instances, plugin, active, self.batch).handle(host, event);
        if let (Some(measured), Some(started)) = (active.measured(), started) {
            measured.took(started.elapsed());
        }
        let host = self.host.insert(host);
        if let (Some(observed), Some(started)) = (&mut host.observed, started) {
            observed.calls.push(ObservedCall {
                plugin: active.id().to_owned(),
                kind: event.kind(),
                took: started.elapsed(),
                failure: report.result.as_ref().err().cloned(),
            });
        }
        let ended = host.store.end_call(report.result.is_ok());
        // A call that costs the batch is reported when it fails again, alone.
        let undone_with_batch = self.undo == Undo::Batch && matches!(ended, Err(StoreError::TransactionLost { .. }));
        if let (Err(failure), false) = (&report.result, undone_with_batch) {
            self.committed.failed.push(plugin);
            let (guild, kind) = (self.batch.guild, event.kind());
            let version = &active.plugin.description().version;
            tracing::warn!(%guild, plugin = active.id(), version, event = ?kind, cause = %failure, "a plugin's call failed; its rows and actions are undone");
            metrics::counter!("guildhall_plugin_failures_total", "plugin" => active.id().to_owned(), "cause" => failure.label())
                .increment(1);
        }
        match ended {
            Ok(()) => {}
            Err(StoreError::TransactionLost { guild, reason }) => {
                if !undone_with_batch {
                    tracing::warn!(%guild, plugin = active.id(), reason, "a plugin's call cost the batch its transaction");
                }
                let event = index;
                return Err(Stop::Lost(Lost { event, plugin, reason }));
            }
            Err(error) => return Err(Stop::Store(error)),
        }
        if report.result.is_ok() {
            *self.committed.succeeded.entry(plugin).or_default() += 1;
            if !report.figures.is_empty() {
                self.committed.figures.entry(plugin).or_default().extend(report.figures);
            }
            for submitted in report.actions {
                self.take_action(active, submitted, signals)?;
            }
        }
        Ok(())
    }

    /// Local actions happen here and now, in the transaction; the others go to the outbox.
    fn take_action(
        &mut self,
        active: &ActivePlugin,
        submitted: SubmittedAction,
        signals: &mut Vec<Signal>,
    ) -> Result<(), Stop> {
        let plugin = active.id();
        let host = self.host();
        match submitted.action {
            // A guild that takes no part tells nobody.
            Action::FlagUser { .. } if !host.common().shares_flags => {}
            Action::ScheduleTimer { name, due_at, payload } => {
                host.store.set_timer(&StoredTimer {
                    plugin: plugin.to_owned(),
                    name,
                    due_at,
                    payload,
                })?;
            }
            Action::CancelTimer { name } => host.store.cancel_timer(plugin, &name)?,
            Action::ConfigureGuild { settings } => {
                let json = serde_json::to_string(&settings).unwrap_or_else(|_| "{}".into());
                host.store.set_settings(COMMON_SETTINGS, &json)?;
                host.common = OnceCell::from(settings);
            }
            Action::EmitSignal { topic, payload } => signals.push(Signal {
                from: plugin.to_owned(),
                topic,
                payload,
            }),
            _ => {
                let now = host.now;
                // An event is being applied.
                let nonce = self
                    .cause
                    .as_mut()
                    .map(|cause| cause.next_nonce(plugin))
                    .unwrap_or_default();
                let mut entry = self.host().store.add_action(plugin, submitted, nonce, now)?;
                entry.trace = self.trace;
                self.committed.actions.push(entry);
            }
        }
        Ok(())
    }
}

/// A plugin's own figures, over all guilds.
fn publish(plugin: &str, figures: CallFigures) {
    for (name, amount) in figures.counts {
        metrics::counter!("guildhall_plugin_count_total", "plugin" => plugin.to_owned(), "name" => name)
            .increment(amount);
    }
    for (name, value) in figures.values {
        metrics::histogram!("guildhall_plugin_value", "plugin" => plugin.to_owned(), "name" => name).record(value);
    }
}

fn kind_label(kind: EventKind) -> &'static str {
    match kind {
        EventKind::MessageCreate => "message",
        EventKind::AuditLogEntry => "audit-log-entry",
        EventKind::BanAdd => "ban",
        EventKind::BanRemove => "unban",
        // Nothing else has a history.
        _ => "other",
    }
}

fn instance<'batch>(
    instances: &'batch mut Vec<(usize, PluginInstance<GuildHost>)>,
    plugin: usize,
    active: &ActivePlugin,
    batch: &mut Batch<'_>,
) -> &'batch mut PluginInstance<GuildHost> {
    let position = instances
        .iter()
        .position(|(known, _)| *known == plugin)
        .unwrap_or_else(|| {
            instances.push((plugin, batch.warm.take(batch.guild, &active.plugin, batch.limits)));
            instances.len() - 1
        });
    &mut instances[position].1
}
