//! Plugins' requests to other hosts, beside the lanes of what goes to Discord: a slow host holds up nobody but those who
//! ask it, and no plugin takes all the places.
//!
//! A request is settled by its answer or the lack of one; nothing is tried twice. One that is under way when its guild is
//! given away is dropped, and the next owner sends it: at least once, as everything that waits in an outbox.

use guildhall_model::{Action, GuildId, OutboxEntry, Outcome};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use tokio::task::{AbortHandle, Id, JoinSet};

/// Whoever asks other hosts.
pub trait HttpExchange: Send + Sync + 'static {
    /// Carries a plugin's [`Action::HttpRequest`] out, within its time; answers the response, or why there is none.
    fn exchange<'request>(
        &'request self,
        guild: GuildId,
        plugin: &'request str,
        request: &'request Action,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'request>>;
}

/// How plugins' requests are carried out.
#[derive(Clone)]
pub struct HttpConfig {
    /// By whom.
    pub exchange: Arc<dyn HttpExchange>,
    /// Requests under way at once.
    pub concurrency: NonZeroUsize,
    /// Of these, for one plugin.
    pub per_plugin: NonZeroUsize,
}

/// A request that is settled.
pub(crate) struct Answered {
    pub(crate) guild: GuildId,
    pub(crate) entry: OutboxEntry,
    pub(crate) outcome: Outcome,
}

struct UnderWay {
    guild: GuildId,
    entry: OutboxEntry,
    task: AbortHandle,
}

/// Requests that wait or are under way.
pub(crate) struct HttpQueue {
    config: HttpConfig,
    waiting: BTreeMap<String, VecDeque<(GuildId, OutboxEntry)>>,
    /// The plugins that something waits of; whoever had no turn for longest is first.
    turns: VecDeque<String>,
    running: JoinSet<Outcome>,
    under_way: HashMap<Id, UnderWay>,
}

impl HttpQueue {
    pub(crate) fn new(config: HttpConfig) -> Self {
        Self {
            config,
            waiting: BTreeMap::new(),
            turns: VecDeque::new(),
            running: JoinSet::new(),
            under_way: HashMap::new(),
        }
    }

    pub(crate) fn take(&mut self, guild: GuildId, entry: OutboxEntry) {
        if !self.waiting.contains_key(&entry.plugin) {
            self.turns.push_back(entry.plugin.clone());
        }
        let waiting = self.waiting.entry(entry.plugin.clone()).or_default();
        waiting.push_back((guild, entry));
    }

    /// Whether something waits.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Starts what may start.
    pub(crate) fn start(&mut self) {
        // Each turn serves a plugin or finds that it has all its places.
        let mut passed_over = 0;
        while self.under_way.len() < self.config.concurrency.get() && passed_over < self.turns.len() {
            let Some(plugin) = self.turns.pop_front() else { return };
            let its_own = self.under_way.values().filter(|known| known.entry.plugin == plugin);
            if its_own.count() >= self.config.per_plugin.get() {
                self.turns.push_back(plugin);
                passed_over += 1;
                continue;
            }
            passed_over = 0;
            let Some(waiting) = self.waiting.get_mut(&plugin) else {
                continue;
            };
            let next = waiting.pop_front();
            if waiting.is_empty() {
                self.waiting.remove(&plugin);
            } else {
                self.turns.push_back(plugin);
            }
            if let Some((guild, entry)) = next {
                self.send(guild, entry);
            }
        }
    }

    fn send(&mut self, guild: GuildId, entry: OutboxEntry) {
        let (exchange, sent) = (self.config.exchange.clone(), entry.clone());
        let task = self.running.spawn(async move {
            let mut step = sent.trace.step("act");
            step.note("action", "http-request");
            exchange.exchange(guild, &sent.plugin, &sent.submitted.action).await
        });
        self.under_way.insert(task.id(), UnderWay { guild, entry, task });
    }

    /// The next request that is settled; none while nothing is under way.
    pub(crate) async fn next(&mut self) -> Option<Answered> {
        loop {
            let (id, outcome) = match self.running.join_next_with_id().await? {
                Ok((id, outcome)) => (id, Some(outcome)),
                Err(error) => {
                    if error.is_panic() {
                        tracing::error!(%error, "a plugin's request ended by a panic; it stays in the outbox");
                    }
                    (error.id(), None)
                }
            };
            // One of a guild that was given away is known no more.
            if let (Some(UnderWay { guild, entry, .. }), Some(outcome)) = (self.under_way.remove(&id), outcome) {
                return Some(Answered { guild, entry, outcome });
            }
        }
    }

