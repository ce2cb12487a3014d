//! An event in a guild's mailbox: everything that its transaction needs to know of it.

use guildhall_discord::{CommandKey, Frame, Missed, SnapshotUpdate, command_key, decode};
use guildhall_engine::PreparedEvent;
use guildhall_model::{
    ActionResult, Event, EventData, FlaggedEverywhere, FlaggedUser, Gap, GuildId, InteractionId, SessionPosition,
    Timer, UnixMilliseconds,
};
use guildhall_store::{Ban, StoredTimer, Told};
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
    /// What Discord's history calls it; only for events of a session.
    pub(crate) told: Option<Told>,
    /// The command that was used: of several plugins that describe it only one is called.
    pub(crate) command: Option<CommandKey>,
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
    /// An event of a gap.
    Missed(Box<MissedEvent>),
    /// The rest of a gap.
    Gap(Gap),
    /// A user whom other guilds have flagged, by its revision.
    Flag(i64),
}

/// An event of a gap, as the history tells it.
pub(crate) struct MissedEvent {
    /// The gap as it was when Discord was asked.
    pub(crate) gap: Gap,
    /// Its id in the history.
    pub(crate) id: u64,
    /// The ban event that came with it.
    pub(crate) ban: Option<(Ban, PreparedEvent)>,
}

/// What Discord's history calls this event; none for one that it does not tell.
pub(crate) fn told(data: &EventData) -> Option<Told> {
    Some(match data {
        EventData::MessageCreate(message) => Told::Message {
            channel: message.channel,
            id: message.id,
        },
        EventData::AuditLogEntry(entry) => Told::AuditLogEntry(entry.id),
        EventData::BanAdd(user) => Told::Ban(Ban {
            user: user.id,
            added: true,
        }),
        EventData::BanRemove(user) => Told::Ban(Ban {
            user: user.id,
            added: false,
        }),
        _ => return None,
    })
}

/// The command that an interaction uses (Interaction Types: 2 is a command, 4 asks for suggestions to one).
fn command(data: &EventData) -> Option<CommandKey> {
    match data {
        EventData::InteractionCreate(interaction) if matches!(interaction.kind, 2 | 4) => {
            let data = serde_json::from_str(&interaction.data).unwrap_or_default();
            Some(command_key(&data))
        }
        _ => None,
    }
}

impl QueuedEvent {
    /// A frame as it waits in the mailbox; one that cannot be read only advances the cursor.
    pub(crate) fn of_frame(guild: GuildId, frame: &Frame, received_at: UnixMilliseconds) -> Self {
        let (data, update) = match decode(frame) {
            Ok(decoded) => (decoded.event, decoded.update),
            Err(error) => {
                metrics::counter!("guildhall_bad_events_total").increment(1);
                tracing::warn!(%guild, event = %frame.name, %error, "an event cannot be read; the guild goes on without it");
                (None, None)
            }
        };
        Self {
            position: None,
            received_at,
            told: data.as_ref().and_then(told),
            command: data.as_ref().and_then(command),
            event: data.map(|data| {
                Event {
                    guild,
                    received_at,
                    data,
                }
                .into()
            }),
            update,
            only: None,
            takes: None,
            acknowledge: None,
            trace: frame.trace,
        }
    }

    /// A user whom several guilds have flagged.
    pub(crate) fn flagged(guild: GuildId, flagged: FlaggedEverywhere, now: UnixMilliseconds) -> Self {
        let data = EventData::UserFlagged(FlaggedUser {
            user: flagged.user,
            guilds: flagged.guilds,
        });
        let event = Event {
            guild,
            received_at: now,
            data,
        };
        Self {
            event: Some(event.into()),
            ..Self::taking(Takes::Flag(flagged.revision), now)
        }
    }

    /// An event that the host makes.
    pub(crate) fn of_host(event: Event) -> Self {
        Self {
            position: None,
            received_at: event.received_at,
            event: Some(event.into()),
            update: None,
            told: None,
            command: None,
            only: None,
            takes: None,
            acknowledge: None,
            trace: Trace::default(),
        }
    }

    /// An event that was missed, as Discord's history tells it.
    pub(crate) fn missed(guild: GuildId, gap: Gap, missed: Missed, now: UnixMilliseconds) -> Self {
        let prepared = |data| {
            PreparedEvent::from(Event {
                guild,
                received_at: now,
                data,
            })
        };
        let ban = missed.ban.and_then(|data| match told(&data)? {
            Told::Ban(ban) => Some((ban, prepared(data))),
            _ => None,
        });
        Self {
            event: missed.event.map(prepared),
            ..Self::taking(
                Takes::Missed(Box::new(MissedEvent {
                    gap,
                    id: missed.id,
                    ban,
                })),
                now,
            )
        }
    }

    /// Nothing more comes of a gap.
    pub(crate) fn closing(gap: Gap, now: UnixMilliseconds) -> Self {
        Self::taking(Takes::Gap(gap), now)
    }

    fn taking(takes: Takes, now: UnixMilliseconds) -> Self {
        Self {
            position: None,
            received_at: now,
            event: None,
            update: None,
            told: None,
            command: None,
            only: None,
            takes: Some(takes),
            acknowledge: None,
            trace: Trace::default(),
        }
    }

    /// Whether Discord told it when it happened, or the host makes it now.
    pub(crate) fn is_timely(&self) -> bool {
        !matches!(self.takes, Some(Takes::Missed(_) | Takes::Gap(_)))
    }

    /// A timer that is due.
    pub(crate) fn timer(guild: GuildId, timer: StoredTimer, now: UnixMilliseconds) -> Self {
        let data = EventData::Timer(Timer {
            name: timer.name.clone(),
            due_at: timer.due_at,
            payload: timer.payload.clone(),
        });
        Self {
            event: Some(
                Event {
                    guild,
                    received_at: now,
                    data,
                }
                .into(),
            ),
            only: Some(timer.plugin.clone()),
            ..Self::taking(Takes::Timer(timer), now)
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
            event,
            only: Some(plugin),
            ..Self::taking(Takes::Action(entry), now)
        }
    }
}
