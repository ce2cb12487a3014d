//! The shards' sessions of this process, and their positions on disk, so that the next process goes on with them.

use crate::configuration::Configuration;
use anyhow::{Context, Result, bail};
use guildhall_discord::{
    Frame, FrameSink, GatewayInformation, IdentifyPace, Intents, ResumePoint, SessionConfig, SessionEnd, run_session,
};
use guildhall_gateway::{CommittedPositions, Router};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How old a position may be after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(250);
/// Discord asks for 1 to 5 seconds after an invalid session (Gateway, Resuming).
const INVALID_SESSION_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// All shards.
pub(crate) struct Sessions {
    token: String,
    gateway: String,
    pace: IdentifyPace,
    /// What the loaded plugins need.
    intents: watch::Receiver<Intents>,
    sink: Arc<Shards>,
    file: PathBuf,
}

/// Hands frames to the router, and knows which shards are connected.
struct Shards {
    router: Arc<Router>,
    committed: Arc<CommittedPositions>,
    shard_count: u32,
    /// Those of the running sessions.
    intents: AtomicU64,
    shards: Mutex<BTreeMap<u32, Shard>>,
    /// A session begins or goes on: that is kept at once, as there are few a day.
    news: Notify,
}

#[derive(Default)]
struct Shard {
    connected: bool,
    point: Option<ResumePoint>,
}

/// What is on disk. A session goes on only with the same shards and intents.
#[derive(Deserialize, Serialize)]
struct Saved {
    shard_count: u32,
    intents: u64,
    shards: BTreeMap<u32, ResumePoint>,
}

impl FrameSink for Shards {
    fn received(&self, frame: &Frame) {
        self.router.received(frame);
    }

    async fn accept(&self, session: &Arc<str>, frame: Frame) {
        self.router.accept(session, frame).await;
    }

    fn connected(&self, shard: u32, point: &ResumePoint) {
        let mut shards = self.lock();
        let state = shards.entry(shard).or_default();
        state.connected = true;
        state.point = Some(point.clone());
        drop(shards);
        self.news.notify_one();
    }

    fn disconnected(&self, shard: u32) {
        self.lock().entry(shard).or_default().connected = false;
    }
}

impl Shards {
    /// Until it is connected, a shard stands where it stood: a process that dies before that costs no session.
    fn begin(&self, shard: u32, resume: Option<ResumePoint>) {
        self.lock().entry(shard).or_default().point = resume;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Shard>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each session with the last sequence up to which everything is in its guild's file.
    fn saved(&self) -> Saved {
        let shards = self.lock();
        let point = |shard: &Shard| {
            let point = shard.point.as_ref()?;
            // Nothing was received since the resume: its own sequence still stands.
            let sequence = self.committed.up_to(&point.session).unwrap_or(point.sequence);
            Some(ResumePoint {
                sequence,
                ..point.clone()
            })
        };
        let shards = shards
            .iter()
            .filter_map(|(number, shard)| Some((*number, point(shard)?)))
            .collect();
        Saved {
            shard_count: self.shard_count,
            intents: self.intents.load(Ordering::Relaxed),
            shards,
        }
    }
}

impl Sessions {
    /// Prepares every shard's session.
    pub(crate) fn new(
        configuration: &Configuration,
        gateway: GatewayInformation,
        intents: watch::Receiver<Intents>,
        router: Arc<Router>,
        committed: Arc<CommittedPositions>,
    ) -> Self {
        let shard_count = configuration
            .discord
            .shards
            .map_or(gateway.shards.max(1), std::num::NonZeroU32::get);
        let shards = (0..shard_count).map(|shard| (shard, Shard::default())).collect();
        let sink = Shards {
            router,
            committed,
            shard_count,
            intents: AtomicU64::new(0),
            shards: Mutex::new(shards),
            news: Notify::new(),
        };
        Self {
            token: configuration.discord.token.clone(),
            pace: IdentifyPace::new(&gateway.session_start_limit),
            gateway: configuration.discord.gateway.clone().unwrap_or(gateway.url),
            intents,
            sink: Arc::new(sink),
            file: configuration.data.join("sessions.json"),
        }
    }

