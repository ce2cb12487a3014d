//! From a session's frame to the worker of its guild. What no plugin and no snapshot needs ends here.

use crate::committed::CommittedPositions;
use crate::workers::Workers;
use guildhall_discord::{Frame, is_snapshot_event};
use guildhall_model::{GuildId, UnixMilliseconds};
use guildhall_trace::Trace;
use metrics::Counter;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where routed frames go: to this process's workers, or in a fleet to whoever owns the guild.
pub trait Destination: Send + Sync + 'static {
    /// Takes a frame of a guild, in the order of its session. Waits while there is too much.
    fn deliver(
        &self,
        guild: GuildId,
        session: Arc<str>,
        frame: Arc<Frame>,
        received_at: UnixMilliseconds,
    ) -> impl Future<Output = ()> + Send;

    /// Whether this process has the guild: then it answers for what becomes of its interactions.
    fn is_here(&self, guild: GuildId) -> bool;
}

impl Destination for Workers {
    async fn deliver(&self, guild: GuildId, session: Arc<str>, frame: Arc<Frame>, received_at: UnixMilliseconds) {
        self.frame(guild, session, frame, received_at, None).await;
    }

    fn is_here(&self, _guild: GuildId) -> bool {
        true
    }
}

/// Stands between sessions and workers.
pub struct Router<D = Workers> {
    workers: Arc<Workers>,
    destination: Arc<D>,
    committed: Arc<CommittedPositions>,
    routed: Counter,
    ignored: Counter,
}

impl<D: Destination> Router<D> {
    /// A router to this destination. What no plugin of these workers wants ends here.
    pub fn new(workers: Arc<Workers>, destination: Arc<D>) -> Self {
        Self {
            committed: workers.committed().clone(),
            workers,
            destination,
            routed: metrics::counter!("guildhall_frames_routed_total"),
            ignored: metrics::counter!("guildhall_frames_ignored_total"),
        }
    }

    /// A frame was read from a session, and waits for its turn from now on.
    pub fn received(&self, frame: &Frame) {
        if frame.guild.is_some_and(|guild| self.destination.is_here(guild)) {
            self.workers.received(frame, Duration::ZERO);
        }
    }

    /// Takes a frame of this session. Waits while the guild's worker has more than it can hold: then the session
    /// stops reading, and Discord keeps what follows.
    pub async fn accept(&self, session: &Arc<str>, mut frame: Frame) {
        let wanted = is_snapshot_event(&frame.name) || self.workers.wants(&frame.name);
        let Some(guild) = frame.guild.filter(|_| wanted) else {
            self.ignored.increment(1);
            self.committed.received(session, frame.sequence, true);
            return;
        };
        self.committed.received(session, frame.sequence, false);
        self.routed.increment(1);
        let mut step = Trace::begin("receive");
        step.note("event", frame.name.clone());
        frame.trace = step.trace();
        self.destination
            .deliver(guild, session.clone(), Arc::new(frame), unix_milliseconds())
            .await;
    }
}

/// The host's time in milliseconds since the Unix epoch.
pub(crate) fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