    /// Drops what there is of a guild; answers how many requests that are.
    pub(crate) fn forget(&mut self, guild: GuildId) -> usize {
        let mut dropped = 0;
        self.waiting.retain(|_, waiting| {
            let before = waiting.len();
            waiting.retain(|(of, _)| *of != guild);
            dropped += before - waiting.len();
            !waiting.is_empty()
        });
        self.turns.retain(|plugin| self.waiting.contains_key(plugin));
        self.under_way.retain(|_, known| {
            if known.guild == guild {
                known.task.abort();
                dropped += 1;
            }
            known.guild != guild
        });
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::{HttpMethod, SubmittedAction};
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// Answers as many requests as it is allowed to, and notes who asked.
    struct Doorman {
        allowed: Semaphore,
        asked: Mutex<Vec<String>>,
    }

    impl HttpExchange for Doorman {
        fn exchange<'request>(
            &'request self,
            _guild: GuildId,
            plugin: &'request str,
            _request: &'request Action,
        ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'request>> {
            Box::pin(async move {
                self.asked.lock().expect("nobody panicked").push(plugin.to_owned());
                self.allowed.acquire().await.expect("it is never closed").forget();
                Outcome::Failed(plugin.to_owned())
            })
        }
    }

    fn queue() -> (HttpQueue, Arc<Doorman>) {
        let doorman = Arc::new(Doorman {
            allowed: Semaphore::new(0),
            asked: Mutex::default(),
        });
        let config = HttpConfig {
            exchange: doorman.clone(),
            concurrency: NonZeroUsize::new(3).expect("not 0"),
            per_plugin: NonZeroUsize::new(2).expect("not 0"),
        };
        (HttpQueue::new(config), doorman)
    }

    fn entry(id: i64, plugin: &str) -> OutboxEntry {
        let action = Action::HttpRequest {
            method: HttpMethod::Get,
            url: "https://example.org/".into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 1000,
        };
        OutboxEntry {
            id,
            plugin: plugin.into(),
            committed_at: 0,
            submitted: SubmittedAction {
                action,
                reason: None,
                token: Some(id.to_string()),
            },
            nonce: String::new(),
            trace: Default::default(),
        }
    }

    async fn settled(queue: &mut HttpQueue, doorman: &Doorman) -> i64 {
        doorman.allowed.add_permits(1);
        let answered = queue.next().await.expect("something is under way");
        queue.start();
        answered.entry.id
    }

    #[tokio::test]
    async fn a_plugin_that_asks_much_leaves_places_to_others() {
        let (mut queue, doorman) = queue();
        for id in 1..=4 {
            queue.take(GuildId(1), entry(id, "greedy"));
        }
        queue.take(GuildId(1), entry(5, "modest"));
        queue.start();
        let under_way = |queue: &HttpQueue, plugin: &str| {
            let of = queue.under_way.values().filter(|known| known.entry.plugin == plugin);
            of.count()
        };
        assert_eq!((under_way(&queue, "greedy"), under_way(&queue, "modest")), (2, 1));
        let mut order = Vec::new();
        for _ in 0..5 {
            order.push(settled(&mut queue, &doorman).await);
            assert!(under_way(&queue, "greedy") <= 2);
        }
        order.sort_unstable();
        assert_eq!(order, [1, 2, 3, 4, 5]);
        assert!(!queue.waits() && queue.next().await.is_none());
        assert_eq!(doorman.asked.lock().expect("nobody panicked").len(), 5, "each once");
    }

    #[tokio::test]
    async fn a_guild_that_goes_elsewhere_takes_its_requests_along() {
        let (mut queue, doorman) = queue();
        for id in 1..=4 {
            queue.take(GuildId(1), entry(id, "p"));
        }
        queue.take(GuildId(2), entry(5, "p"));
        queue.start();
        assert_eq!(queue.forget(GuildId(1)), 4, "two under way and two that wait");
        queue.start();
        assert_eq!(settled(&mut queue, &doorman).await, 5);
        assert!(queue.next().await.is_none(), "nobody hears of the others");
    }
}
