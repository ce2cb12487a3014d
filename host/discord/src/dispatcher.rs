//! Committed actions on their way to Discord. Interactions leave before moderation, moderation before logging; what is
//! about one channel of one guild keeps its order; a limit that holds one back holds no other.
//!
//! Nothing is given up: an action is settled when Discord has done it or refused it for good. One that is not settled
//! when the process ends is still in its guild's outbox.

use crate::http_queue::{Answered, HttpConfig, HttpQueue};
use crate::rate_limits::{BucketHeaders, RateLimits};
use crate::request::Outgoing;
use crate::rest::{Answer, Rest, RestError, request};
use bytes::Bytes;
use guildhall_model::{Action, ChannelId, GuildId, OutboxEntry, Outcome, Permission, Priority, Refusal, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

/// Pauses between two tries of a request that failed.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where guilds' flags go, which are no requests to Discord.
pub trait FlagExchange: Send + Sync + 'static {
    /// Takes a flag: the same one again is the same flag. An error says why it is to be tried later.
    fn flag<'flag>(
        &'flag self,
        guild: GuildId,
        user: UserId,
        reason: &'flag str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'flag>>;
}

/// How the dispatcher is sized.
#[derive(Clone)]
pub struct DispatcherConfig {
    /// This process's share of the bot's requests per second; none for no limit of our own.
    pub global_per_second: Option<NonZeroU32>,
    /// Requests under way at once.
    pub concurrency: NonZeroUsize,
    /// Asked before every request.
    pub permission: Permission,
    /// Where flags go.
    pub flags: Arc<dyn FlagExchange>,
    /// How plugins' requests to other hosts are carried out.
    pub http: HttpConfig,
}

/// A finished action.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The guild.
    pub guild: GuildId,
    /// The outbox entry.
    pub id: i64,
    /// Whose it was.
    pub plugin: String,
    /// The token that the plugin gave.
    pub token: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What the dispatcher tells, in order.
#[derive(Debug)]
pub enum Report {
    /// An action is finished.
    Settled(Settled),
    /// Nothing of the guild is under way any more; to be answered when everything before it is taken up.
    Released(oneshot::Sender<()>),
}

enum Submission {
    Actions(GuildId, Vec<OutboxEntry>),
    Release(GuildId, oneshot::Sender<()>),
    Share(NonZeroU32),
    Fetch(Outgoing, oneshot::Sender<Result<Bytes, RestError>>),
}

/// Sends actions. Cheap to share; ends when it is dropped.
pub struct Dispatcher {
    submissions: mpsc::UnboundedSender<Submission>,
    unsettled: Arc<Unsettled>,
}

#[derive(Default)]
struct Unsettled {
    count: AtomicUsize,
    changed: Notify,
}

impl Dispatcher {
    /// Starts the task that sends. What is finished goes to `reports`.
    pub fn start(rest: Arc<Rest>, reports: mpsc::UnboundedSender<Report>, config: DispatcherConfig) -> Self {
        let (submissions, submitted) = mpsc::unbounded_channel();
        let unsettled = Arc::new(Unsettled::default());
        let schedule = Schedule {
            rest,
            reports,
            unsettled: unsettled.clone(),
            permission: config.permission,
            flags: config.flags,
            http: HttpQueue::new(config.http),
            releasing: HashMap::new(),
            under_way: HashSet::new(),
            concurrency: config.concurrency.get(),
            limits: RateLimits::new(config.global_per_second),
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeMap::new(),
            all_held_until: None,
            running: JoinSet::new(),
            fetching: JoinSet::new(),
            arrivals: 0,
            refused_token: false,
        };
        tokio::spawn(schedule.run(submitted));
        Self { submissions, unsettled }
    }

    /// Takes committed actions of a guild, in their order. Never blocks.
    pub fn submit(&self, guild: GuildId, entries: Vec<OutboxEntry>) {
        self.unsettled.count.fetch_add(entries.len(), Ordering::Relaxed);
        metrics::gauge!("guildhall_actions_waiting").increment(entries.len() as f64);
        // The task ends only with this sender.
        let _ = self.submissions.send(Submission::Actions(guild, entries));
    }

