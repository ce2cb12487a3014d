//! Events from this pod's sessions to whoever owns their guilds: this pod's workers, or the owner pod, in order per
//! guild. An event that has no owner now waits here, within a bound; past it the sessions stop reading, and Discord
//! keeps what follows.

use crate::loads::Loads;
use crate::owned::Owned;
use crate::peers::{Forwarded, ForwardedEvent, ForwardedEvents, Peers};
use guildhall_discord::Frame;
use guildhall_fleet::{AssignmentView, Changed, ConfigClient};
use guildhall_gateway::{Destination, Workers};
use guildhall_model::{GuildId, SessionPosition, UnixMilliseconds};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Events that wait in all queues together.
const BUFFER: usize = 16_384;
/// Events of one request.
const BATCH: usize = 64;
/// Between two attempts while nothing changes.
const PAUSE: Duration = Duration::from_millis(20);

/// The fleet's [`Destination`].
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    pod: String,
    view: Arc<AssignmentView>,
    client: ConfigClient,
    peers: Peers,
    owned: Arc<Owned>,
    workers: Arc<Workers>,
    loads: Arc<Loads>,
    places: Arc<Semaphore>,
    queues: Mutex<HashMap<GuildId, VecDeque<Waiting>>>,
}

struct Waiting {
    session: Arc<str>,
    frame: Frame,
    received_at: UnixMilliseconds,
    _place: OwnedSemaphorePermit,
}

impl Destination for Delivery {
    async fn deliver(&self, guild: GuildId, session: Arc<str>, frame: Frame, received_at: UnixMilliseconds) {
        let Ok(place) = self.0.places.clone().acquire_owned().await else {
            return;
        };
        let waiting = Waiting {
            session,
            frame,
            received_at,
            _place: place,
        };
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get_mut(&guild) {
            queue.push_back(waiting);
            return;
        }
        queues.insert(guild, VecDeque::from([waiting]));
        drop(queues);
        let inner = self.0.clone();
        tokio::spawn(async move { inner.run(guild).await });
    }
}

impl Delivery {
    /// Delivers to these workers, and to other pods.
    pub fn new(
        pod: &str,
        view: Arc<AssignmentView>,
        client: ConfigClient,
        peers: Peers,
        owned: Arc<Owned>,
        workers: Arc<Workers>,
        loads: Arc<Loads>,
    ) -> Self {
        Self(Arc::new(Inner {
            pod: pod.to_owned(),
            view,
            client,
            peers,
            owned,
            workers,
            loads,
            places: Arc::new(Semaphore::new(BUFFER)),
            queues: Mutex::default(),
        }))
    }
}

impl Inner {
    /// One guild's queue, until it is empty.
    async fn run(&self, guild: GuildId) {
        loop {
            let mut batch: Vec<Waiting> = {
                let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(queue) = queues.get_mut(&guild) else { return };
                if queue.is_empty() {
                    queues.remove(&guild);
                    return;
                }
                let count = queue.len().min(BATCH);
                queue.drain(..count).collect()
            };
            loop {
                let mut changes = self.view.revision();
                changes.borrow_and_update();
                if self.to_worker(guild, &mut batch).await || self.to_owner(guild, &batch).await {
                    break;
                }
                // Whichever comes first; a change is only a reason to look sooner.
                let _ = tokio::time::timeout(PAUSE, changes.changed()).await;
            }
        }
    }

    async fn to_worker(&self, guild: GuildId, batch: &mut Vec<Waiting>) -> bool {
        let owned = self.owned.read().await;
        if !owned.contains_key(&guild) {
            return false;
        }
        self.loads.count(guild, batch.len());
        for waiting in batch.drain(..) {
            self.workers
                .frame(guild, waiting.session, waiting.frame, waiting.received_at, None)
                .await;
        }
        true
    }

    async fn to_owner(&self, guild: GuildId, batch: &[Waiting]) -> bool {
        let known = self.view.guild(guild).filter(|known| known.pod.is_some());
        let assignment = match known {
            Some(known) => known,
            None => match self.client.assign(guild).await {
                Ok(assignment) => {
                    self.view.learn(Changed::Guild(assignment.clone()));
                    assignment
                }
                Err(error) => {
                    tracing::warn!(%guild, %error, "the guild's owner cannot be asked for");
                    tokio::time::sleep(PAUSE * 10).await;
                    return false;
                }
            },
        };
        let owner = assignment.pod.filter(|pod| *pod != self.pod);
        let Some(url) = owner.and_then(|pod| self.view.url(&pod)) else {
            return false;
        };
        // They end when the owner has answered.
        let steps: Vec<_> = batch
            .iter()
            .map(|waiting| waiting.frame.trace.step("forward"))
            .collect();
        let events = ForwardedEvents {
            epoch: assignment.epoch,
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
        match self.peers.events(&url, guild, &events).await {
            Ok(Forwarded::Committed) => {
                metrics::counter!("guildhall_events_forwarded_total").increment(batch.len() as u64);
                let positions: Vec<_> = batch
                    .iter()
                    .map(|waiting| SessionPosition {
                        session: waiting.session.clone(),
                        sequence: waiting.frame.sequence,
                    })
                    .collect();
                self.workers.committed().committed(positions.iter());
                true
            }
            Ok(Forwarded::Misdirected(current)) => {
                if let Some(current) = current {
                    self.view.learn(Changed::Guild(current));
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
