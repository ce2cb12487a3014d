//! The sessions of this pod's shards: opened where an assignment says so, resumed where another pod left them, and
//! handed on by RESUME.

use guildhall_discord::{
    Frame, FrameSink, GatewayInformation, IdentifyPace, Intents, ResumePoint, SessionConfig, SessionEnd, run_session,
};
use guildhall_fleet::{
    AssignmentView, ConfigClient, HandedOver, Lease, PositionReport, ShardAssignment, TicketRequest,
};
use guildhall_gateway::{CommittedPositions, Destination, Router};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How old a position may be when this pod dies: so much is replayed.
const REPORT: Duration = Duration::from_millis(500);
/// How long a session that moves waits for its last events to be committed; what is not is replayed.
const COMMIT: Duration = Duration::from_secs(5);
/// The same for its last events to be in the bucket.
const REPLICATE: Duration = Duration::from_secs(2);
/// Between two IDENTIFYs of one key (Discord, Gateway, Rate Limiting).
const IDENTIFY_PERIOD: Duration = Duration::from_secs(5);
/// Discord asks for 1 to 5 seconds after an invalid session (Gateway, Resuming).
const INVALID_SESSION_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// What sessions need.
#[derive(Clone)]
pub struct ShardConfig {
    /// This pod's name.
    pub pod: String,
    /// What its disk is known by, until the machine starts again.
    pub disk: String,
    /// The bot's token.
    pub token: String,
    /// Where to connect.
    pub gateway: String,
    /// What Discord told of the gateway.
    pub information: GatewayInformation,
    /// What the loaded plugins need.
    pub intents: watch::Receiver<Intents>,
}

/// All sessions of this pod.
pub struct Shards<D> {
    config: ShardConfig,
    view: Arc<AssignmentView>,
    client: ConfigClient,
    lease: Lease,
    sink: Arc<Sink<D>>,
    committed: Arc<CommittedPositions>,
}

/// Where a session stands, as the config service keeps it for the next holder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Position {
    /// A session goes on only with the intents that it began with.
    intents: u64,
    /// Up to where everything is on the disks of the guilds' owners.
    point: ResumePoint,
    /// Up to where everything survives the loss of the holder's disk.
    replicated: u64,
    /// The disk that holds what is between the two.
    disk: String,
    /// Whether the holder told it as its last word: then nothing is under way.
    handed_over: bool,
}

impl Position {
    /// Where the next holder goes on: everything that a disk might have taken along is asked for again. While the bucket is
    /// away for long, a session whose disks are all there is not put at risk for it.
    fn resume(self, disk: &str, buffer: u64) -> ResumePoint {
        let replicated = self.replicated.min(self.point.sequence);
        let at_risk = self.point.sequence - replicated > buffer / 2;
        if at_risk && (self.handed_over || self.disk == disk) {
            return self.point;
        }
        ResumePoint {
            sequence: replicated,
            ..self.point
        }
    }
}

/// Events of a session that Discord keeps for a RESUME, for so many guilds (discord-api-docs, thread 24).
fn resume_buffer(guilds: u64) -> u64 {
    (75 * guilds).clamp(100, 3500)
}

struct Sink<D> {
    router: Arc<Router<D>>,
    /// The connected sessions, and those that are not.
    points: Mutex<HashMap<u32, (bool, Option<ResumePoint>)>>,
}

impl<D> Sink<D> {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, (bool, Option<ResumePoint>)>> {
        self.points.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Destination> FrameSink for Sink<D> {
    fn received(&self, frame: &Frame) {
        self.router.received(frame);
    }

    async fn accept(&self, session: &Arc<str>, frame: Frame) {
        self.router.accept(session, frame).await;
    }

    fn connected(&self, shard: u32, point: &ResumePoint) {
        self.lock().insert(shard, (true, Some(point.clone())));
    }

    fn disconnected(&self, shard: u32) {
        self.lock().entry(shard).or_default().0 = false;
    }
}

struct Running {
    epoch: i64,
    intents: Intents,
    stop: CancellationToken,
    task: JoinHandle<SessionEnd>,
    reported: Option<Position>,
}

impl<D: Destination> Shards<D> {
    /// Sessions whose frames go to this router.
    pub fn new(
        config: ShardConfig,
        view: Arc<AssignmentView>,
        client: ConfigClient,
        lease: Lease,
        router: Arc<Router<D>>,
        committed: Arc<CommittedPositions>,
    ) -> Self {
        Self {
            config,
            view,
            client,
            lease,
            committed,
            sink: Arc::new(Sink {
                router,
                points: Mutex::default(),
            }),
        }
    }

    /// Why the pod is not ready; none when each of its shards is connected.
    pub fn not_ready(&self) -> Option<String> {
        let points = self.sink.lock();
        let mine = self.view.shards().into_iter();
        let waiting: Vec<_> = mine
            .filter(|shard| shard.pod.as_ref() == Some(&self.config.pod))
            .filter(|shard| !points.get(&shard.shard).is_some_and(|(connected, _)| *connected))
            .map(|shard| shard.shard.to_string())
            .collect();
        (!waiting.is_empty()).then(|| format!("not connected: shard {}", waiting.join(", ")))
    }

