//! How far each guild of this pod is in the bucket. Whoever owns a guild tells what it committed; this has Litestream bring
//! it there, and tells when it is. Files that were written lately stay registered with Litestream, the others do not: each
//! costs it memory.
//!
//! Nothing of a guild waits for the bucket here but what was asked to wait: actions, where the gate holds them.

use crate::bucket::{Bucket, BucketError, ReadyEpoch};
use crate::litestream::{Litestream, LitestreamError};
use guildhall_model::{GuildId, OutboxEntry, SessionPosition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// Guilds on their way to the bucket at once.
const AT_ONCE: usize = 16;
/// Between two looks at what is due.
const LOOK: Duration = Duration::from_millis(50);
/// Between two updates of the lag's gauges.
const TELL: Duration = Duration::from_secs(1);
/// One sync's bound.
const SYNC: Duration = Duration::from_secs(10);
/// A guild that is given away waits so long for its last sync.
const LAST_SYNC: Duration = Duration::from_secs(2);
/// Between two complaints about it.
const COMPLAIN: Duration = Duration::from_secs(5);
/// Before a guild that could not be brought there is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How it is sized.
#[derive(Clone, Debug)]
pub struct ReplicatorConfig {
    /// The directory of the guilds' files.
    pub guilds: PathBuf,
    /// This pod's name, for the markers of its epochs.
    pub pod: String,
    /// Files registered with Litestream at once.
    pub hot_files: usize,
    /// Between two syncs of one guild.
    pub every: Duration,
    /// Whether actions wait until what they follow from is in the bucket.
    pub gate: bool,
}

/// Told what is in the bucket.
pub trait Replicated: Send + Sync + 'static {
    /// What these actions follow from is there: they may leave. Must not block.
    fn replicated(&self, guild: GuildId, actions: Vec<OutboxEntry>);
}

/// Where a guild of this pod stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Standing {
    /// The guild.
    pub guild: GuildId,
    /// Its epoch.
    pub epoch: i64,
    /// Whether the bucket has this epoch, or the one before it and nothing was committed since.
    pub ready: bool,
    /// Whether it is registered with Litestream.
    pub registered: bool,
    /// Milliseconds since its oldest commit that is not in the bucket; 0 where all are.
    pub lag_ms: u64,
}

#[derive(Debug)]
struct Guild {
    epoch: i64,
    registered: bool,
    /// Whether its epoch can be restored.
    ready: bool,
    /// Whether it is being synced, registered or unregistered.
    under_way: bool,
    /// Whether it is about to go elsewhere: what the gate holds stays in the outbox.
    held: bool,
    /// When the oldest commit was that is not in the bucket.
    since: Option<Instant>,
    /// The last event of each session that it committed and that is not known to be in the bucket.
    positions: BTreeMap<Arc<str>, u64>,
    /// Actions that the gate holds.
    actions: Vec<OutboxEntry>,
    /// The last event of each session that is in the bucket, in this epoch.
    safe: BTreeMap<Arc<str>, u64>,
    used: Instant,
    not_before: Instant,
    /// Whether the last attempt failed.
    failed: bool,
}

/// What a sync takes along.
struct Load {
    epoch: i64,
    taken: Instant,
    since: Instant,
    registered: bool,
    ready: bool,
    positions: BTreeMap<Arc<str>, u64>,
    actions: Vec<OutboxEntry>,
}

