//! Follows the assignments: takes up guilds that are this pod's, hands over those that move away, and lets go of those
//! that were given to others. One task per guild in transition; all others go on.

use crate::durability::Durability;
use crate::files::GuildFiles;
use crate::loads::Loads;
use crate::owned::Owned;
use crate::peers::Peers;
use guildhall_discord::Dispatcher;
use guildhall_fleet::{AssignmentState, AssignmentView, Changed, ConfigClient, GuildAssignment, Lease, PodState};
use guildhall_gateway::Workers;
use guildhall_model::GuildId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// Files that are prepared or sent at once.
pub(crate) const TRANSITIONS: usize = 16;
/// Without a change the assignments are looked at this often.
const LOOK: Duration = Duration::from_millis(200);
/// Between two attempts to get a guild's file ready.
const RETRY: Duration = Duration::from_millis(500);

/// What transitions need.
pub struct Ownership {
    /// This pod's name.
    pub pod: String,
    /// Who owns what.
    pub view: Arc<AssignmentView>,
    /// What this pod acts for.
    pub owned: Arc<Owned>,
    /// The guilds' workers.
    pub workers: Arc<Workers>,
    /// Their actions.
    pub dispatcher: Arc<Dispatcher>,
    /// This pod's right to act.
    pub lease: Lease,
    /// Where files are kept.
    pub files: GuildFiles,
    /// The other pods.
    pub peers: Peers,
    /// The config service.
    pub client: ConfigClient,
    /// What guilds cost.
    pub loads: Arc<Loads>,
    /// Where guilds are replicated.
    pub durability: Option<Arc<Durability>>,
    /// Guilds in transition.
    pub under_way: Mutex<HashSet<GuildId>>,
}

impl Ownership {
    /// Follows until it is told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(TRANSITIONS));
        let finished = Arc::new(Notify::new());
        let mut changes = self.view.revision();
        while !stop.is_cancelled() {
            changes.borrow_and_update();
            let mut due = self.due().await;
            due.sort_by_cached_key(|(guild, transition)| std::cmp::Reverse(self.urgency(*guild, transition)));
            for (guild, transition) in due {
                // Without a place the others wait: one that is more urgent may come before them.
                let Ok(place) = places.clone().try_acquire_owned() else {
                    break;
                };
                self.under_way().insert(guild);
                let (ownership, finished) = (self.clone(), finished.clone());
                tokio::spawn(async move {
                    ownership.make(guild, transition).await;
                    ownership.under_way().remove(&guild);
                    drop(place);
                    finished.notify_one();
                });
            }
            metrics::gauge!("guildhall_guilds_owned").set(self.owned.len().await as f64);
            tokio::select! {
                () = stop.cancelled() => {}
                () = finished.notified() => {}
                // A change is only a reason to look sooner.
                _ = tokio::time::timeout(LOOK, changes.changed()) => {}
            }
        }
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashSet<GuildId>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is this pod's, and nothing is in transition.
    pub async fn is_empty(&self) -> bool {
        self.owned.is_empty().await && self.under_way().is_empty() && self.view.guilds_of(&self.pod).is_empty()
    }

    /// Whether there is a pod that could take anything over.
    pub fn has_others(&self) -> bool {
        let pods = self.view.pods();
        pods.iter()
            .any(|pod| pod.state == PodState::Active && pod.name != self.pod)
    }

