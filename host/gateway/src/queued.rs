//! An event in a guild's mailbox: everything that its transaction needs to know of it.

use guildhall_discord::SnapshotUpdate;
use guildhall_engine::PreparedEvent;
use guildhall_model::{
    ActionResult, Event, EventData, GuildId, InteractionId, SessionPosition, Timer, UnixMilliseconds,
};
use guildhall_store::StoredTimer;
use guildhall_trace::Trace;

/// An event on its way into a transaction. It stays in the mailbox until that is on disk.
pub(crate) struct QueuedEvent {
    /// Where it stands in its session; none for events that the host makes.
    pub(crate) position: Option<SessionPosition>,
    /// When the host received it.
    pub(crate) received_at: UnixMilliseconds,
    /// What plugins are called with; none when it only changes the snapshot or settles an action.
    pub(crate) event: Option<PreparedEvent>,
    /// What it changes in the guild's snapshot.
    pub(crate) update: Option<SnapshotUpdate>,
    /// Only this plugin is called; none for all that subscribe.
    pub(crate) only: Option<String>,
    /// What its transaction takes away.
    pub(crate) takes: Option<Takes>,
    /// Told when it is on disk.
    pub(crate) acknowledge: Option<Acknowledge>,
    /// Its trace.
    pub(crate) trace: Trace,
}

/// Where a committed event is told.
pub type Acknowledge = tokio::sync::mpsc::UnboundedSender<()>;

/// A row of the host's that an event uses up, in the event's own transaction.
pub(crate) enum Takes {
    /// The outbox entry that Discord confirmed or refused for good.
    Action(i64),
    /// The timer that fired.
    Timer(StoredTimer),
    /// The interaction that came over HTTP.
    Interaction(InteractionId),
}

impl QueuedEvent {
    /// A timer that is due.
    pub(crate) fn timer(guild: GuildId, timer: StoredTimer, now: UnixMilliseconds) -> Self {
        let data = EventData::Timer(Timer {
            name: timer.name.clone(),
            due_at: timer.due_at,
            payload: timer.payload.clone(),
        });
        Self {
            position: None,
            received_at: now,
            event: Some(
                Event {
                    guild,
                    received_at: now,
                    data,
                }
                .into(),
            ),
            update: None,
            only: Some(timer.plugin.clone()),
            takes: Some(Takes::Timer(timer)),
            acknowledge: None,
            trace: Trace::default(),
        }
    }

    /// A finished action, and what its plugin is told of it.
    pub(crate) fn settled(
        guild: GuildId,
        entry: i64,
        plugin: String,
        result: Option<ActionResult>,
        now: UnixMilliseconds,
    ) -> Self {
        let event = result.map(|result| {
            Event {
                guild,
                received_at: now,
                data: EventData::ActionResult(result),
            }
            .into()
        });
        Self {
            position: None,
            received_at: now,
            event,
            update: None,
            only: Some(plugin),
            takes: Some(Takes::Action(entry)),
            acknowledge: None,
            trace: Trace::default(),
        }
    }
}