    /// Whether no shard is this pod's.
    pub fn is_empty(&self) -> bool {
        let shards = self.view.shards();
        !shards.iter().any(|shard| shard.pod.as_ref() == Some(&self.config.pod))
    }

    /// Follows the assignments until it is told to stop; fails when Discord refuses a session.
    pub async fn run(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut running: HashMap<u32, Running> = HashMap::new();
        let mut changes = self.view.revision();
        let mut intents = self.config.intents.clone();
        let mut reported = Instant::now();
        while !stop.is_cancelled() {
            changes.borrow_and_update();
            let wanted = *intents.borrow_and_update();
            let assigned: HashMap<u32, ShardAssignment> = self
                .view
                .shards()
                .into_iter()
                .filter(|shard| shard.pod.as_ref() == Some(&self.config.pod))
                .map(|shard| (shard.shard, shard))
                .collect();
            for (number, session) in &mut running {
                if session.task.is_finished() {
                    if let SessionEnd::Refused { code, fix } = (&mut session.task).await? {
                        anyhow::bail!("Discord refuses the connection ({code}): {fix}");
                    }
                    session.epoch = -1;
                } else if !session.intents.contains(wanted) {
                    tracing::info!(
                        shard = number,
                        "a plugin needs more intents than the session has: it begins anew"
                    );
                    session.stop.cancel();
                }
            }
            let ended: Vec<u32> = running
                .iter()
                .filter(|(number, session)| assigned.get(*number).is_none_or(|shard| shard.epoch != session.epoch))
                .map(|(number, _)| *number)
                .collect();
            for number in ended {
                if let Some(session) = running.remove(&number) {
                    self.close(number, session).await;
                }
            }
            for (number, shard) in assigned {
                match (running.contains_key(&number), &shard.target) {
                    (true, Some(_)) => {
                        if let Some(session) = running.remove(&number) {
                            self.hand_over(&shard, session).await;
                        }
                    }
                    (false, None) => {
                        running.insert(number, self.open(&shard, wanted));
                    }
                    // It moved before it was opened.
                    (false, Some(_)) => self.tell_handed_over(&shard, shard.position.clone()).await,
                    (true, None) => {}
                }
            }
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                self.report(&mut running).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                // Each is only a reason to look sooner.
                _ = tokio::time::timeout(REPORT / 2, changes.changed()) => {}
                _ = intents.changed() => {}
            }
        }
        for session in running.values() {
            session.stop.cancel();
        }
        for (number, mut session) in running {
            // It ended by itself or by the token; both are fine here.
            let _ = (&mut session.task).await;
            self.complete(number).await;
            if let Some(position) = self.position(number, session.intents) {
                self.report_one(number, session.epoch, &position).await;
            }
        }
        Ok(())
    }

    fn open(&self, shard: &ShardAssignment, intents: Intents) -> Running {
        let position = shard
            .position
            .clone()
            .and_then(|position| serde_json::from_value::<Position>(position).ok())
            .filter(|position| position.intents == intents.bits());
        let resume = position.map(|position| position.resume(&self.config.disk, self.resume_buffer(shard)));
        let resumes_from = resume.as_ref().map(|point| point.sequence);
        tracing::info!(shard = shard.shard, resumes_from, "the shard's session is this pod's");
        let stop = CancellationToken::new();
        let config = SessionConfig {
            token: self.config.token.clone(),
            shard: shard.shard,
            shard_count: shard.shard_count,
            intents,
            gateway: self.config.gateway.clone(),
            resume,
            pace: self.pace(),
            invalid_session_pause: INVALID_SESSION_PAUSE,
        };
        Running {
            epoch: shard.epoch,
            intents,
            task: tokio::spawn(run_session(config, self.sink.clone(), stop.clone())),
            stop,
            reported: None,
        }
    }

    fn resume_buffer(&self, shard: &ShardAssignment) -> u64 {
        let guilds = self.view.guilds_of_shard(shard);
        resume_buffer(guilds as u64)
    }

