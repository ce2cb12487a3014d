//! One worker thread: mailboxes of its guilds, a batch at a time, fairly in turn. It never waits for the network.

use crate::active::ActivePlugins;
use crate::batch::{Batch, Committed};
use crate::committed::CommittedPositions;
use crate::guild::Guild;
use crate::host::GuildHost;
use crate::latency::RecentLatencies;
use crate::queued::{Acknowledge, QueuedEvent, Takes};
use crate::report::{self, GuildReport};
use crate::router::unix_milliseconds;
use crate::settings::SettingsOfPlugins;
use crate::workers::{CommitSink, Described, WorkerConfig};
use guildhall_discord::{Frame, GuildSnapshot, MissedPage, Settled};
use guildhall_engine::{CallHost, PluginRegistry, WarmInstances};
use guildhall_model::{
    ActionResult, FlaggedEverywhere, GuildId, InteractionId, Outcome, SessionPosition, UnixMilliseconds,
};
use guildhall_store::{GuildStore, Opened, StoreCache, StoreError};
use metrics::{Counter, Histogram};
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Timers of one guild that fire in one batch.
const TIMERS: u32 = 32;
/// The longest pause before a failed commit is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// Between two looks at a permission that does not hold.
const FENCED: Duration = Duration::from_millis(100);

/// What a worker is asked to do.
pub(crate) enum Job {
    /// An event of a guild came.
    Frame {
        guild: GuildId,
        session: Arc<str>,
        frame: Arc<Frame>,
        received_at: UnixMilliseconds,
        acknowledge: Option<Acknowledge>,
    },
    /// An interaction of the guild came over HTTP: its dispatch as the gateway would have sent it.
    Interaction {
        id: InteractionId,
        frame: Arc<Frame>,
        guild: GuildId,
        received_at: UnixMilliseconds,
        acknowledge: Acknowledge,
    },
    /// What people are shown of the guild.
    Report {
        guild: GuildId,
        done: oneshot::Sender<anyhow::Result<GuildReport>>,
    },
    /// The guild as Discord described it.
    Describe {
        guild: GuildId,
        done: oneshot::Sender<Option<Described>>,
    },
    /// The plugin's settings in this guild are these from now on.
    Settings {
        guild: GuildId,
        plugin: String,
        json: String,
        done: oneshot::Sender<anyhow::Result<()>>,
    },
    /// The guild is this pod's: what waits in its file is taken up.
    TakeUp(GuildId),
    /// What the guild commits from now on stays in its file.
    Hold { guild: GuildId, done: oneshot::Sender<()> },
    /// Finish what the guild has, close its file and forget it.
    Release { guild: GuildId, done: oneshot::Sender<()> },
    /// Events of a gap.
    Missed(MissedPage),
    /// Users whom several guilds have flagged lately, all of them, in the order of their revisions.
    Flagged(Arc<[FlaggedEverywhere]>),
    /// Discord confirmed an action, or refused it for good.
    Settled(Settled),
    /// Look at the time.
    Tick,
    /// Answer when nothing waits that can be done now.
    Flush(oneshot::Sender<()>),
    /// Close the files and end.
    Stop,
}

pub(crate) struct Worker {
    config: Arc<WorkerConfig>,
    registry: Arc<PluginRegistry<GuildHost>>,
    plugins: ActivePlugins,
    settings: Arc<SettingsOfPlugins>,
    commits: Arc<dyn CommitSink>,
    committed: Arc<CommittedPositions>,
    latencies: Arc<RecentLatencies>,
    files: StoreCache,
    warm: WarmInstances<GuildHost>,
    guilds: HashMap<GuildId, Guild>,
    /// Guilds with work, each at most once.
    ready: VecDeque<GuildId>,
    /// Events in all mailboxes.
    waiting: usize,
    flushes: Vec<oneshot::Sender<()>>,
    /// Plugins came whose timers begin in guilds that no event wakes.
    timers_begin: bool,
    flagged: Arc<[FlaggedEverywhere]>,
    figures: Figures,
}

struct Figures {
    events: Counter,
    replayed: Counter,
    batches: Counter,
    commit_failures: Counter,
    seconds: Histogram,
    sizes: Histogram,
}

