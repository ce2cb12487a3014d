//! Catching up by REST with what no session brought: the messages of channels, and the audit log. Page by page each gap's
//! events go to the guild's worker, which applies every one once; the next page is asked for when the last one is on disk.
//! Requests leave beside the dispatcher's actions, within the same limits and behind them.
//!
//! Nothing is remembered here. A gap that is not closed when the process ends is still in its guild's file.

use crate::decode;
use crate::dispatcher::Dispatcher;
use crate::request::{Outgoing, timestamp};
use crate::rest::RestError;
use bytes::Bytes;
use guildhall_model::{
    AuditLogEntry, ChannelId, EventData, Gap, GuildId, History, Member, Message, Refusal, User, UserId,
    snowflake_unix_ms,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use twilight_http::routing::Route;

/// Events of one request, the most that Discord answers.
const PAGE: u16 = 100;
/// Pages that are asked for of one gap; what lies beyond is given up.
const PAGES: u32 = 10;
/// Requests at once, over all guilds.
const REQUESTS: usize = 4;
/// Failed tries after which the guild's other gaps come first.
const TRIES: u32 = 6;
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Discord writes the audit log a little after what it tells.
const SETTLED: Duration = Duration::from_secs(2);

/// Discord, Audit Log Events.
const BANNED: u16 = 22;
const UNBANNED: u16 = 23;

/// Some of the events of a gap, oldest first.
#[derive(Debug)]
pub struct MissedPage {
    /// The guild.
    pub guild: GuildId,
    /// The gap as it was when Discord was asked.
    pub gap: Gap,
    /// The events.
    pub events: Vec<Missed>,
    /// Whether nothing more comes for this gap.
    pub closes: bool,
    /// Told when all of it is on disk; dropped when the guild is not this pod's any more.
    pub applied: mpsc::UnboundedSender<()>,
}

/// An event that was missed.
#[derive(Debug)]
pub struct Missed {
    /// The message's or entry's id.
    pub id: u64,
    /// The event as the gateway would have told it; none when it cannot be read.
    pub event: Option<EventData>,
    /// The ban event that came with an entry of the audit log.
    pub ban: Option<EventData>,
}

/// Closes gaps. Cheap to share.
pub struct CatchUp {
    runtime: tokio::runtime::Handle,
    asking: Arc<Asking>,
}

struct Asking {
    dispatcher: Arc<Dispatcher>,
    pages: mpsc::UnboundedSender<MissedPage>,
    places: Semaphore,
}

impl CatchUp {
    /// Asks through this dispatcher; what it learns goes to `pages`. To be called within a tokio runtime.
    pub fn new(dispatcher: Arc<Dispatcher>, pages: mpsc::UnboundedSender<MissedPage>) -> Self {
        Self {
            runtime: tokio::runtime::Handle::current(),
            asking: Arc::new(Asking {
                dispatcher,
                pages,
                places: Semaphore::new(REQUESTS),
            }),
        }
    }

    /// Begins to close gaps of a guild that are noted in its file. Never blocks; any thread may call it.
    pub fn start(&self, guild: GuildId, mut gaps: Vec<Gap>) {
        gaps.sort_by_key(|gap| gap.history);
        let closing = Closing {
            guild,
            asking: self.asking.clone(),
            members: HashMap::new(),
            audit_log_from: Instant::now() + SETTLED,
        };
        self.runtime.spawn(closing.run(gaps.into()));
    }
}

/// The gaps of one guild being closed.
struct Closing {
    guild: GuildId,
    asking: Arc<Asking>,
    /// Members as Discord knows them now; none for those who left.
    members: HashMap<UserId, Option<Member>>,
    audit_log_from: Instant,
}

/// Why a gap stays open.
enum Open {
    /// Discord fails: to be tried again from here.
    Failing(Gap),
    /// The guild is not this pod's any more, or nothing can be asked for.
    Over,
}

/// Why Discord gave no answer.
enum Unanswered {
    Refused(Refusal),
    Failing,
    Over,
}

impl Closing {
    async fn run(mut self, mut gaps: VecDeque<Gap>) {
        tracing::info!(guild = %self.guild, gaps = gaps.len(), "what no session brought is caught up with by REST");
        while let Some(gap) = gaps.pop_front() {
            match self.close(gap).await {
                Ok(()) => {}
                Err(Open::Failing(gap)) => gaps.push_back(gap),
                Err(Open::Over) => return,
            }
        }
        tracing::info!(guild = %self.guild, "the guild is caught up with");
    }

    async fn close(&mut self, mut gap: Gap) -> Result<(), Open> {
        if gap.history == History::AuditLog {
            tokio::time::sleep_until(self.audit_log_from).await;
        }
        for _ in 0..PAGES {
            let page = match self.page(&gap).await {
                Ok(page) => page,
                Err(Unanswered::Refused(refusal)) => {
                    self.give_up(&gap, reason(&refusal), &refusal.message);
                    return self.hand_over(gap, Vec::new(), true).await;
                }
                Err(Unanswered::Failing) => return Err(Open::Failing(gap)),
                Err(Unanswered::Over) => return Err(Open::Over),
            };
            let Page { events, is_last } = page;
            let last = events.last().map_or(gap.after, |event| event.id);
            self.hand_over(gap, events, is_last).await?;
            gap.after = last;
            if is_last {
                return Ok(());
            }
        }
        self.give_up(&gap, "too_many", "too much was missed");
        self.hand_over(gap, Vec::new(), true).await
    }

    /// Hands events to the guild's worker and waits until they are on disk.
    async fn hand_over(&self, gap: Gap, events: Vec<Missed>, closes: bool) -> Result<(), Open> {
        let (applied, mut done) = mpsc::unbounded_channel();
        let page = MissedPage {
            guild: self.guild,
            gap,
            events,
            closes,
            applied,
        };
        // An error says that the process ends.
        let _ = self.asking.pages.send(page);
        done.recv().await.ok_or(Open::Over)
    }

    fn give_up(&self, gap: &Gap, reason: &'static str, words: &str) {
        metrics::counter!("guildhall_reconcile_failures_total", "reason" => reason).increment(1);
        let since = timestamp(snowflake_unix_ms(gap.after)).unwrap_or_default();
        match gap.history {
            History::Messages { channel, .. } => {
                tracing::warn!(guild = %self.guild, %channel, since, reason, cause = words, "messages of a channel were missed and cannot be recovered");
            }
            History::AuditLog => {
                tracing::warn!(guild = %self.guild, since, reason, cause = words, "entries of the audit log were missed and cannot be recovered");
            }
        }
    }

    async fn page(&mut self, gap: &Gap) -> Result<Page, Unanswered> {
        let answer = self.ask(&route(self.guild, gap)).await?;
        let unreadable = |error: serde_json::Error| {
            Unanswered::Refused(Refusal {
                status: 200,
                code: 0,
                message: format!("Discord's answer has not the documented shape: {error}"),
            })
        };
        match gap.history {
            History::Messages { until, .. } => {
                let messages = decode::messages(&answer).map_err(unreadable)?;
                self.messages(messages, until).await
            }
            History::AuditLog => decode::audit_log_with_users(&answer)
                .map(|(entries, users)| entries_page(entries, &users))
                .map_err(unreadable),
        }
    }

    /// A page of messages. As REST leaves the author's membership out, it is asked for.
    async fn messages(&mut self, messages: Vec<(u64, Option<Message>)>, until: u64) -> Result<Page, Unanswered> {
        let is_last = messages.len() < usize::from(PAGE) || messages.iter().any(|(id, _)| *id >= until);
        let mut events = Vec::new();
        for (id, message) in messages.into_iter().filter(|(id, _)| *id <= until) {
            let event = match message {
                None => None,
                Some(mut message) => {
                    if message.member.is_none() && !message.author.bot && !message.webhook {
                        message.member = self.member(message.author.id).await?;
                    }
                    Some(EventData::MessageCreate(Box::new(message)))
                }
            };
            events.push(Missed { id, event, ban: None });
        }
        events.sort_by_key(|event| event.id);
        Ok(Page { events, is_last })
    }

    async fn member(&mut self, user: UserId) -> Result<Option<Member>, Unanswered> {
        if let Some(known) = self.members.get(&user) {
            return Ok(known.clone());
        }
        let route = Route::GetMember {
            guild_id: self.guild.0,
            user_id: user.0,
        };
        let member = match self.ask(&route).await {
            Ok(answer) => decode::member(&answer).ok(),
            // They have left.
            Err(Unanswered::Refused(_)) => None,
            Err(other) => return Err(other),
        };
        self.members.insert(user, member.clone());
        Ok(member)
    }

    async fn ask(&self, route: &Route<'_>) -> Result<Bytes, Unanswered> {
        let mut tries = 0;
        loop {
            match self.send(route).await {
                Ok(answer) => return Ok(answer),
                Err(RestError::Refused(refusal)) => return Err(Unanswered::Refused(refusal)),
                Err(RestError::RateLimited { after, .. }) => tokio::time::sleep(after).await,
                Err(RestError::Transient(reason)) => {
                    tries += 1;
                    tracing::debug!(guild = %self.guild, reason, tries, "history is asked for again");
                    let pause = LONGEST_PAUSE.min(SHORTEST_PAUSE * 2_u32.saturating_pow(tries));
                    tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
                    if tries == TRIES {
                        return Err(Unanswered::Failing);
                    }
                }
                Err(RestError::Unauthorized | RestError::Token | RestError::Tls(_)) => return Err(Unanswered::Over),
            }
        }
    }

    /// Keeps its place among the requests while the bot as a whole is held back.
    async fn send(&self, route: &Route<'_>) -> Result<Bytes, RestError> {
        // The semaphore is never closed.
        let _place = self.asking.places.acquire().await;
        loop {
            match self.asking.dispatcher.fetch(Outgoing::to_route(route)).await {
                Err(RestError::RateLimited { after, global: true }) => tokio::time::sleep(after).await,
                other => return other,
            }
        }
    }
}

struct Page {
    events: Vec<Missed>,
    is_last: bool,
}

fn route(guild: GuildId, gap: &Gap) -> Route<'static> {
    match gap.history {
        History::Messages {
            channel: ChannelId(channel_id),
            ..
        } => Route::GetMessages {
            after: Some(gap.after),
            around: None,
            before: None,
            channel_id,
            limit: Some(PAGE),
        },
        History::AuditLog => Route::GetAuditLogs {
            action_type: None,
            after: Some(gap.after),
            before: None,
            guild_id: guild.0,
            limit: Some(PAGE),
            user_id: None,
        },
    }
}

fn entries_page(entries: Vec<AuditLogEntry>, users: &[User]) -> Page {
    let is_last = entries.len() < usize::from(PAGE);
    let mut events: Vec<_> = entries
        .into_iter()
        .map(|entry| Missed {
            id: entry.id,
            ban: ban(&entry, users),
            event: Some(EventData::AuditLogEntry(entry)),
        })
        .collect();
    events.sort_by_key(|event| event.id);
    Page { events, is_last }
}

/// The ban event that the gateway sends beside this entry.
fn ban(entry: &AuditLogEntry, users: &[User]) -> Option<EventData> {
    let id = UserId(entry.target?);
    let user = users.iter().find(|user| user.id == id).cloned();
    let user = user.unwrap_or_else(|| User { id, ..User::default() });
    match entry.action {
        BANNED => Some(EventData::BanAdd(user)),
        UNBANNED => Some(EventData::BanRemove(user)),
        _ => None,
    }
}

fn reason(refusal: &Refusal) -> &'static str {
    match refusal.status {
        403 => "forbidden",
        404 => "gone",
        _ => "refused",
    }
}