    /// Turns are granted by the config service, for all pods; while it is away, nobody IDENTIFYs.
    fn pace(&self) -> IdentifyPace {
        let (client, lease, pod) = (self.client.clone(), self.lease.clone(), self.config.pod.clone());
        let limit = self.config.information.session_start_limit.clone();
        IdentifyPace::granted_by(move |shard| {
            let (client, request) = (
                client.clone(),
                TicketRequest {
                    pod: pod.clone(),
                    incarnation: lease.incarnation(),
                    shard,
                    max_concurrency: limit.max_concurrency,
                    total: limit.total,
                    remaining: limit.remaining,
                    reset_after_ms: limit.reset_after,
                    period_ms: u64::try_from(IDENTIFY_PERIOD.as_millis()).unwrap_or(5000),
                },
            );
            async move {
                loop {
                    match client.ticket(&request).await {
                        Ok(ticket) => return tokio::time::sleep(Duration::from_millis(ticket.wait_ms)).await,
                        Err(error) => tracing::warn!(shard, %error, "no turn to IDENTIFY is granted"),
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        })
    }

    /// Where the session stands: everything up to there is committed, here or at the guilds' owners.
    fn position(&self, shard: u32, intents: Intents) -> Option<Position> {
        let point = self.sink.lock().get(&shard)?.1.clone()?;
        // Nothing was received since the resume: its own sequence still stands.
        let sequence = self.committed.up_to(&point.session).unwrap_or(point.sequence);
        let replicated = self.committed.replicated_up_to(&point.session);
        Some(Position {
            intents: intents.bits(),
            replicated: replicated.unwrap_or(point.sequence),
            point: ResumePoint { sequence, ..point },
            disk: self.config.disk.clone(),
            handed_over: false,
        })
    }

    async fn report(&self, running: &mut HashMap<u32, Running>) {
        for (number, session) in running {
            let position = self.position(*number, session.intents);
            if position.is_some() && position != session.reported {
                if let Some(position) = &position {
                    self.report_one(*number, session.epoch, position).await;
                }
                session.reported = position;
            }
        }
    }

    async fn report_one(&self, shard: u32, epoch: i64, position: &Position) {
        let Ok(position) = serde_json::to_value(position) else {
            return;
        };
        let report = PositionReport {
            pod: self.config.pod.clone(),
            incarnation: self.lease.incarnation(),
            epoch,
            position,
        };
        if let Err(error) = self.client.report_position(shard, &report).await {
            tracing::debug!(shard, %error, "where the session stands was not kept");
        }
    }

    /// Waits until what the closed session brought is committed and replicated, within the bounds.
    async fn complete(&self, shard: u32) {
        let point = self.sink.lock().get(&shard).and_then(|(_, point)| point.clone());
        let Some(point) = point else { return };
        let closed = Instant::now();
        let waits = || {
            let waited = closed.elapsed();
            let committed = self.committed.is_complete(&point.session);
            let replicated = self.committed.is_replicated(&point.session);
            (!committed && waited < COMMIT) || (!replicated && waited < REPLICATE)
        };
        while waits() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn close(&self, shard: u32, mut session: Running) {
        session.stop.cancel();
        if !session.task.is_finished() {
            // Refusals were looked at before.
            let _ = (&mut session.task).await;
        }
        self.forget(shard);
    }

    fn forget(&self, shard: u32) {
        if let Some((_, Some(point))) = self.sink.lock().remove(&shard) {
            self.committed.forget(&point.session);
        }
    }

    async fn hand_over(&self, shard: &ShardAssignment, mut session: Running) {
        session.stop.cancel();
        // However it ended, its position says from where to go on.
        let _ = (&mut session.task).await;
        self.complete(shard.shard).await;
        let position = self.position(shard.shard, session.intents).and_then(|position| {
            serde_json::to_value(Position {
                handed_over: true,
                ..position
            })
            .ok()
        });
        self.tell_handed_over(shard, position).await;
        self.forget(shard.shard);
    }

    async fn tell_handed_over(&self, shard: &ShardAssignment, position: Option<serde_json::Value>) {
        let by = HandedOver {
            pod: self.config.pod.clone(),
            incarnation: self.lease.incarnation(),
            epoch: shard.epoch,
            position,
        };
        loop {
            match self.client.shard_handed_over(shard.shard, &by).await {
                Ok(_) => {
                    tracing::info!(
                        shard = shard.shard,
                        to = shard.target,
                        "the shard's session was handed over"
                    );
                    return;
                }
                // The config service has decided otherwise meanwhile; its watch tells.
                Err(error) if error.code().is_some() => return,
                Err(error) => tracing::warn!(shard = shard.shard, %error, "the session is not handed over yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumes(committed: u64, replicated: u64, disk: &str, handed_over: bool) -> u64 {
        let position = Position {
            intents: 0,
            point: ResumePoint {
                session: "s".into(),
                sequence: committed,
                resume_url: String::new(),
            },
            replicated,
            disk: "old".into(),
            handed_over,
        };
        position.resume(disk, resume_buffer(1)).sequence
    }

    #[test]
    fn what_only_a_disk_has_is_asked_for_again() {
        assert_eq!(resumes(110, 100, "new", false), 100);
        assert_eq!(resumes(110, 100, "old", false), 100);
        assert_eq!(resumes(110, 100, "new", true), 100);
        assert_eq!(resumes(100, 110, "new", false), 100, "never past what is committed");
    }

    #[test]
    fn a_bucket_that_is_away_costs_no_session_whose_disks_are_there() {
        assert_eq!(resumes(1000, 100, "new", true), 1000);
        assert_eq!(resumes(1000, 100, "old", false), 1000);
        assert_eq!(resumes(1000, 100, "new", false), 100, "its disk may be lost");
    }
}
