//! Who owns what, as the config service's watch last told. It keeps serving while the service is away.

use crate::client::{ConfigClient, FleetError};
use crate::wire::{Change, Changed, GuildAssignment, Pod, ShardAssignment};
use futures_util::StreamExt;
use guildhall_model::GuildId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Rows of one page.
const PAGE: u32 = 5000;
/// Between two attempts to reach the config service.
const PAUSE: Duration = Duration::from_millis(500);
/// The watch sends something at least this often; later it is taken for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// A copy of all assignments.
#[derive(Debug)]
pub struct AssignmentView {
    state: RwLock<State>,
    revision: watch::Sender<i64>,
}

#[derive(Debug, Default)]
struct State {
    pods: BTreeMap<String, Pod>,
    guilds: HashMap<GuildId, GuildAssignment>,
    shards: BTreeMap<u32, ShardAssignment>,
}

impl Default for AssignmentView {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            revision: watch::channel(0).0,
        }
    }
}

impl AssignmentView {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last revision that is in here; changes are told to its receivers.
    pub fn revision(&self) -> watch::Receiver<i64> {
        self.revision.subscribe()
    }

    /// Who owns the guild.
    pub fn guild(&self, guild: GuildId) -> Option<GuildAssignment> {
        self.read().guilds.get(&guild).cloned()
    }

    /// All guilds that this pod owns.
    pub fn guilds_of(&self, pod: &str) -> Vec<GuildAssignment> {
        let state = self.read();
        let mine = state.guilds.values().filter(|guild| guild.pod.as_deref() == Some(pod));
        mine.cloned().collect()
    }

    /// How many guilds have this shard.
    pub fn guilds_of_shard(&self, shard: &ShardAssignment) -> usize {
        let state = self.read();
        let guilds = state.guilds.keys();
        guilds.filter(|guild| has_shard(**guild, shard)).count()
    }

    /// The shard whose session brings the guild's events; none while it is not known.
    pub fn shard_of(&self, guild: GuildId) -> Option<ShardAssignment> {
        let state = self.read();
        state.shards.values().find(|shard| has_shard(guild, shard)).cloned()
    }

    /// All shards.
    pub fn shards(&self) -> Vec<ShardAssignment> {
        self.read().shards.values().cloned().collect()
    }

    /// All pods.
    pub fn pods(&self) -> Vec<Pod> {
        self.read().pods.values().cloned().collect()
    }

    /// Where a pod is reached.
    pub fn url(&self, pod: &str) -> Option<String> {
        self.read().pods.get(pod).map(|pod| pod.url.clone())
    }

    /// Takes a row that some other answer carried; an older one changes nothing.
    pub fn learn(&self, changed: Changed) {
        let revision = match &changed {
            Changed::Pod(pod) => pod.revision,
            Changed::Guild(guild) => guild.revision,
            Changed::Shard(shard) => shard.revision,
        };
        let mut state = self.write();
        match changed {
            Changed::Pod(pod) => {
                if state
                    .pods
                    .get(&pod.name)
                    .is_none_or(|known| known.revision <= pod.revision)
                {
                    state.pods.insert(pod.name.clone(), pod);
                }
            }
            Changed::Guild(guild) => {
                if state
                    .guilds
                    .get(&guild.guild)
                    .is_none_or(|known| known.revision <= guild.revision)
                {
                    state.guilds.insert(guild.guild, guild);
                }
            }
            Changed::Shard(shard) => {
                if state
                    .shards
                    .get(&shard.shard)
                    .is_none_or(|known| known.revision <= shard.revision)
                {
                    state.shards.insert(shard.shard, shard);
                }
            }
        }
        drop(state);
        self.advance(revision);
    }

    fn advance(&self, revision: i64) {
        self.revision.send_if_modified(|known| {
            let newer = revision > *known;
            *known = revision.max(*known);
            newer
        });
    }

    async fn load(&self, client: &ConfigClient) -> Result<i64, FleetError> {
        let overview = client.overview().await?;
        overview.pods.into_iter().for_each(|pod| self.learn(Changed::Pod(pod)));
        overview
            .shards
            .into_iter()
            .for_each(|shard| self.learn(Changed::Shard(shard)));
        let mut after = None;
        loop {
            let page = client.assignments(after.as_deref(), PAGE).await?;
            page.guilds
                .into_iter()
                .for_each(|guild| self.learn(Changed::Guild(guild)));
            after = page.next;
            if after.is_none() {
                self.advance(overview.revision);
                return Ok(overview.revision);
            }
        }
    }

    async fn watch(&self, client: &ConfigClient, after: &mut i64, told: &Told) -> Result<(), FleetError> {
        let mut stream = client.watch(*after).await?.bytes_stream();
        let mut buffer = Vec::new();
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout(SILENCE, stream.next()).await {
            buffer.extend_from_slice(&chunk);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let Some(json) = line.strip_prefix(b"data:") else {
                    continue;
                };
                match serde_json::from_slice::<Change>(json) {
                    Ok(change) => {
                        *after = change.revision;
                        self.learn(change.now.clone());
                        if let Some(told) = told {
                            // Who asked to be told may have gone.
                            let _ = told.send(change);
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "a change of the watch cannot be read; is the config service newer?")
                    }
                }
            }
        }
        Ok(())
    }
}

type Told = Option<mpsc::UnboundedSender<Change>>;

/// Keeps the view up to date until it is told to stop; `told` gets every change that the watch brings.
pub async fn follow(view: &AssignmentView, client: &ConfigClient, told: Told, stop: CancellationToken) {
    let mut after = None;
    loop {
        let attempt = async {
            let mut from = match after {
                Some(after) => after,
                None => view.load(client).await?,
            };
            after = Some(from);
            let outcome = view.watch(client, &mut from, &told).await;
            after = Some(from);
            outcome
        };
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = attempt => outcome,
        };
        match outcome {
            Ok(()) => {}
            // The service keeps only so many changes.
            Err(error) if error.code() == Some("compacted") => after = None,
            Err(error) => tracing::warn!(%error, "the watch is interrupted; the last view serves"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
/// `(guild_id >> 22) % shard_count` (Discord, Gateway, Sharding).
fn has_shard(guild: GuildId, shard: &ShardAssignment) -> bool {
    (guild.0 >> 22) % u64::from(shard.shard_count.max(1)) == u64::from(shard.shard)
}