impl Worker {
    pub(crate) fn new(
        config: Arc<WorkerConfig>,
        registry: Arc<PluginRegistry<GuildHost>>,
        commits: Arc<dyn CommitSink>,
        committed: Arc<CommittedPositions>,
        latencies: Arc<RecentLatencies>,
        settings: Arc<SettingsOfPlugins>,
    ) -> Self {
        let share = config.open_files.get().div_ceil(config.threads.get());
        let bound = NonZeroUsize::new(share).unwrap_or(NonZeroUsize::MIN);
        Self {
            warm: WarmInstances::new(config.warm_bytes / config.threads.get()),
            files: StoreCache::new(config.guilds.clone(), config.store.clone(), bound),
            plugins: ActivePlugins::of(&registry, &settings),
            settings,
            config,
            registry,
            commits,
            committed,
            latencies,
            guilds: HashMap::new(),
            ready: VecDeque::new(),
            waiting: 0,
            flushes: Vec::new(),
            timers_begin: false,
            flagged: Arc::default(),
            figures: Figures {
                events: metrics::counter!("guildhall_events_total"),
                replayed: metrics::counter!("guildhall_events_replayed_total"),
                batches: metrics::counter!("guildhall_batches_total"),
                commit_failures: metrics::counter!("guildhall_commit_failures_total"),
                seconds: metrics::histogram!("guildhall_event_seconds"),
                sizes: metrics::histogram!("guildhall_batch_events"),
            },
        }
    }

