//! The worker threads of a pod: a guild always lives on the same one.

use crate::committed::CommittedPositions;
use crate::host::GuildHost;
use crate::settings::OperatorSettings;
use crate::worker::{Job, Worker};
use guildhall_discord::{Frame, Settled, event_kind};
use guildhall_engine::{CallLimits, PluginRegistry};
use guildhall_model::{GuildId, OutboxEntry, UnixMilliseconds, UserId};
use guildhall_store::StoreLimits;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Time between two looks at timers, retries and changed plugins when no event comes.
const TICK: Duration = Duration::from_millis(200);

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
    /// Settings that the operator gives plugins.
    pub settings: Arc<OperatorSettings>,
    /// The bot.
    pub own_user: UserId,
}

/// Where committed actions go: the dispatcher.
pub trait ActionSink: Send + Sync + 'static {
    /// Takes actions of a guild that are on disk. Must not block.
    fn submit(&self, guild: GuildId, actions: Vec<OutboxEntry>);
}

/// The running threads.
pub struct Workers {
    jobs: Vec<mpsc::Sender<Job>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    registry: Arc<PluginRegistry<GuildHost>>,
    committed: Arc<CommittedPositions>,
}

impl Workers {
    /// Starts the threads and takes up the guilds whose files are in the directory: their waiting actions leave.
    pub fn start(
        config: WorkerConfig,
        registry: Arc<PluginRegistry<GuildHost>>,
        actions: Arc<dyn ActionSink>,
    ) -> std::io::Result<Arc<Self>> {
        std::fs::create_dir_all(&config.guilds)?;
        let committed = Arc::new(CommittedPositions::default());
        let known = guilds_in(&config.guilds)?;
        let mut jobs = Vec::new();
        let mut threads = Vec::new();
        let config = Arc::new(config);
        for index in 0..config.threads.get() {
            let (sender, receiver) = mpsc::channel(config.waiting.max(1));
            let worker = Worker::new(config.clone(), registry.clone(), actions.clone(), committed.clone());
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
        }))
    }

    /// How far each session is on disk.
    pub fn committed(&self) -> &Arc<CommittedPositions> {
        &self.committed
    }

    /// Whether a loaded plugin is called for events of this name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        event_kind(name).is_some_and(|kind| {
            self.registry
                .current()
                .plugins
                .iter()
                .any(|plugin| plugin.handles(kind))
        })
    }

    /// Hands a frame to the guild's worker; waits while that has too much.
    pub(crate) async fn frame(&self, guild: GuildId, session: Arc<str>, frame: Frame, received_at: UnixMilliseconds) {
        self.send(
            guild,
            Job::Frame {
                guild,
                session,
                frame,
                received_at,
            },
        )
        .await;
    }

    /// Hands a finished action to the guild's worker.
    pub async fn settled(&self, settled: Settled) {
        self.send(settled.guild, Job::Settled(settled)).await;
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

fn guilds_in(directory: &std::path::Path) -> std::io::Result<Vec<GuildId>> {
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