    /// Asks Discord for something that no action waits for: it is sent at once when the limits leave room beside the
    /// actions; otherwise the error says when to ask again.
    pub(crate) async fn fetch(&self, request: Outgoing) -> Result<Bytes, RestError> {
        let (done, fetched) = oneshot::channel();
        // An error of either channel says that the dispatcher has ended.
        let _ = self.submissions.send(Submission::Fetch(request, done));
        let ended = |_| Err(RestError::Transient("the dispatcher has ended".into()));
        fetched.await.unwrap_or_else(ended)
    }

    /// Changes this process's share of the bot's requests per second.
    pub fn set_share(&self, per_second: NonZeroU32) {
        // The task ends only with this sender.
        let _ = self.submissions.send(Submission::Share(per_second));
    }

    /// Sends nothing more of this guild, waits for what is under way, and until its reports are taken up. What has not
    /// left stays in the guild's outbox.
    pub async fn release(&self, guild: GuildId) {
        let (done, released) = oneshot::channel();
        if self.submissions.send(Submission::Release(guild, done)).is_ok() {
            // An error says that the dispatcher has ended: nothing is under way.
            let _ = released.await;
        }
    }

    /// Actions that are not settled.
    pub fn unsettled(&self) -> usize {
        self.unsettled.count.load(Ordering::Relaxed)
    }

    /// Waits until everything is settled, or the time is up; answers how many actions are left.
    pub async fn drain(&self, bound: Duration) -> usize {
        let all_settled = async {
            loop {
                let changed = self.unsettled.changed.notified();
                if self.unsettled() == 0 {
                    return;
                }
                changed.await;
            }
        };
        // Past the bound, what is left stays in the outbox.
        let _ = tokio::time::timeout(bound, all_settled).await;
        self.unsettled()
    }
}

/// Actions that must keep their order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct LaneKey {
    priority: Priority,
    guild: GuildId,
    channel: ChannelId,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<OutboxEntry>,
    /// Failed tries of the first one.
    tries: u32,
}

struct Finished {
    key: LaneKey,
    entry: OutboxEntry,
    /// None for what was not Discord's.
    request: Option<Outgoing>,
    bucket: Option<BucketHeaders>,
    result: Result<Outcome, RestError>,
    took: Duration,
}

struct Fetched {
    request: Outgoing,
    answer: Answer,
    done: oneshot::Sender<Result<Bytes, RestError>>,
}

struct Schedule {
    rest: Arc<Rest>,
    reports: mpsc::UnboundedSender<Report>,
    unsettled: Arc<Unsettled>,
    permission: Permission,
    flags: Arc<dyn FlagExchange>,
    http: HttpQueue,
    /// Guilds that are given away, and who waits for it.
    releasing: HashMap<GuildId, oneshot::Sender<()>>,
    /// Lanes whose first action is at Discord.
    under_way: HashSet<LaneKey>,
    concurrency: usize,
    limits: RateLimits,
    lanes: HashMap<LaneKey, Lane>,
    /// Lanes whose first action may leave, by priority and then by arrival.
    ready: BTreeSet<(Priority, u64, LaneKey)>,
    /// Lanes that wait for a moment.
    delayed: BTreeMap<(Instant, u64), LaneKey>,
    /// The bot as a whole waits; interactions do not.
    all_held_until: Option<Instant>,
    running: JoinSet<Finished>,
    fetching: JoinSet<Fetched>,
    arrivals: u64,
    refused_token: bool,
}

impl Schedule {
    async fn run(mut self, mut submitted: mpsc::UnboundedReceiver<Submission>) {
        loop {
            self.wake(Instant::now());
            self.send_ready();
            let wake_at = self.wake_at();
            tokio::select! {
                batch = submitted.recv() => match batch {
                    Some(Submission::Actions(guild, entries)) => self.take(guild, entries),
                    Some(Submission::Release(guild, done)) => self.release(guild, done),
                    Some(Submission::Share(per_second)) => self.limits.set_per_second(per_second),
                    Some(Submission::Fetch(request, done)) => self.fetch(request, done),
                    None => return,
                },
                Some(finished) = self.running.join_next() => match finished {
                    Ok(finished) => self.finish(finished),
                    Err(error) => tracing::error!(%error, "a request ended by a panic; its action stays in the outbox"),
                },
                Some(answered) = self.http.next() => self.finish_http(answered),
                Some(fetched) = self.fetching.join_next() => match fetched {
                    Ok(fetched) => self.finish_fetch(fetched),
                    Err(error) => tracing::error!(%error, "a request ended by a panic"),
                },
                () = tokio::time::sleep_until(wake_at.unwrap_or_else(Instant::now).into()), if wake_at.is_some() => {}
            }
        }
    }