    fn config(&self, shard: u32, intents: Intents, resume: Option<ResumePoint>) -> SessionConfig {
        SessionConfig {
            token: self.token.clone(),
            shard,
            shard_count: self.sink.shard_count,
            intents,
            gateway: self.gateway.clone(),
            resume,
            pace: self.pace.clone(),
            invalid_session_pause: INVALID_SESSION_PAUSE,
        }
    }

    /// Why the pod is not ready; none when every shard is connected.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let shards = self.sink.lock();
        let waiting: Vec<_> = shards
            .iter()
            .filter(|(_, shard)| !shard.connected)
            .map(|(number, _)| number.to_string())
            .collect();
        (!waiting.is_empty()).then(|| format!("not connected: shard {}", waiting.join(", ")))
    }

    /// Runs all sessions until they are told to stop, going on with those of the process before where they fit; fails
    /// when Discord refuses one. A plugin that needs more intents than the sessions have makes them begin anew.
    pub(crate) async fn run(&self, stop: CancellationToken) -> Result<()> {
        let mut wanted = self.intents.clone();
        let mut intents = *wanted.borrow_and_update();
        let mut resume = read(&self.file, self.sink.shard_count, intents.bits());
        loop {
            self.sink.intents.store(intents.bits(), Ordering::Relaxed);
            let this_time = stop.child_token();
            let mut running = JoinSet::new();
            for shard in 0..self.sink.shard_count {
                let resume = resume.remove(&shard);
                self.sink.begin(shard, resume.clone());
                let config = self.config(shard, intents, resume);
                running.spawn(run_session(config, self.sink.clone(), this_time.clone()));
            }
            let mut save = tokio::time::interval(SAVE_EVERY);
            loop {
                tokio::select! {
                    _ = save.tick() => self.save(),
                    () = self.sink.news.notified() => self.save(),
                    Ok(()) = wanted.changed() => {
                        let more = *wanted.borrow_and_update();
                        if !intents.contains(more) {
                            tracing::info!("a plugin needs more intents than the sessions have: they begin anew");
                            intents |= more;
                            this_time.cancel();
                        }
                    }
                    ended = running.join_next() => match ended {
                        None => break,
                        Some(Ok(SessionEnd::Stopped(_))) => {}
                        Some(Ok(SessionEnd::Refused { code, fix })) => {
                            bail!("Discord refuses the connection ({code}): {fix}")
                        }
                        Some(Err(error)) => return Err(error).context("a session ended by a panic"),
                    },
                }
            }
            if stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Writes where every session stands.
    pub(crate) fn save(&self) {
        let saved = self.sink.saved();
        let written = serde_json::to_vec(&saved)
            .map_err(std::io::Error::other)
            .and_then(|json| replace(&self.file, &json));
        if let Err(error) = written {
            tracing::error!(file = %self.file.display(), %error, "where the sessions stand cannot be written; after a crash they begin anew");
        }
    }
}

fn read(file: &Path, shard_count: u32, intents: u64) -> BTreeMap<u32, ResumePoint> {
    let Ok(json) = std::fs::read(file) else {
        return BTreeMap::new();
    };
    match serde_json::from_slice::<Saved>(&json) {
        Ok(saved) if saved.shard_count == shard_count && saved.intents == intents => saved.shards,
        Ok(_) => BTreeMap::new(),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "where the sessions stood cannot be read; they begin anew");
            BTreeMap::new()
        }
    }
}

/// Whole or not at all, whenever the process dies.
fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let written = file.with_extension("json.new");
    std::fs::write(&written, content)?;
    std::fs::rename(written, file)
}
