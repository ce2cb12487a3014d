//! Events from this pod's sessions to whoever owns their guilds: this pod's workers, or the owner pod, in order per
//! guild. An event that has no owner now waits here, within a bound; past it the sessions stop reading, and Discord
//! keeps what follows. An event that its owner has only on a disk is kept until it is in the bucket: if that disk is lost,
//! the next owner gets it once more.

use crate::loads::Loads;
use crate::owned::Owned;
use crate::peers::{Forwarded, ForwardedEvent, ForwardedEvents, Peers};
use guildhall_discord::Frame;
use guildhall_fleet::{AssignmentView, Changed, ConfigClient, GuildAssignment, Lease};
use guildhall_gateway::{Destination, Workers};
use guildhall_model::{GuildId, SessionPosition, UnixMilliseconds};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Events that wait in all queues together.
const BUFFER: usize = 16_384;
/// Events that are kept until they are in the bucket, of all guilds together.
const KEPT: usize = 65_536;
/// Between two questions what is in the bucket.
const CONFIRM: Duration = Duration::from_millis(250);
/// Events of one request.
const BATCH: usize = 64;
/// Between two attempts while nothing changes.
const PAUSE: Duration = Duration::from_millis(20);

/// What delivering needs.
pub struct DeliveryConfig {
    /// This pod's name.
    pub pod: String,
    /// Who owns what.
    pub view: Arc<AssignmentView>,
    /// The config service.
    pub client: ConfigClient,
    /// The other pods.
    pub peers: Peers,
    /// What this pod acts for.
    pub owned: Arc<Owned>,
    /// The guilds' workers.
    pub workers: Arc<Workers>,
    /// What guilds cost.
    pub loads: Arc<Loads>,
    /// This pod's right to act.
    pub lease: Lease,
    /// Whether the owners replicate their guilds.
    pub replicated: bool,
}

/// The fleet's [`Destination`].
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    config: DeliveryConfig,
    places: Arc<Semaphore>,
    queues: Mutex<HashMap<GuildId, Queue>>,
    /// Events in all queues that can be sent again.
    kept: AtomicUsize,
}

/// One guild's events, the oldest first.
#[derive(Default)]
struct Queue {
    /// On an owner's disk, and not known to be in the bucket.
    sent: VecDeque<Sent>,
    /// The epoch of that owner.
    epoch: i64,
    waiting: VecDeque<Waiting>,
    /// Whether a task delivers them.
    running: bool,
}

/// An event that its owner has.
struct Sent {
    session: Arc<str>,
    sequence: u64,
    /// What is sent again where that owner is lost; none where there was no more room for it.
    event: Option<(Arc<Frame>, UnixMilliseconds)>,
}

struct Waiting {
    session: Arc<str>,
    frame: Arc<Frame>,
    received_at: UnixMilliseconds,
    /// Given back when the event is on a disk.
    _place: Option<OwnedSemaphorePermit>,
}

/// Who holds the session that brings a guild's events.
enum Session {
    /// This pod, in this epoch of its shard.
    Held(i64),
    /// Another pod.
    Elsewhere,
    /// Not known now, or this pod without a lease.
    Unknown,
}

impl Waiting {
    fn position(&self) -> SessionPosition {
        SessionPosition {
            session: self.session.clone(),
            sequence: self.frame.sequence,
        }
    }
}

impl Destination for Delivery {
    async fn deliver(&self, guild: GuildId, session: Arc<str>, frame: Arc<Frame>, received_at: UnixMilliseconds) {
        let Ok(place) = self.0.places.clone().acquire_owned().await else {
            return;
        };
        self.0.lock().entry(guild).or_default().waiting.push_back(Waiting {
            session,
            frame,
            received_at,
            _place: Some(place),
        });
        self.0.wake(guild);
    }

    fn is_here(&self, guild: GuildId) -> bool {
        let known = self.0.config.view.guild(guild);
        known.is_some_and(|known| known.pod.as_ref() == Some(&self.0.config.pod))
    }
}