    fn take(&mut self, guild: GuildId, entries: Vec<OutboxEntry>) {
        if self.releasing.contains_key(&guild) {
            self.let_go(entries.len());
            return;
        }
        for entry in entries {
            let action = &entry.submitted.action;
            if matches!(action, Action::HttpRequest { .. }) {
                self.http.take(guild, entry);
                continue;
            }
            let key = LaneKey {
                priority: action.priority(),
                guild,
                channel: channel_of(action),
            };
            let lane = self.lanes.entry(key).or_default();
            lane.waiting.push_back(entry);
            if lane.waiting.len() == 1 {
                self.make_ready(key);
            }
        }
    }

    fn make_ready(&mut self, key: LaneKey) {
        self.arrivals += 1;
        self.ready.insert((key.priority, self.arrivals, key));
    }

    fn delay(&mut self, key: LaneKey, until: Instant) {
        self.arrivals += 1;
        self.delayed.insert((until, self.arrivals), key);
    }

    fn wake(&mut self, now: Instant) {
        while let Some(first) = self.delayed.first_entry() {
            if first.key().0 > now {
                break;
            }
            let key = first.remove();
            self.make_ready(key);
        }
        if self.all_held_until.is_some_and(|until| until <= now) {
            self.all_held_until = None;
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let delayed = self.delayed.keys().next().map(|(until, _)| *until);
        let all = self.all_held_until.filter(|_| !self.ready.is_empty());
        let waits = !self.ready.is_empty() || self.http.waits();
        let fenced = (waits && !self.permission.holds()).then(|| Instant::now() + SHORTEST_PAUSE);
        delayed.into_iter().chain(all).chain(fenced).min()
    }

    /// Starts what may start. The first action of a lane stays in it until it is settled.
    fn send_ready(&mut self) {
        let now = Instant::now();
        let mut passed_over = Vec::new();
        while self.running.len() < self.concurrency && !self.refused_token && self.permission.holds() {
            let Some(next) = self.ready.pop_first() else { break };
            let (priority, _, key) = next;
            if self.all_held_until.is_some() && priority != Priority::Interaction {
                // Everything behind it is held as well.
                passed_over.push(next);
                break;
            }
            let Some(entry) = self.lanes.get(&key).and_then(|lane| lane.waiting.front()).cloned() else {
                continue;
            };
            if matches!(entry.submitted.action, Action::FlagUser { .. }) {
                self.flag(key, entry);
                continue;
            }
            let Some(request) = request(key.guild, &entry) else {
                let message = "this action cannot be sent to Discord".into();
                self.settle(
                    key,
                    entry,
                    Outcome::Refused(Refusal {
                        status: 0,
                        code: 0,
                        message,
                    }),
                );
                continue;
            };
            if let (Action::Respond { interaction, .. }, Some(answer)) = (&entry.submitted.action, &request.body)
                && self.rest.responses().give(*interaction, answer)
            {
                self.settle(key, entry, Outcome::Done);
                continue;
            }
            match self.limits.reserve(&request, now) {
                Ok(()) => self.send(key, entry, request),
                Err(held) if held.all => {
                    self.all_held_until = Some(held.until);
                    passed_over.push(next);
                }
                Err(held) => self.delay(key, held.until),
            }
        }
        self.ready.extend(passed_over);
        if self.permission.holds() {
            self.http.start();
        }
    }

    fn send(&mut self, key: LaneKey, entry: OutboxEntry, request: Outgoing) {
        let rest = self.rest.clone();
        self.under_way.insert(key);
        self.running.spawn(async move {
            let started = Instant::now();
            let mut step = entry.trace.step("act");
            step.note("action", label(&entry.submitted.action));
            let (bucket, result) = rest.perform(&entry, &request).await;
            drop(step);
            Finished {
                key,
                entry,
                request: Some(request),
                bucket,
                result,
                took: started.elapsed(),
            }
        });
    }

    fn flag(&mut self, key: LaneKey, entry: OutboxEntry) {
        let flags = self.flags.clone();
        self.under_way.insert(key);
        self.running.spawn(async move {
            let started = Instant::now();
            let result = match &entry.submitted.action {
                Action::FlagUser { user, reason } => flags.flag(key.guild, *user, reason).await,
                _ => Ok(()),
            };
            Finished {
                key,
                entry,
                request: None,
                bucket: None,
                result: result.map(|()| Outcome::Done).map_err(RestError::Transient),
                took: started.elapsed(),
            }
        });
    }

    fn finish_http(&mut self, Answered { guild, entry, outcome }: Answered) {
        // It has no lane.
        let key = LaneKey {
            priority: Priority::Http,
            guild,
            channel: ChannelId(0),
        };
        self.settle(key, entry, outcome);
    }

    /// Sends a request beside the actions, if it would hold none of them up.
    fn fetch(&mut self, request: Outgoing, done: oneshot::Sender<Result<Bytes, RestError>>) {
        let now = Instant::now();
        let held = |after, global| Err(RestError::RateLimited { after, global });
        let refused = if self.refused_token {
            Err(RestError::Unauthorized)
        } else if !self.permission.holds() || !self.ready.is_empty() {
            held(SHORTEST_PAUSE, true)
        } else {
            self.limits
                .reserve_spare(&request, now)
                .or_else(|until| held(until.until.duration_since(now), until.all))
        };
        if let Err(error) = refused {
            // Who asked may have given up.
            let _ = done.send(Err(error));
            return;
        }
        let rest = self.rest.clone();
        self.fetching.spawn(async move {
            let answer = rest.send(&request).await;
            Fetched { request, answer, done }
        });
    }

    fn finish_fetch(&mut self, fetched: Fetched) {
        let Fetched { request, answer, done } = fetched;
        let now = Instant::now();
        if let Some(headers) = answer.bucket {
            self.limits.learn(&request, headers, now);
        }
        match &answer.result {
            Err(RestError::RateLimited { after, global: true }) => self.limits.block_all(now + *after),
            Err(error @ RestError::Unauthorized) => {
                self.refused_token = true;
                tracing::error!(%error, "no action is sent any more; they wait in their outboxes");
            }
            _ => {}
        }
        // Who asked may have given up.
        let _ = done.send(answer.result);
    }

    fn finish(&mut self, finished: Finished) {
        let Finished {
            key,
            entry,
            request,
            bucket,
            result,
            took,
        } = finished;
        let now = Instant::now();
        self.under_way.remove(&key);
        metrics::histogram!("guildhall_action_seconds").record(took);
        if let (Some(request), Some(headers)) = (request, bucket) {
            self.limits.learn(&request, headers, now);
        }
        let error = match result {
            Ok(outcome) => {
                if let Outcome::Refused(refusal) = &outcome {
                    tracing::warn!(guild = %key.guild, plugin = entry.plugin, action = label(&entry.submitted.action), status = refusal.status, code = refusal.code, reason = refusal.message, "Discord refused an action for good");
                }
                return self.settle(key, entry, outcome);
            }
            Err(error) => error,
        };
        if self.releasing.contains_key(&key.guild) && !matches!(error, RestError::Refused(_)) {
            // The next owner tries again: the same outbox entry has the same nonce.
            self.forget_lane(key);
            self.finish_release(key.guild);
            return;
        }
        metrics::counter!("guildhall_action_retries_total").increment(1);
        match error {
            RestError::RateLimited { after, global } => {
                tracing::info!(guild = %key.guild, ?after, global, "rate limited");
                if global {
                    self.limits.block_all(now + after);
                }
                self.delay(key, now + after);
            }
            RestError::Unauthorized | RestError::Token | RestError::Tls(_) => {
                self.refused_token = true;
                tracing::error!(%error, "no action is sent any more; they wait in their outboxes");
                self.delay(key, now + LONGEST_PAUSE);
            }
            RestError::Transient(reason) => {
                let lane = self.lanes.entry(key).or_default();
                let pause = LONGEST_PAUSE.min(SHORTEST_PAUSE * 2_u32.saturating_pow(lane.tries.min(16)));
                lane.tries += 1;
                tracing::warn!(guild = %key.guild, action = label(&entry.submitted.action), reason, tries = lane.tries, "an action is tried again");
                self.delay(key, now + pause.mul_f64(rand::random_range(0.5..=1.0)));
            }
            RestError::Refused(refusal) => self.settle(key, entry, Outcome::Refused(refusal)),
        }
    }

    fn settle(&mut self, key: LaneKey, entry: OutboxEntry, outcome: Outcome) {
        let result = match outcome {
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
            _ => "done",
        };
        metrics::counter!("guildhall_actions_total", "action" => label(&entry.submitted.action), "result" => result)
            .increment(1);
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.waiting.pop_front();
            lane.tries = 0;
            if lane.waiting.is_empty() {
                self.lanes.remove(&key);
            } else {
                self.make_ready(key);
            }
        }
        let settled = Settled {
            guild: key.guild,
            id: entry.id,
            plugin: entry.plugin,
            token: entry.submitted.token,
            outcome,
        };
        // Nobody listens any more when the process ends; the entry is then in the outbox.
        let _ = self.reports.send(Report::Settled(settled));
        self.unsettled.count.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("guildhall_actions_waiting").decrement(1.0);
        self.unsettled.changed.notify_waiters();
        self.finish_release(key.guild);
    }