#[derive(Debug, thiserror::Error)]
enum BringError {
    #[error(transparent)]
    Litestream(#[from] LitestreamError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

impl Guild {
    /// What is to be brought to the bucket.
    fn load(&mut self, since: Instant) -> Load {
        Load {
            epoch: self.epoch,
            taken: Instant::now(),
            since,
            registered: self.registered,
            ready: self.ready,
            positions: std::mem::take(&mut self.positions),
            actions: std::mem::take(&mut self.actions),
        }
    }
}

/// Brings a pod's guilds to the bucket.
pub struct Replicator {
    config: ReplicatorConfig,
    litestream: Litestream,
    bucket: Bucket,
    told: Box<dyn Replicated>,
    guilds: Mutex<HashMap<GuildId, Guild>>,
    places: Semaphore,
    complained: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Replicator {
    /// Nothing is replicated yet.
    pub fn new(config: ReplicatorConfig, litestream: Litestream, bucket: Bucket, told: Box<dyn Replicated>) -> Self {
        // There from the start, so that the first failure is seen as one.
        metrics::counter!("guildhall_replication_failures_total").increment(0);
        Self {
            config,
            litestream,
            bucket,
            told,
            guilds: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            complained: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GuildId, Guild>> {
        self.guilds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, guild: GuildId) -> PathBuf {
        self.config.guilds.join(format!("{guild}.db"))
    }

    /// Litestream's own notes of an epoch before would be taken for this one's.
    fn forget_notes(&self, guild: GuildId) {
        let notes = self.config.guilds.join(format!(".{guild}.db-litestream"));
        match std::fs::remove_dir_all(&notes) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%guild, %error, "{} cannot be removed", notes.display());
            }
            _ => {}
        }
    }

    /// The guild is this pod's in this epoch, and its file is in place: all of it goes to the bucket, at once, or where the
    /// file is the bucket's own with the guild's next commit.
    pub fn take_up(&self, guild: GuildId, epoch: i64, from_bucket: bool) {
        self.forget_notes(guild);
        let now = Instant::now();
        self.lock().insert(
            guild,
            Guild {
                epoch,
                registered: false,
                ready: false,
                under_way: false,
                held: false,
                since: (!from_bucket).then_some(now),
                positions: BTreeMap::new(),
                actions: Vec::new(),
                safe: BTreeMap::new(),
                used: now,
                not_before: now,
                failed: false,
            },
        );
        self.changed.notify_one();
    }

    /// The guild committed these events and actions. Answers the actions that may leave now. Never blocks.
    pub fn committed(
        &self,
        guild: GuildId,
        positions: &mut dyn Iterator<Item = &SessionPosition>,
        actions: Vec<OutboxEntry>,
    ) -> Vec<OutboxEntry> {
        let mut guilds = self.lock();
        let Some(state) = guilds.get_mut(&guild) else {
            // It is being given away; what it commits now goes with its file.
            return if self.config.gate { Vec::new() } else { actions };
        };
        let now = Instant::now();
        state.used = now;
        state.since.get_or_insert(now);
        for position in positions {
            advance(&mut state.positions, &position.session, position.sequence);
        }
        if !self.config.gate {
            return actions;
        }
        if !actions.is_empty() && !state.held {
            state.actions.extend(actions);
            self.changed.notify_one();
        }
        Vec::new()
    }

    /// The last event of each session that is in the bucket; none where the guild is not this pod's.
    pub fn safe(&self, guild: GuildId) -> Option<BTreeMap<Arc<str>, u64>> {
        self.lock().get(&guild).map(|state| state.safe.clone())
    }

    /// Where every guild stands.
    pub fn standing(&self) -> Vec<Standing> {
        let guilds = self.lock();
        let mut standing: Vec<_> = guilds
            .iter()
            .map(|(guild, state)| Standing {
                guild: *guild,
                epoch: state.epoch,
                ready: state.ready || state.since.is_none(),
                registered: state.registered,
                lag_ms: state.since.map_or(0, |since| milliseconds_since(since).max(1)),
            })
            .collect();
        standing.sort_by_key(|standing| standing.guild);
        standing
    }

    /// Brings what is due until it is told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut told = Instant::now();
        while !stop.is_cancelled() {
            for (guild, load) in self.due() {
                let replicator = self.clone();
                tokio::spawn(async move { replicator.bring(guild, load).await });
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                self.tell_lag();
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Brings everything that is not there, within the bound; answers how many guilds are left.
    pub async fn finish(self: &Arc<Self>, bound: Duration) -> usize {
        let all = async {
            while self.lock().values().any(|state| state.since.is_some()) {
                for (guild, load) in self.due() {
                    let replicator = self.clone();
                    tokio::spawn(async move { replicator.bring(guild, load).await });
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        // Past the bound, what is left is in the files.
        let _ = tokio::time::timeout(bound, all).await;
        self.lock().values().filter(|state| state.since.is_some()).count()
    }

    fn due(&self) -> Vec<(GuildId, Load)> {
        let now = Instant::now();
        let mut guilds = self.lock();
        let mut due: Vec<_> = guilds
            .iter_mut()
            .filter(|(_, state)| !state.under_way)
            .filter(|(_, state)| state.not_before <= now || (!state.actions.is_empty() && !state.failed))
            .filter_map(|(guild, state)| {
                let since = state.since?;
                state.under_way = true;
                state.not_before = now + self.config.every;
                let load = state.load(since);
                Some((*guild, load))
            })
            .collect();
        due.sort_by_key(|(_, load)| load.since);
        due
    }

    async fn bring(&self, guild: GuildId, load: Load) {
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        // What is committed from here on may miss this sync.
        let before = Instant::now();
        let brought = self.try_to_bring(guild, &load).await;
        match brought {
            Ok(()) => self.arrived(guild, load, before),
            Err(error) => {
                self.put_back(guild, load, &error);
                metrics::counter!("guildhall_replication_failures_total").increment(1);
            }
        }
    }

    fn arrived(&self, guild: GuildId, load: Load, before: Instant) {
        let mut guilds = self.lock();
        let Some(state) = guilds.get_mut(&guild).filter(|state| state.epoch == load.epoch) else {
            return;
        };
        state.under_way = false;
        (state.registered, state.ready, state.failed) = (true, true, false);
        // Nothing was committed since: all is there. Otherwise the rest is at most so old.
        state.since = (!state.positions.is_empty() || state.used > before).then_some(load.taken);
        for (session, sequence) in &load.positions {
            advance(&mut state.safe, session, *sequence);
        }
        let actions = if state.held { Vec::new() } else { load.actions };
        metrics::histogram!("guildhall_replication_seconds").record(load.since.elapsed());
        // Before anybody can hold the guild: nothing may leave after that.
        if !actions.is_empty() {
            self.told.replicated(guild, actions);
        }
    }

    fn put_back(&self, guild: GuildId, load: Load, error: &BringError) {
        let mut guilds = self.lock();
        let Some(state) = guilds.get_mut(&guild).filter(|state| state.epoch == load.epoch) else {
            return;
        };
        state.under_way = false;
        if matches!(
            error,
            BringError::Litestream(LitestreamError::Unknown(_) | LitestreamError::Away { .. })
        ) {
            state.registered = false;
        }
        let now = Instant::now();
        state.failed = true;
        state.not_before = now + PAUSE;
        for (session, sequence) in &load.positions {
            advance(&mut state.positions, session, *sequence);
        }
        state.actions.splice(0..0, load.actions);
        let lag = load.since.elapsed();
        drop(guilds);
        // A bucket that is away is away for all guilds: one of them says so for all.
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|last| now.duration_since(last) >= COMPLAIN) {
            *complained = Some(now);
            let error = describe(error);
            tracing::warn!(%guild, epoch = load.epoch, ?lag, error, "a guild is not in the bucket yet, and perhaps others; they go on meanwhile");
        }
    }

    async fn try_to_bring(&self, guild: GuildId, load: &Load) -> Result<(), BringError> {
        let path = self.path(guild);
        if !load.registered {
            self.take_place(guild).await;
            self.register(guild, load.epoch).await?;
        }
        match self.litestream.sync(&path, SYNC).await {
            // It was started again since.
            Err(LitestreamError::Unknown(_)) => {
                self.register(guild, load.epoch).await?;
                self.litestream.sync(&path, SYNC).await?;
            }
            synced => drop(synced?),
        }
        if !load.ready {
            let marker = ReadyEpoch {
                epoch: load.epoch,
                pod: self.config.pod.clone(),
                ready_at: unix_milliseconds(),
            };
            self.bucket.mark_ready(guild, &marker).await?;
        }
        Ok(())
    }

    async fn register(&self, guild: GuildId, epoch: i64) -> Result<(), LitestreamError> {
        let replica = self.bucket.location().replica(guild, epoch);
        self.litestream.register(&self.path(guild), &replica).await
    }

    /// Takes a place among the registered files, that of the one that was not written for longest where all are taken.
    async fn take_place(&self, guild: GuildId) {
        loop {
            let leaves = {
                let mut guilds = self.lock();
                let registered = guilds.values().filter(|state| state.registered).count();
                if registered < self.config.hot_files {
                    if let Some(state) = guilds.get_mut(&guild) {
                        state.registered = true;
                    }
                    return;
                }
                let idle = guilds
                    .iter_mut()
                    .filter(|(_, state)| state.registered && !state.under_way);
                // One that waits for its next sync is registered again for it.
                let leaves = idle.min_by_key(|(_, state)| (state.since.is_some(), state.used));
                leaves.map(|(leaves, state)| {
                    state.under_way = true;
                    *leaves
                })
            };
            let Some(leaves) = leaves else {
                // All of them are being synced; one ends soon.
                tokio::time::sleep(LOOK).await;
                continue;
            };
            let left = self.litestream.unregister(&self.path(leaves), SYNC).await;
            if let Err(error) = left {
                tracing::warn!(guild = %leaves, %error, "a file was not unregistered");
            }
            if let Some(state) = self.lock().get_mut(&leaves) {
                state.under_way = false;
                state.registered = false;
            }
        }
    }

    /// The guild is about to go elsewhere: from now on no action of it leaves the gate.
    pub fn hold(&self, guild: GuildId) {
        if let Some(state) = self.lock().get_mut(&guild) {
            state.held = true;
            state.actions.clear();
        }
    }

    /// The guild goes elsewhere, and its file is closed: its last commits go to the bucket within a bound, and Litestream lets
    /// go of the file. What the gate held stays in the outbox.
    pub async fn release(&self, guild: GuildId) {
        let asked = Instant::now();
        // A sync that is under way ends soon, or the bucket is away and it is not waited for.
        let is_under_way = || self.lock().get(&guild).is_some_and(|state| state.under_way);
        while is_under_way() && asked.elapsed() < LAST_SYNC {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let Some(mut state) = self.lock().remove(&guild) else {
            return;
        };
        if let (Some(since), false) = (state.since, state.failed || state.under_way) {
            let load = state.load(since);
            let brought = tokio::time::timeout(LAST_SYNC, self.try_to_bring(guild, &load)).await;
            match brought {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = describe(&error);
                    tracing::warn!(%guild, error, "a guild leaves before its last commits are in the bucket");
                }
                Err(_) => tracing::warn!(%guild, "a guild leaves before its last commits are in the bucket"),
            }
        }
        if let Err(error) = self.litestream.unregister(&self.path(guild), LAST_SYNC).await {
            tracing::warn!(%guild, %error, "a file was not unregistered");
        }
        self.forget_notes(guild);
        metrics::gauge!("guildhall_guild_replication_lag_seconds", "guild" => guild.to_string()).set(0.0);
    }

    fn tell_lag(&self) {
        let guilds = self.lock();
        let mut longest = Duration::ZERO;
        for (guild, state) in guilds.iter() {
            let lag = state.since.map_or(Duration::ZERO, |since| since.elapsed());
            longest = longest.max(lag);
            metrics::gauge!("guildhall_guild_replication_lag_seconds", "guild" => guild.to_string()).set(lag);
        }
        metrics::gauge!("guildhall_replication_lag_seconds").set(longest);
        let registered = guilds.values().filter(|state| state.registered).count();
        metrics::gauge!("guildhall_replicated_files").set(registered as f64);
    }
}

/// Notes the last event of a session.
fn advance(positions: &mut BTreeMap<Arc<str>, u64>, session: &Arc<str>, sequence: u64) {
    match positions.get_mut(session) {
        Some(last) => *last = (*last).max(sequence),
        None => drop(positions.insert(session.clone(), sequence)),
    }
}

/// An error with what it comes from.
fn describe(error: &BringError) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        words.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    words
}

fn milliseconds_since(moment: Instant) -> u64 {
    u64::try_from(moment.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
