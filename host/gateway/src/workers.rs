//! The worker threads of a pod: a guild always lives on the same one.

use crate::committed::CommittedPositions;
use crate::host::GuildHost;
use crate::latency::RecentLatencies;
use crate::line_up::AUDITED;
use crate::queued::Acknowledge;
use crate::report::GuildReport;
use crate::router::unix_milliseconds;
use crate::settings::{OperatorSettings, SettingsOfPlugins};
use crate::tap::Taps;
use crate::worker::{Job, Worker};
use guildhall_discord::{Deferrals, Frame, MissedPage, Report, Settled, event_kind};
use guildhall_engine::{CallLimits, PluginRegistry};
use guildhall_model::{
    EventKind, FlaggedEverywhere, Gap, GuildId, InteractionId, OutboxEntry, Permission, SessionPosition,
    UnixMilliseconds, UserId,
};
use guildhall_settings::Complaint;
use guildhall_store::StoreLimits;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Time between two looks at timers, retries and changed plugins when no event comes.
const TICK: Duration = Duration::from_millis(200);

/// Discord's name of the events that are answered to within seconds.
const INTERACTION: &str = "INTERACTION_CREATE";

/// How workers are sized.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Directory of the guilds' files.
    pub guilds: PathBuf,
    /// Threads.
    pub threads: NonZeroUsize,
    /// Guild files that may be open at once, over all threads.
    pub open_files: NonZeroUsize,
    /// Events that may wait on one thread before its sessions stop reading.
    pub waiting: usize,
    /// Events of one transaction.
    pub batch: usize,
    /// Failed calls in a row after which a plugin is switched off in a guild.
    pub failures: u32,
    /// Bounds of a guild's file.
    pub store: StoreLimits,
    /// Bounds of a plugin's call.
    pub calls: CallLimits,
    /// Bytes of memory that instances of scripts may take between two batches, over all threads.
    pub warm_bytes: usize,
    /// Settings that the operator gives plugins.
    pub settings: Arc<OperatorSettings>,
    /// The bot.
    pub own_user: UserId,
    /// Asked before every batch.
    pub permission: Permission,
    /// What defers interactions that wait too long; none for whoever has no interactions.
    pub deferrals: Option<Deferrals>,
    /// Whether guilds' files are replicated: the replicator moves WALs into them, and tells what is in the bucket.
    pub replicated: bool,
}

/// Told of every commit, for the dispatcher and the replicator, and of what is to be asked of Discord.
pub trait CommitSink: Send + Sync + 'static {
    /// What followed from these events is in the guild's file, and these actions may leave. Must not block.
    fn committed(
        &self,
        guild: GuildId,
        positions: &mut dyn Iterator<Item = &SessionPosition>,
        actions: Vec<OutboxEntry>,
    );

    /// Takes gaps of a guild that are on disk; what was missed comes back by [`Workers::missed`]. Must not block.
    fn catch_up(&self, guild: GuildId, gaps: Vec<Gap>);
}

/// A guild as its worker knows it.
#[derive(Debug)]
pub struct Described {
    /// The bot.
    pub own_user: UserId,
    /// The data of a GUILD_CREATE.
    pub guild: serde_json::Value,
}

/// The running threads.
pub struct Workers {
    jobs: Vec<mpsc::Sender<Job>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    registry: Arc<PluginRegistry<GuildHost>>,
    committed: Arc<CommittedPositions>,
    latencies: Arc<RecentLatencies>,
    deferrals: Option<Deferrals>,
    taps: Arc<Taps>,
}