    /// Takes up the known guilds, then works until it is told to stop.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>, known: Vec<GuildId>) {
        for guild in known {
            self.make_ready(guild);
        }
        loop {
            // Mailboxes that are full leave the rest in the queue, and so the sessions waiting.
            while self.waiting < self.config.waiting {
                match jobs.try_recv() {
                    Ok(Job::Stop) => return self.stop(),
                    Ok(job) => self.take(job),
                    Err(_) => break,
                }
            }
            match self.ready.pop_front() {
                Some(guild) => self.work(guild),
                None => {
                    for flush in self.flushes.drain(..) {
                        // Whoever asked may have given up waiting.
                        let _ = flush.send(());
                    }
                    match jobs.blocking_recv() {
                        Some(Job::Stop) | None => return self.stop(),
                        Some(job) => self.take(job),
                    }
                }
            }
        }
    }

    fn stop(mut self) {
        if !self.config.replicated {
            self.files.close_all();
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Frame {
                guild,
                session,
                frame,
                received_at,
                acknowledge,
            } => self.take_frame(guild, session, &frame, received_at, acknowledge),
            Job::Interaction {
                id,
                frame,
                guild,
                received_at,
                acknowledge,
            } => {
                let mut event = QueuedEvent::of_frame(guild, &frame, received_at);
                event.takes = Some(Takes::Interaction(id));
                event.acknowledge = Some(acknowledge);
                self.enqueue(guild, event);
            }
            Job::Report { guild, done } => {
                let report = self.with_store(guild, |worker, state, store| {
                    let is_off = |plugin: &str| state.standing.is_off(plugin);
                    let line_up = state.standing.line_up(guild, &worker.plugins);
                    report::of(store, &state.snapshot, &worker.plugins, &line_up, is_off)
                });
                // Who asked may have given up.
                let _ = done.send(report);
            }
            Job::Describe { guild, done } => {
                let file = guildhall_store::guild_file(&self.config.guilds, guild);
                let is_there = self.guilds.contains_key(&guild) || file.exists();
                let described = |state: &Guild| {
                    let own_user = state.snapshot.own_user();
                    let guild = state.snapshot.as_guild_create()?;
                    Some(Described { own_user, guild })
                };
                let described = is_there.then(|| self.with_store(guild, |_, state, _| Ok(described(state))));
                // Who asked may have given up.
                let _ = done.send(described.and_then(|described| described.ok().flatten()));
            }
            Job::Settings {
                guild,
                plugin,
                json,
                done,
            } => {
                let kept = self.with_store(guild, |worker, _, store| {
                    let active = worker.plugins.find(guild, &plugin);
                    let version = active.map_or(0, |active| active.settings.version());
                    Ok(store.set_settings_of_version(&plugin, &json, version)?)
                });
                self.commits.committed(guild, &mut std::iter::empty(), Vec::new());
                // Who asked may have given up.
                let _ = done.send(kept);
            }
            Job::TakeUp(guild) => self.make_ready(guild),
            Job::Hold { guild, done } => {
                self.guilds.entry(guild).or_default().held = true;
                // Who asked may have given up.
                let _ = done.send(());
            }
            Job::Release { guild, done } => {
                self.guilds.entry(guild).or_default().releasing = Some(done);
                self.make_ready(guild);
            }
            Job::Missed(page) => self.take_missed(page),
            Job::Flagged(flagged) => {
                self.flagged = flagged;
                let guilds: Vec<_> = self.guilds.keys().copied().collect();
                guilds.into_iter().for_each(|guild| self.tell_flagged(guild));
            }
            Job::Settled(settled) => self.take_settled(settled),
            Job::Tick => self.tick(),
            Job::Flush(done) => self.flushes.push(done),
            // The loop ends at `Stop` before it comes here.
            Job::Stop => {}
        }
    }

    fn take_frame(
        &mut self,
        guild: GuildId,
        session: Arc<str>,
        frame: &Frame,
        received_at: UnixMilliseconds,
        acknowledge: Option<Acknowledge>,
    ) {
        let mut event = QueuedEvent::of_frame(guild, frame, received_at);
        event.position = Some(SessionPosition {
            session,
            sequence: frame.sequence,
        });
        event.acknowledge = acknowledge;
        self.enqueue(guild, event);
    }

    /// Does something with the guild's file between two batches.
    fn with_store<T>(
        &mut self,
        id: GuildId,
        act: impl FnOnce(&Self, &Guild, &mut GuildStore) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.swap_plugins();
        let mut guild = self.guilds.remove(&id).unwrap_or_default();
        let outcome = self.open(id, &mut guild).and_then(|mut store| {
            let outcome = act(self, &guild, &mut store);
            self.files.put(store);
            outcome
        });
        self.guilds.insert(id, guild);
        outcome
    }

    /// Takes events of a gap into the guild's mailbox. A guild that goes elsewhere takes none: its next owner reads from the
    /// file how far the gap is closed.
    fn take_missed(&mut self, page: MissedPage) {
        let MissedPage { guild, gap, events, .. } = page;
        if !self.guilds.get(&guild).is_some_and(Guild::takes_missed) {
            return;
        }
        let now = unix_milliseconds();
        let closing = page.closes.then(|| QueuedEvent::closing(gap, now));
        let missed = events
            .into_iter()
            .map(|missed| QueuedEvent::missed(guild, gap, missed, now));
        let mut queued: Vec<_> = missed.chain(closing).collect();
        if let Some(last) = queued.last_mut() {
            last.acknowledge = Some(page.applied);
        }
        queued.into_iter().for_each(|event| self.enqueue(guild, event));
    }

    fn take_settled(&mut self, settled: Settled) {
        let Settled {
            guild,
            id,
            plugin,
            token,
            outcome,
        } = settled;
        let wanted = token.is_some() || matches!(outcome, Outcome::Refused(_));
        let result = wanted.then(|| ActionResult {
            token: token.unwrap_or_default(),
            outcome,
        });
        self.enqueue(
            guild,
            QueuedEvent::settled(guild, id, plugin, result, unix_milliseconds()),
        );
    }

    /// Tells a guild that takes part whom others have flagged since it was told last.
    fn tell_flagged(&mut self, id: GuildId) {
        let Some(guild) = self
            .guilds
            .get_mut(&id)
            .filter(|guild| guild.takes_missed() && guild.shares_flags)
        else {
            return;
        };
        let told = guild.flags_told;
        let flagged = self.flagged.clone();
        let new = flagged.iter().filter(|flagged| flagged.revision > told);
        let now = unix_milliseconds();
        for flagged in new {
            if let Some(guild) = self.guilds.get_mut(&id) {
                guild.flags_told = flagged.revision;
            }
            self.enqueue(id, QueuedEvent::flagged(id, *flagged, now));
        }
    }

    fn enqueue(&mut self, guild: GuildId, event: QueuedEvent) {
        self.guilds.entry(guild).or_default().mailbox.push_back(event);
        self.waiting += 1;
        self.make_ready(guild);
    }

    fn make_ready(&mut self, guild: GuildId) {
        let state = self.guilds.entry(guild).or_default();
        if !state.queued && state.retry_at.is_none() {
            state.queued = true;
            self.ready.push_back(guild);
        }
    }

    /// Wakes guilds with due timers or a due retry, and all of them when plugins came whose timers are to begin: what else is
    /// new to a guild can wait for its next event.
    fn tick(&mut self) {
        self.swap_plugins();
        let begin = std::mem::take(&mut self.timers_begin);
        let (now, wall) = (Instant::now(), unix_milliseconds());
        let mut due = Vec::new();
        for (guild, state) in &mut self.guilds {
            if state.retry_at.is_some_and(|retry_at| retry_at <= now) {
                state.retry_at = None;
                due.push(*guild);
            } else if begin || state.next_timer.is_some_and(|timer| timer <= wall) {
                due.push(*guild);
            }
        }
        due.into_iter().for_each(|guild| self.make_ready(guild));
        if self.registry.loads().are_wanted() {
            let guilds = self.guilds.iter_mut();
            let events = guilds.map(|(guild, state)| (*guild, state.recent.lately(wall)));
            self.registry.loads().tell(events);
        }
        metrics::gauge!("guildhall_mailbox_waiting").set(self.waiting as f64);
        metrics::gauge!("guildhall_open_files").set(self.files.len() as f64);
    }

    fn swap_plugins(&mut self) {
        if self.registry.generation() == self.plugins.generation {
            return;
        }
        let plugins = ActivePlugins::of(&self.registry, &self.settings);
        self.timers_begin |= plugins.begins_timers(&self.plugins);
        self.plugins = plugins;
        let runs = &self.plugins.plugins;
        self.warm
            .retain_versions(|plugin| runs.iter().any(|active| Arc::ptr_eq(&active.plugin, plugin)));
    }

    /// Runs one batch of this guild.
    fn work(&mut self, id: GuildId) {
        self.swap_plugins();
        let Some(mut guild) = self.guilds.remove(&id) else {
            return;
        };
        guild.queued = false;
        if !self.config.permission.holds() {
            guild.retry_at = Some(Instant::now() + FENCED);
            self.guilds.insert(id, guild);
            return;
        }
        match self.open(id, &mut guild) {
            Ok(store) => self.work_on(id, &mut guild, store),
            Err(error) => self.put_off(id, &mut guild, &format!("{error:#}")),
        }
        if guild.mailbox.is_empty()
            && guild.retry_at.is_none()
            && let Some(done) = guild.releasing.take()
        {
            self.release(id, done);
            return;
        }
        let flags = guild.shares_flags && self.flagged.last().is_some_and(|last| last.revision > guild.flags_told);
        let again = !guild.mailbox.is_empty() || guild.next_timer.is_some_and(|timer| timer <= unix_milliseconds());
        self.guilds.insert(id, guild);
        if flags {
            self.tell_flagged(id);
        }
        if again {
            self.make_ready(id);
        }
    }

    /// The guild goes elsewhere, whole: its file is closed, without a WAL where nobody replicates it, and nothing of the
    /// guild stays in memory.
    fn release(&mut self, id: GuildId, done: oneshot::Sender<()>) {
        self.warm.forget(id);
        match self.files.take(id) {
            // Litestream has the file as well, and would hold a checkpoint up.
            Ok(_) if self.config.replicated => {}
            Ok(Opened { mut store, .. }) => {
                if let Err(error) = store.checkpoint() {
                    tracing::warn!(guild = %id, %error, "the WAL stays beside the guild's file");
                }
            }
            Err(error) => tracing::warn!(guild = %id, %error, "the guild's file cannot be opened to be closed"),
        }
        // Who asked may have given up.
        let _ = done.send(());
    }

    fn work_on(&mut self, id: GuildId, guild: &mut Guild, store: Box<GuildStore>) {
        let now = unix_milliseconds();
        let snapshot = std::mem::take(&mut guild.snapshot);
        let mut host = GuildHost::new(store, snapshot, self.plugins.settings.clone(), now);
        host.given = std::mem::take(&mut guild.given);
        if guild.standing.prepare(id, &mut host, &self.plugins) {
            self.commits.committed(id, &mut std::iter::empty(), Vec::new());
        }
        if !guild.held {
            self.wake_timers(id, guild, &host);
        }
        let line_up = guild.standing.line_up(id, &self.plugins);
        let batch = guild.mailbox.len().min(self.config.batch);
        let events = &guild.mailbox.make_contiguous()[..batch];
        let mut outcome = Ok(Committed::default());
        if batch > 0 {
            let mut run = Batch {
                guild: id,
                plugins: &self.plugins,
                line_up: &line_up,
                standing: &mut guild.standing,
                warm: &mut self.warm,
                limits: &self.config.calls,
                failures: self.config.failures,
                call_plugins: true,
            };
            (host, outcome) = run.run(host, events);
            if matches!(outcome, Err(StoreError::TransactionLost { .. })) && host.store.is_at_quota().unwrap_or(false) {
                run.call_plugins = false;
                (host, outcome) = with_host_reserve(&mut run, host, events);
            }
        }
        guild.shares_flags = host.common().shares_flags;
        guild.snapshot = host.snapshot;
        guild.given = host.given;
        match outcome {
            Ok(committed) => {
                guild.failed_commits = 0;
                guild.next_timer = host.store.next_timer();
                self.files.put(host.store);
                self.finish(id, guild, committed);
            }
            Err(StoreError::Corrupt { guild: _, reason }) => {
                self.set_aside(id, guild, host.store, &reason);
            }
            Err(error) => {
                self.files.put(host.store);
                self.put_off(id, guild, &error.to_string());
            }
        }
    }

    /// The events are on disk: they leave the mailbox, and their actions the pod.
    fn finish(&mut self, id: GuildId, guild: &mut Guild, mut committed: Committed) {
        let batch = committed.events;
        if batch == 0 {
            return;
        }
        let now = unix_milliseconds();
        guild.recent.count(now, batch);
        for event in guild.mailbox.iter().take(batch).filter(|event| event.is_timely()) {
            let took = now.saturating_sub(event.received_at);
            self.figures.seconds.record(Duration::from_millis(took));
            self.latencies.record(took);
        }
        self.committed.committed(
            guild
                .mailbox
                .iter()
                .take(batch)
                .filter_map(|event| event.position.as_ref()),
        );
        let from_discord = guild
            .mailbox
            .iter()
            .take(batch)
            .filter(|event| event.position.is_some())
            .count();
        if guild.held {
            committed.actions.clear();
        }
        let mut positions = guild
            .mailbox
            .iter()
            .take(batch)
            .filter_map(|event| event.position.as_ref());
        self.commits.committed(id, &mut positions, committed.actions);
        for event in guild.mailbox.drain(..batch) {
            if let Some(acknowledge) = event.acknowledge {
                // Who waited may have given up; the event comes again, and is known.
                let _ = acknowledge.send(());
            }
        }
        self.waiting -= batch;
        self.figures.batches.increment(1);
        self.figures.sizes.record(batch as f64);
        self.figures.replayed.increment(committed.replayed as u64);
        self.figures
            .events
            .increment((from_discord - committed.replayed) as u64);
        let failures = |reason| metrics::counter!("guildhall_reconcile_failures_total", "reason" => reason);
        for channel in committed.unreadable {
            tracing::warn!(guild = %id, %channel, reason = "forbidden", "messages of a channel were missed and cannot be recovered: the bot may not read its history");
            failures("forbidden").increment(1);
        }
        if committed.undescribed {
            tracing::warn!(guild = %id, "events were missed and cannot be recovered: the new session brought others before it described the guild");
            failures("undescribed").increment(1);
        }
        for (kind, events) in committed.caught_up {
            metrics::counter!("guildhall_reconciled_events_total", "kind" => kind).increment(events);
        }
        if !committed.gaps.is_empty() && !guild.held {
            self.commits.catch_up(id, committed.gaps);
        }
    }

    /// Takes the guild's file, opening it where needed. The first time, what it holds is taken up.
    fn open(&mut self, id: GuildId, guild: &mut Guild) -> anyhow::Result<Box<GuildStore>> {
        let Opened { mut store, set_aside } = self.files.take(id)?;
        if let Some(kept) = set_aside {
            tracing::error!(guild = %id, kept = %kept.display(), "the guild's file was corrupt: it is kept aside, and the guild begins a new one");
            metrics::counter!("guildhall_corrupt_files_total").increment(1);
            guild.forget_file();
        }
        if !guild.opened {
            if let Some(json) = store.snapshot()? {
                *guild.snapshot = GuildSnapshot::from_json(&json)?;
            }
            guild.snapshot.set_own_user(self.config.own_user);
            for (plugin, json) in self.config.settings.for_guild(id) {
                match self.plugins.find(id, plugin).map(|active| &active.settings) {
                    Some(settings) => {
                        if let Some(json) = settings.to_keep(id, json, 0) {
                            store.set_settings_of_version(plugin, &json, settings.version())?;
                        }
                    }
                    None => store.set_settings(plugin, json)?,
                }
            }
            let waiting = store.waiting_actions()?;
            if !waiting.is_empty() && !guild.held {
                tracing::info!(guild = %id, actions = waiting.len(), "actions of an earlier run leave now");
                self.commits.committed(id, &mut std::iter::empty(), waiting);
            }
            let mut gaps = store.gaps()?;
            let line_up = self.plugins.expected(id);
            gaps.retain(|gap| line_up.take_history(&gap.history));
            if !gaps.is_empty() && !guild.held {
                self.commits.catch_up(id, gaps);
            }
            guild.opened = true;
        }
        Ok(store)
    }

    fn wake_timers(&mut self, id: GuildId, guild: &mut Guild, host: &GuildHost) {
        if host.store.next_timer().is_none_or(|due_at| due_at > host.now) {
            return;
        }
        match host.store.due_timers(host.now, TIMERS) {
            Ok(timers) => {
                for timer in timers {
                    guild.mailbox.push_back(QueuedEvent::timer(id, timer, host.now));
                    self.waiting += 1;
                }
            }
            Err(error) => tracing::error!(guild = %id, %error, "timers cannot be read"),
        }
    }

    /// Nothing was committed: the events stay, and the guild is tried again later.
    fn put_off(&mut self, id: GuildId, guild: &mut Guild, reason: &str) {
        guild.failed_commits += 1;
        let pause = LONGEST_RETRY.min(Duration::from_millis(100) * 2_u32.saturating_pow(guild.failed_commits.min(16)));
        guild.retry_at = Some(Instant::now() + pause);
        // Timers are read again from the file, which still has them.
        let before = guild.mailbox.len();
        guild
            .mailbox
            .retain(|event| !matches!(event.takes, Some(Takes::Timer(_))));
        self.waiting -= before - guild.mailbox.len();
        self.figures.commit_failures.increment(1);
        tracing::error!(guild = %id, reason, waiting = guild.mailbox.len(), ?pause, "a batch was not committed; its events wait");
    }

    fn set_aside(&mut self, id: GuildId, guild: &mut Guild, store: Box<GuildStore>, reason: &str) {
        drop(store);
        let path = guildhall_store::guild_file(self.files.directory(), id);
        match guildhall_store::set_aside(&path) {
            Ok(kept) => {
                tracing::error!(guild = %id, reason, kept = %kept.display(), "the guild's file is corrupt: it is kept aside, and the guild begins a new one");
                metrics::counter!("guildhall_corrupt_files_total").increment(1);
                guild.forget_file();
            }
            Err(error) => self.put_off(
                id,
                guild,
                &format!("{reason}; and the file cannot be kept aside: {error}"),
            ),
        }
    }
}

/// Runs a batch in the room that is kept for the host: cursor, outbox and snapshot get their place.
fn with_host_reserve(
    run: &mut Batch<'_>,
    mut host: GuildHost,
    events: &[QueuedEvent],
) -> (GuildHost, Result<Committed, StoreError>) {
    if let Err(error) = host.store.set_host_reserve(true) {
        return (host, Err(error));
    }
    let (mut host, outcome) = run.run(host, events);
    let outcome = host.store.set_host_reserve(false).and(outcome);
    (host, outcome)
}