    fn release(&mut self, guild: GuildId, done: oneshot::Sender<()>) {
        self.releasing.insert(guild, done);
        self.rest.responses().forget_guild(guild);
        let dropped = self.http.forget(guild);
        self.let_go(dropped);
        let lanes: Vec<_> = self.lanes.keys().filter(|key| key.guild == guild).copied().collect();
        for key in lanes {
            if self.under_way.contains(&key) {
                let behind = self.lanes.get_mut(&key).map_or(0, |lane| {
                    let behind = lane.waiting.len() - 1;
                    lane.waiting.truncate(1);
                    behind
                });
                self.let_go(behind);
            } else {
                self.forget_lane(key);
            }
        }
        self.finish_release(guild);
    }

    fn forget_lane(&mut self, key: LaneKey) {
        let waiting = self.lanes.remove(&key).map_or(0, |lane| lane.waiting.len());
        self.ready.retain(|(.., ready)| *ready != key);
        self.delayed.retain(|_, delayed| *delayed != key);
        self.let_go(waiting);
    }

    fn let_go(&self, actions: usize) {
        self.unsettled.count.fetch_sub(actions, Ordering::Relaxed);
        metrics::gauge!("guildhall_actions_waiting").decrement(actions as f64);
        self.unsettled.changed.notify_waiters();
    }