impl Workers {
    /// Starts the threads and takes up these guilds: what waits in their files goes on.
    pub fn start(
        config: WorkerConfig,
        registry: Arc<PluginRegistry<GuildHost>>,
        commits: Arc<dyn CommitSink>,
        committed: Arc<CommittedPositions>,
        known: &[GuildId],
    ) -> std::io::Result<Arc<Self>> {
        let latencies = Arc::new(RecentLatencies::default());
        let deferrals = config.deferrals.clone();
        let mut jobs = Vec::new();
        let mut threads = Vec::new();
        let settings = Arc::new(SettingsOfPlugins::new(config.settings.clone()));
        let config = Arc::new(config);
        for index in 0..config.threads.get() {
            let (sender, receiver) = mpsc::channel(config.waiting.max(1));
            let worker = Worker::new(
                config.clone(),
                registry.clone(),
                commits.clone(),
                committed.clone(),
                latencies.clone(),
                settings.clone(),
            );
            let mine: Vec<_> = known
                .iter()
                .copied()
                .filter(|guild| thread_of(*guild, config.threads.get()) == index)
                .collect();
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || worker.run(receiver, mine))?;
            tokio::spawn(tick(sender.clone()));
            jobs.push(sender);
            threads.push(thread);
        }
        Ok(Arc::new(Self {
            jobs,
            threads: Mutex::new(threads),
            registry,
            committed,
            latencies,
            deferrals,
            taps: Arc::default(),
        }))
    }

    /// Where the events of a guild are heard.
    pub fn taps(&self) -> &Arc<Taps> {
        &self.taps
    }

    /// Asks the guild's worker for the guild as it knows it, in the form of a GUILD_CREATE; answers like [`Workers::report`].
    /// None for a guild that there is not, or that Discord has not described.
    pub async fn described(&self, guild: GuildId) -> oneshot::Receiver<Option<Described>> {
        let (done, described) = oneshot::channel();
        self.send(guild, Job::Describe { guild, done }).await;
        described
    }

    /// How far each session is on disk.
    pub fn committed(&self) -> &Arc<CommittedPositions> {
        &self.committed
    }

    /// How long events took lately.
    pub fn latencies(&self) -> &RecentLatencies {
        &self.latencies
    }

    /// Whether any version of a plugin is called for events of this name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let Some(kind) = event_kind(name) else {
            return false;
        };
        let current = self.registry.current();
        let wanted = |kind| current.events.contains(&kind);
        // Where plugins take bans, its entries tell up to where none was missed.
        wanted(kind) || (kind == EventKind::AuditLogEntry && AUDITED.into_iter().any(wanted))
    }

    /// A frame of a guild of this process was received so long ago, and waits for its turn.
    pub(crate) fn received(&self, frame: &Frame, waited: Duration) {
        if let Some(deferrals) = self.deferrals.as_ref().filter(|_| frame.name == INTERACTION)
            && self.wants(&frame.name)
        {
            deferrals.received(frame, waited);
        }
    }

    /// Hands a frame to the guild's worker; waits while that has too much. `acknowledge` is told when it is on disk.
    pub async fn frame(
        &self,
        guild: GuildId,
        session: Arc<str>,
        frame: Arc<Frame>,
        received_at: UnixMilliseconds,
        acknowledge: Option<Acknowledge>,
    ) {
        self.received(
            &frame,
            Duration::from_millis(unix_milliseconds().saturating_sub(received_at)),
        );
        self.taps.tell(guild, &frame, received_at);
        self.send(
            guild,
            Job::Frame {
                guild,
                session,
                frame,
                received_at,
                acknowledge,
            },
        )
        .await;
    }

    /// Tells all guilds that take part whom several guilds have flagged lately: all of them, in the order of their
    /// revisions. A guild is told each once.
    pub async fn flagged(&self, flagged: Arc<[FlaggedEverywhere]>) {
        for jobs in &self.jobs {
            // The thread ends only when it is told to.
            let _ = jobs.send(Job::Flagged(flagged.clone())).await;
        }
    }

    /// Hands an interaction that came over HTTP to the guild's worker; `acknowledge` is told when it is on disk.
    pub async fn interaction(
        &self,
        guild: GuildId,
        id: InteractionId,
        frame: Frame,
        received_at: UnixMilliseconds,
        acknowledge: Acknowledge,
    ) {
        let frame = Arc::new(frame);
        self.taps.tell(guild, &frame, received_at);
        self.send(
            guild,
            Job::Interaction {
                id,
                frame,
                guild,
                received_at,
                acknowledge,
            },
        )
        .await;
    }

    /// Asks the guild's worker for what people are shown of the guild. The answer comes later: whoever keeps the guild
    /// from being given away needs to do so only until this returns.
    pub async fn report(&self, guild: GuildId) -> oneshot::Receiver<anyhow::Result<GuildReport>> {
        let (done, report) = oneshot::channel();
        self.send(guild, Job::Report { guild, done }).await;
        report
    }

    /// Replaces a plugin's settings in this guild by this JSON object; answers like [`Workers::report`].
    pub async fn set_settings(
        &self,
        guild: GuildId,
        plugin: String,
        json: String,
    ) -> oneshot::Receiver<anyhow::Result<()>> {
        let (done, kept) = oneshot::channel();
        self.send(
            guild,
            Job::Settings {
                guild,
                plugin,
                json,
                done,
            },
        )
        .await;
        kept
    }

    /// What is wrong with settings for a plugin; none where no such plugin runs.
    pub fn settings_complaints(&self, plugin: &str, settings: &serde_json::Value) -> Option<Vec<Complaint>> {
        let current = self.registry.current();
        let found = current.plugins.iter().find(|known| known.description().id == plugin)?;
        let completed = found.settings_schema().complete(settings.clone());
        Some(completed.err().unwrap_or_default())
    }

    /// Goes on with what waits in the guild's file: actions and timers.
    pub async fn take_up(&self, guild: GuildId) {
        self.send(guild, Job::TakeUp(guild)).await;
    }

    /// From now on nothing that the guild commits leaves its file; what left before is with the dispatcher.
    pub async fn hold(&self, guild: GuildId) {
        let (done, held) = oneshot::channel();
        self.send(guild, Job::Hold { guild, done }).await;
        // An error says that the worker is gone.
        let _ = held.await;
    }

    /// Finishes the guild's mailbox and closes its file; afterwards the file is whole and nobody's. Nothing may be
    /// handed over for the guild meanwhile. Waits as long as batches cannot be committed.
    pub async fn release(&self, guild: GuildId) {
        let (done, released) = oneshot::channel();
        self.send(guild, Job::Release { guild, done }).await;
        // An error says that the worker is gone, and its files with it.
        let _ = released.await;
    }

    /// Hands a finished action to the guild's worker.
    pub async fn settled(&self, settled: Settled) {
        self.send(settled.guild, Job::Settled(settled)).await;
    }

    /// Hands events that were missed to the guild's worker.
    pub async fn missed(&self, page: MissedPage) {
        self.send(page.guild, Job::Missed(page)).await;
    }

    async fn send(&self, guild: GuildId, job: Job) {
        if self.jobs[thread_of(guild, self.jobs.len())].send(job).await.is_err() {
            tracing::error!(%guild, "a worker is gone; what it was to do stays with Discord or in the guild's file");
        }
    }

    /// Waits until everything that was handed over before is on disk, or cannot be for now.
    pub async fn flush(&self) {
        for jobs in &self.jobs {
            let (done, flushed) = oneshot::channel();
            if jobs.send(Job::Flush(done)).await.is_ok() {
                // An error says that the worker is gone: nothing is left to wait for.
                let _ = flushed.await;
            }
        }
    }

    /// Finishes what was handed over, moves every WAL into its file, and ends the threads.
    pub async fn stop(&self) {
        self.flush().await;
        for jobs in &self.jobs {
            // A worker that is gone has stopped already.
            let _ = jobs.send(Job::Stop).await;
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok())).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a worker ended by a panic; its guilds' files are as their last commit left them");
        }
    }
}