impl Delivery {
    /// Delivers to these workers, and to other pods.
    pub fn new(config: DeliveryConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            places: Arc::new(Semaphore::new(BUFFER)),
            queues: Mutex::default(),
            kept: AtomicUsize::new(0),
        }))
    }

    /// Learns from the owners what is in the bucket, and sends again what a lost owner took along, until it is told to stop.
    pub async fn confirm(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let mut by_owner: HashMap<String, Vec<GuildId>> = HashMap::new();
            for (guild, epoch) in self.0.guilds_with_sent() {
                let Some(now) = self.0.config.view.guild(guild) else {
                    continue;
                };
                if now.epoch != epoch {
                    self.0.wake(guild);
                } else if let Some(url) = now.pod.and_then(|pod| self.0.config.view.url(&pod)) {
                    by_owner.entry(url).or_default().push(guild);
                }
            }
            for (url, guilds) in by_owner {
                match self.0.config.peers.replicated(&url, &guilds).await {
                    Ok(replicated) => replicated
                        .into_iter()
                        .for_each(|(guild, safe)| self.0.confirmed(guild, &safe)),
                    Err(error) => tracing::debug!(%url, %error, "an owner does not tell what is in the bucket"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(CONFIRM) => {}
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<GuildId, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the guild's task where none runs.
    fn wake(self: &Arc<Self>, guild: GuildId) {
        if let Some(queue) = self.lock().get_mut(&guild)
            && !queue.running
        {
            queue.running = true;
            let inner = self.clone();
            tokio::spawn(async move { inner.run(guild).await });
        }
    }

    fn guilds_with_sent(&self) -> Vec<(GuildId, i64)> {
        let queues = self.lock();
        let with_sent = queues.iter().filter(|(_, queue)| !queue.sent.is_empty());
        with_sent.map(|(guild, queue)| (*guild, queue.epoch)).collect()
    }

    /// These events of the guild are in the bucket.
    fn confirmed(&self, guild: GuildId, safe: &BTreeMap<Arc<str>, u64>) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&guild) else { return };
        let in_bucket = |sent: &&Sent| safe.get(&sent.session).is_some_and(|safe| *safe >= sent.sequence);
        let count = queue.sent.iter().take_while(in_bucket).count();
        let confirmed: Vec<_> = queue.sent.drain(..count).collect();
        if queue.sent.is_empty() && !queue.running {
            queues.remove(&guild);
        }
        drop(queues);
        self.let_go(&confirmed);
    }

    /// These are in the bucket, or lost for good.
    fn let_go(&self, events: &[Sent]) {
        let kept = events.iter().filter(|sent| sent.event.is_some()).count();
        self.kept.fetch_sub(kept, Ordering::Relaxed);
        let positions = events.iter().map(|sent| (&sent.session, sent.sequence));
        self.config.workers.committed().replicated(positions);
    }

    /// One guild's queue, until nothing waits.
    async fn run(&self, guild: GuildId) {
        loop {
            let mut changes = self.config.view.revision();
            changes.borrow_and_update();
            let left = match self.session(guild) {
                Session::Elsewhere => return self.forget(guild),
                Session::Held(shard_epoch) => match self.owner(guild).await {
                    Some(owner) => {
                        let Some(batch) = self.next_batch(guild, owner.epoch) else {
                            return;
                        };
                        self.hand_on(guild, &owner, shard_epoch, batch).await
                    }
                    None => Some(Vec::new()),
                },
                Session::Unknown => Some(Vec::new()),
            };
            if let Some(left) = left {
                self.put_back(guild, left);
                // Whichever comes first; a change is only a reason to look sooner.
                let _ = tokio::time::timeout(PAUSE, changes.changed()).await;
            }
        }
    }

    /// Whether this pod may deliver what its session brought. A pod that slept past its lease may not: the next holder
    /// begins with earlier events, and a later one that came before them would hide them from the guild's cursor.
    fn session(&self, guild: GuildId) -> Session {
        match self.config.view.shard_of(guild) {
            Some(shard) if shard.pod.as_ref().is_some_and(|pod| *pod != self.config.pod) => Session::Elsewhere,
            Some(shard) if shard.pod.is_some() && self.config.lease.is_valid() => Session::Held(shard.epoch),
            _ => Session::Unknown,
        }
    }

    /// The next holder of the session has these events replayed.
    fn forget(&self, guild: GuildId) {
        if let Some(queue) = self.lock().remove(&guild) {
            let kept = queue.sent.iter().filter(|sent| sent.event.is_some()).count();
            self.kept.fetch_sub(kept, Ordering::Relaxed);
        }
    }

    /// The next events for the owner in this epoch. What an owner before it had, it may not have: it begins with that.
    fn next_batch(&self, guild: GuildId, epoch: i64) -> Option<Vec<Waiting>> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&guild)?;
        if queue.epoch != epoch {
            queue.epoch = epoch;
            let mut gone = Vec::new();
            while let Some(mut sent) = queue.sent.pop_back() {
                match sent.event.take() {
                    Some((frame, received_at)) => {
                        self.kept.fetch_sub(1, Ordering::Relaxed);
                        queue.waiting.push_front(Waiting {
                            session: sent.session,
                            frame,
                            received_at,
                            _place: None,
                        });
                    }
                    None => gone.push(sent),
                }
            }
            if !gone.is_empty() {
                tracing::warn!(%guild, events = gone.len(), "events were not in the bucket, and too many to be kept here: the guild's new owner has them only where the last one's file was saved");
                self.let_go(&gone);
            }
        }
        let count = queue.waiting.len().min(BATCH);
        if count == 0 {
            queue.running = false;
            if queue.sent.is_empty() {
                queues.remove(&guild);
            }
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }

    fn put_back(&self, guild: GuildId, batch: Vec<Waiting>) {
        if let Some(queue) = self.lock().get_mut(&guild) {
            batch
                .into_iter()
                .rev()
                .for_each(|waiting| queue.waiting.push_front(waiting));
        }
    }

    /// The owner has them, on its disk or about to be there.
    fn keep(&self, guild: GuildId, batch: Vec<Waiting>) {
        if let Some(queue) = self.lock().get_mut(&guild) {
            let count = batch.len();
            queue.sent.extend(batch.into_iter().map(|waiting| Sent {
                sequence: waiting.frame.sequence,
                session: waiting.session,
                event: Some((waiting.frame, waiting.received_at)),
            }));
            let excess = (self.kept.fetch_add(count, Ordering::Relaxed) + count).saturating_sub(KEPT);
            // The bucket is away: from here on only the owner's disk has the oldest ones.
            let oldest = queue.sent.iter_mut().filter(|sent| sent.event.is_some()).take(excess);
            let dropped = oldest.map(|sent| sent.event = None).count();
            self.kept.fetch_sub(dropped, Ordering::Relaxed);
        }
    }

    /// Who owns the guild; a guild that is new gets an owner.
    async fn owner(&self, guild: GuildId) -> Option<GuildAssignment> {
        if let Some(known) = self.config.view.guild(guild).filter(|known| known.pod.is_some()) {
            return Some(known);
        }
        match self.config.client.assign(guild).await {
            Ok(assignment) => {
                self.config.view.learn(Changed::Guild(assignment.clone()));
                Some(assignment).filter(|assignment| assignment.pod.is_some())
            }
            Err(error) => {
                tracing::warn!(%guild, %error, "the guild's owner cannot be asked for");
                tokio::time::sleep(PAUSE * 10).await;
                None
            }
        }
    }

    /// Hands the events to the owner; answers them where it could not take them.
    async fn hand_on(
        &self,
        guild: GuildId,
        owner: &GuildAssignment,
        shard_epoch: i64,
        batch: Vec<Waiting>,
    ) -> Option<Vec<Waiting>> {
        let taken = if owner.pod.as_ref() == Some(&self.config.pod) {
            self.to_worker(guild, owner.epoch, &batch).await
        } else {
            self.to_owner(guild, owner, shard_epoch, &batch).await
        };
        if !taken {
            return Some(batch);
        }
        if self.config.replicated {
            self.keep(guild, batch);
        }
        None
    }

    async fn to_worker(&self, guild: GuildId, epoch: i64, batch: &[Waiting]) -> bool {
        let owned = self.config.owned.read().await;
        if owned.get(&guild) != Some(&epoch) {
            self.config.loads.wait(guild, batch.len());
            return false;
        }
        self.config.loads.count(guild, batch.len());
        for waiting in batch {
            let (session, frame) = (waiting.session.clone(), waiting.frame.clone());
            let workers = &self.config.workers;
            workers.frame(guild, session, frame, waiting.received_at, None).await;
        }
        true
    }

    async fn to_owner(&self, guild: GuildId, owner: &GuildAssignment, shard_epoch: i64, batch: &[Waiting]) -> bool {
        let Some(url) = owner.pod.as_ref().and_then(|pod| self.config.view.url(pod)) else {
            return false;
        };
        // They end when the owner has answered.
        let steps: Vec<_> = batch
            .iter()
            .map(|waiting| waiting.frame.trace.step("forward"))
            .collect();
        let events = ForwardedEvents {
            epoch: owner.epoch,
            shard_epoch,
            events: batch
                .iter()
                .zip(&steps)
                .map(|(waiting, step)| ForwardedEvent {
                    session: waiting.session.clone(),
                    sequence: waiting.frame.sequence,
                    name: waiting.frame.name.clone(),
                    received_at: waiting.received_at,
                    text: waiting.frame.text.clone(),
                    trace: step.trace().to_header(),
                })
                .collect(),
        };
        match self.config.peers.events(&url, guild, &events).await {
            Ok(Forwarded::Committed) => {
                metrics::counter!("guildhall_events_forwarded_total").increment(batch.len() as u64);
                let positions: Vec<_> = batch.iter().map(Waiting::position).collect();
                self.config.workers.committed().committed(positions.iter());
                true
            }
            Ok(Forwarded::Misdirected(current)) => {
                if let Some(current) = current {
                    self.config.view.learn(Changed::Guild(current));
                }
                false
            }
            Ok(Forwarded::Later) => false,
            Err(error) => {
                tracing::debug!(%guild, %error, "the owner does not answer; its events wait");
                metrics::counter!("guildhall_forward_failures_total").increment(1);
                false
            }
        }
    }
}