    fn finish_release(&mut self, guild: GuildId) {
        if self.lanes.keys().any(|key| key.guild == guild) {
            return;
        }
        if let Some(done) = self.releasing.remove(&guild) {
            // Nobody listens any more when the process ends.
            let _ = self.reports.send(Report::Released(done));
        }
    }
}

/// The channel that an action is about; 0 for the guild as a whole.
fn channel_of(action: &Action) -> ChannelId {
    match action {
        Action::SendMessage { channel, .. }
        | Action::EditMessage { channel, .. }
        | Action::DeleteMessages { channel, .. }
        | Action::CreateThread { channel, .. }
        | Action::AddReaction { channel, .. }
        | Action::EditThread { thread: channel, .. }
        | Action::AddThreadMember { thread: channel, .. }
        | Action::RemoveThreadMember { thread: channel, .. }
        | Action::FetchMessages { channel, .. }
        | Action::FetchMessage { channel, .. } => *channel,
        _ => ChannelId(0),
    }
}

fn label(action: &Action) -> &'static str {
    match action {
        Action::SendMessage { .. } => "send-message",
        Action::EditMessage { .. } => "edit-message",
        Action::DeleteMessages { .. } => "delete-messages",
        Action::Timeout { .. } => "timeout",
        Action::Kick { .. } => "kick",
        Action::Ban { .. } => "ban",
        Action::Unban { .. } => "unban",
        Action::AddRole { .. } => "add-role",
        Action::RemoveRole { .. } => "remove-role",
        Action::CreateThread { .. } => "create-thread",
        Action::Respond { .. } => "respond",
        Action::AddReaction { .. } => "add-reaction",
        Action::FetchMessage { .. } => "fetch-message",
        Action::FetchMember { .. } => "fetch-member",
        Action::FetchAuditLog { .. } => "fetch-audit-log",
        Action::FetchMessages { .. } => "fetch-messages",
        Action::EditThread { .. } => "edit-thread",
        Action::AddThreadMember { .. } => "add-thread-member",
        Action::RemoveThreadMember { .. } => "remove-thread-member",
        Action::CreateChannel { .. } => "create-channel",
        Action::SendDirectMessage { .. } => "send-direct-message",
        Action::FlagUser { .. } => "flag-user",
        Action::HttpRequest { .. } => "http-request",
        Action::ScheduleTimer { .. }
        | Action::CancelTimer { .. }
        | Action::EmitSignal { .. }
        | Action::ConfigureGuild { .. } => "local",
    }
}