/// Which thread a guild lives on. The low 22 bits of a snowflake are nearly constant for guilds.
fn thread_of(guild: GuildId, threads: usize) -> usize {
    usize::try_from((guild.0 >> 22) % threads as u64).unwrap_or(0)
}

async fn tick(jobs: mpsc::Sender<Job>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        if jobs.is_closed() {
            return;
        }
        // A full queue keeps the worker busy anyway; it looks at the time after every batch.
        let _ = jobs.try_send(Job::Tick);
    }
}

/// The guilds whose files are in this directory, which is made where it is missing.
pub fn guilds_in(directory: &std::path::Path) -> std::io::Result<Vec<GuildId>> {
    std::fs::create_dir_all(directory)?;
    let mut guilds = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.strip_suffix(".db"))
            .and_then(|id| id.parse().ok());
        guilds.extend(id.map(GuildId));
    }
    Ok(guilds)
}

/// Hands what was missed to the workers until nothing asks for it any more.
pub async fn catch_up(workers: Arc<Workers>, mut pages: mpsc::UnboundedReceiver<MissedPage>) {
    while let Some(page) = pages.recv().await {
        workers.missed(page).await;
    }
}

/// Hands what the dispatcher reports to the workers until it ends.
pub async fn settle(workers: Arc<Workers>, mut reports: mpsc::UnboundedReceiver<Report>) {
    while let Some(report) = reports.recv().await {
        match report {
            Report::Settled(settled) => workers.settled(settled).await,
            // Everything that was settled before is with the worker now. Who asked may have given up.
            Report::Released(done) => drop(done.send(())),
        }
    }
}