    /// Guilds whose state here is not what the assignments say.
    async fn due(&self) -> Vec<(GuildId, Transition)> {
        let owned = self.owned.read().await;
        let assigned = self.view.guilds_of(&self.pod);
        let under_way = self.under_way();
        let mut due = Vec::new();
        for assignment in &assigned {
            let guild = assignment.guild;
            if under_way.contains(&guild) {
                continue;
            }
            match owned.get(&guild) {
                None => due.push((guild, Transition::TakeUp(assignment.clone()))),
                Some(epoch) if *epoch != assignment.epoch => due.push((guild, Transition::LetGo)),
                Some(_) if assignment.state == AssignmentState::Moving => {
                    due.push((guild, Transition::HandOver(assignment.clone())));
                }
                Some(_) => {}
            }
        }
        let mine: HashSet<_> = assigned.iter().map(|assignment| assignment.guild).collect();
        let lost = owned
            .keys()
            .filter(|guild| !mine.contains(guild) && !under_way.contains(guild));
        due.extend(lost.map(|guild| (*guild, Transition::LetGo)));
        due
    }

    /// What leaves goes first; of what comes, that which somebody waits for, and then the busiest.
    fn urgency(&self, guild: GuildId, transition: &Transition) -> (usize, u32) {
        match transition {
            Transition::TakeUp(assignment) => (self.loads.waiting(guild), assignment.events_per_hour),
            Transition::HandOver(_) | Transition::LetGo => (usize::MAX, 0),
        }
    }

    async fn make(&self, guild: GuildId, transition: Transition) {
        match transition {
            Transition::TakeUp(assignment) => self.take_up(&assignment).await,
            Transition::HandOver(assignment) => {
                self.hand_over(&assignment).await;
                self.remove_if_elsewhere(guild).await;
            }
            Transition::LetGo => self.let_go(guild).await,
        }
    }

    async fn take_up(&self, assignment: &GuildAssignment) {
        let (guild, epoch) = (assignment.guild, assignment.epoch);
        if let Err(error) = self.prepare(guild, epoch).await {
            tracing::error!(%guild, epoch, error = format!("{error:#}"), "the guild's file cannot be taken up; it is tried again");
            tokio::time::sleep(RETRY).await;
            return;
        }
        let current = self.view.guild(guild);
        if current.is_some_and(|current| current.epoch == epoch && current.pod.as_ref() == Some(&self.pod)) {
            if let Some(durability) = &self.durability {
                durability.take_up(guild, epoch);
            }
            self.owned.insert(guild, epoch).await;
            self.loads.taken_up(guild);
            self.workers.take_up(guild).await;
            tracing::debug!(%guild, epoch, previous = assignment.previous, "a guild was taken up");
        }
    }

    async fn prepare(&self, guild: GuildId, epoch: i64) -> anyhow::Result<()> {
        if let Some(durability) = &self.durability
            && !self.files.delivered(guild, epoch).exists()
            && let Some(newest) = durability.fetch(&self.files, guild, epoch).await?
        {
            let renewed = self.client.renew(guild, epoch, newest).await?;
            self.view.learn(Changed::Guild(renewed));
            anyhow::bail!("the bucket is at epoch {newest}: a higher one is begun");
        }
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || files.prepare(guild, epoch)).await?
    }

    /// Nothing more is done for the guild in this epoch: its mailbox is finished, its file closed, and what has not
    /// left for Discord stays in its outbox.
    pub(crate) async fn let_go(&self, guild: GuildId) {
        self.owned.remove(guild).await;
        self.files.copies.end(guild).await;
        self.loads.forget(guild);
        self.workers.hold(guild).await;
        if let Some(durability) = &self.durability {
            durability.replicator.hold(guild);
        }
        self.dispatcher.release(guild).await;
        self.workers.release(guild).await;
        if let Some(durability) = &self.durability {
            durability.replicator.release(guild).await;
        }
    }

    async fn remove_if_elsewhere(&self, guild: GuildId) {
        let elsewhere = self
            .view
            .guild(guild)
            .is_some_and(|now| now.pod.as_ref().is_some_and(|pod| *pod != self.pod));
        if elsewhere && let Err(error) = self.files.remove(guild) {
            tracing::warn!(%guild, %error, "the file of a guild that was handed over cannot be removed");
        }
    }
}

enum Transition {
    TakeUp(GuildAssignment),
    HandOver(GuildAssignment),
    LetGo,
}
