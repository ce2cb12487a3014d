//! A running simulation, as a test holds it in its hands.

use crate::config::SimConfig;
use crate::control;
use crate::fault::RestFault;
use crate::gateway;
use crate::interaction::{self, InteractionOutcome, SignedInteraction};
use crate::journal::{JournalEntry, Stats};
use crate::latency::LatencySummary;
use crate::load::say;
use crate::oauth2;
use crate::rest;
use crate::session::ToSocket;
use crate::state::{Shared, State};
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, WebSocketUpgrade};
use axum::routing::{any, get};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A simulation that listens until it is dropped.
pub struct Simulation {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.stop.cancel();
        self.to_all_sockets(&ToSocket::Drop);
    }
}

impl Simulation {
    /// Starts it; fails where the address is taken.
    pub async fn start(config: SimConfig) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("the simulation cannot listen on {}", config.listen))?;
        let shared = Arc::new(Shared::new(config, listener.local_addr()?));
        let stop = CancellationToken::new();
        let simulation = Self {
            shared: shared.clone(),
            stop: stop.clone(),
        };
        let app = Router::new()
            .route(
                "/",
                get({
                    let shared = shared.clone();
                    move |Query(query): Query<HashMap<String, String>>, upgrade: WebSocketUpgrade| async move {
                        upgrade.on_upgrade(move |socket| gateway::serve(shared, socket, query.get("compress").cloned()))
                    }
                }),
            )
            .route(
                "/api/{*path}",
                any({
                    let shared = shared.clone();
                    move |method, uri, headers, body| rest::handle(shared, method, uri, headers, body)
                }),
            )
            .merge(oauth2::routes(shared.clone()))
            .nest("/sim", control::routes(simulation.handle()));
        tokio::spawn(async move {
            let served = axum::serve(
                axum::serve::ListenerExt::tap_io(listener, |stream| {
                    // Small frames are the rule here, and their latency is measured.
                    let _ = stream.set_nodelay(true);
                }),
                app,
            );
            tokio::select! {
                ended = served => if let Err(error) = ended {
                    tracing::error!(%error, "the simulation ended");
                },
                () = stop.cancelled() => {}
            }
        });
        Ok(simulation)
    }

    /// Another hold on the same simulation, which does not end it.
    fn handle(&self) -> Arc<Self> {
        // A token of its own: dropping the handle must not stop the server, nor its sockets.
        Arc::new(Self {
            shared: self.shared.clone(),
            stop: CancellationToken::new(),
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let result = work(&mut self.shared.lock());
        self.shared.changed.notify_waiters();
        result
    }

    /// Where it listens, for REST: `host:port`.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Where it listens, for the gateway.
    pub fn gateway_url(&self) -> String {
        self.shared.gateway_url()
    }

    /// The bot's token; another one after Discord reset it.
    pub fn token(&self) -> String {
        self.shared.lock().token.clone()
    }

    /// The key that interactions are signed with, in hexadecimal.
    pub fn public_key(&self) -> String {
        hex::encode(self.shared.signing_key.verifying_key())
    }

    /// The bot's user id.
    pub fn bot(&self) -> u64 {
        self.shared.lock().world.bot
    }

    /// All guilds, oldest first.
    pub fn guild_ids(&self) -> Vec<u64> {
        self.shared.lock().world.guilds.keys().copied().collect()
    }

    /// A channel of a guild by its name.
    pub fn channel_id(&self, guild: u64, name: &str) -> Option<u64> {
        self.shared.lock().world.channel_named(guild, name)
    }

    /// The people of a guild, without the bot: the owner first, then a moderator.
    pub fn people(&self, guild: u64) -> Vec<u64> {
        self.shared
            .lock()
            .world
            .guilds
            .get(&guild)
            .map(|guild| guild.people.clone())
            .unwrap_or_default()
    }

    /// What the guild is called.
    pub fn guild_name(&self, guild: u64) -> Option<String> {
        self.state(|state| state.world.guilds.get(&guild).map(|guild| guild.name.clone()))
    }

    /// Who owns the guild, and may do everything in it.
    pub fn owner(&self, guild: u64) -> Option<u64> {
        self.state(|state| state.world.guilds.get(&guild).map(|guild| guild.owner))
    }

    /// An account of two hours joins the guild; answers its id.
    pub fn newcomer(&self, guild: u64) -> u64 {
        self.state(|state| crate::load::newcomer(state, guild))
    }

    /// A user sends a message; answers its id.
    pub fn send_message(&self, guild: u64, channel: u64, author: u64, content: &str) -> u64 {
        let kept = self.shared.config.messages_kept;
        self.state(|state| {
            say(
                state,
                &mut String::new(),
                kept,
                guild,
                channel,
                author,
                content.to_owned(),
            )
        })
    }

    /// Somebody bans a user, without their messages.
    pub fn ban(&self, guild: u64, by: u64, user: u64) {
        self.state(|state| rest::ban(state, guild, by, user, 0, None));
    }

    /// Somebody lifts a ban.
    pub fn unban(&self, guild: u64, by: u64, user: u64) {
        self.state(|state| rest::unban(state, guild, by, user, None));
    }

    /// The author deletes a message.
    pub fn delete_message(&self, guild: u64, channel: u64, message: u64) {
        self.state(|state| rest::delete(state, guild, channel, message));
    }

    /// Lets any event happen, with this data.
    pub fn dispatch(&self, name: &str, guild: u64, data: &Value) {
        self.state(|state| state.dispatch(name, guild, &data.to_string()));
    }

    /// Sends a text to every socket, as it is: for frames that Discord should never send.
    pub fn send_raw(&self, text: &str) {
        self.to_all_sockets(&ToSocket::Payload(text.into()));
    }

    /// Everything that the bot requested.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.shared.lock().journal.clone()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        let mut state = self.shared.lock();
        state.stats.queued = state.sessions.queued() as u64;
        state.stats.clone()
    }

    /// Latencies of the measured messages.
    pub fn latencies(&self) -> LatencySummary {
        self.shared.lock().latencies.summary()
    }

    /// Forgets what was measured.
    pub fn reset_latencies(&self) {
        self.state(|state| state.latencies.reset());
    }

    /// Cuts every connection without a word.
    pub fn drop_connections(&self) {
        self.to_all_sockets(&ToSocket::Drop);
    }

    /// Closes every connection with a code.
    pub fn close_connections(&self, code: u16) {
        self.to_all_sockets(&ToSocket::Close(code));
    }

    /// Asks every client to connect again (op 7).
    pub fn request_reconnect(&self) {
        self.send_raw(r#"{"t":null,"s":null,"op":7,"d":null}"#);
    }

    /// The next connections are asked to reconnect before HELLO.
    pub fn reconnect_before_hello(&self, connections: u32) {
        self.state(|state| state.faults.reconnect_before_hello = connections);
    }

    /// Declares every session invalid (op 9); one that cannot be resumed is gone.
    pub fn invalidate_sessions(&self, resumable: bool) {
        self.send_raw(&format!(r#"{{"t":null,"s":null,"op":9,"d":{resumable}}}"#));
        if !resumable {
            self.state(|state| {
                let ids: Vec<_> = state.sessions.iter_mut().map(|session| session.id.clone()).collect();
                ids.iter().for_each(|id| state.sessions.end(id));
            });
        }
    }

    /// Whether heartbeats stay unanswered.
    pub fn set_half_open(&self, half_open: bool) {
        self.state(|state| state.faults.half_open = half_open);
    }

    /// The next dispatches go out twice.
    pub fn duplicate_dispatches(&self, count: u32) {
        self.state(|state| state.faults.duplicates = count);
    }

    /// Holds every dispatch back so long.
    pub fn delay_dispatches(&self, delay: Duration) {
        self.state(|state| state.faults.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    }

    /// The next requests that match fail so.
    pub fn rest_fault(&self, fault: RestFault) {
        self.state(|state| state.faults.rest.push(fault));
    }

    /// Forgets faults that were not met yet.
    pub fn clear_faults(&self) {
        self.state(|state| state.faults = Default::default());
    }

    /// A member uses a command or component; it arrives by the gateway. Answers the interaction.
    pub fn dispatch_interaction(&self, guild: u64, channel: u64, user: u64, kind: u8, data: &Value) -> Value {
        let interaction = interaction::create(&mut self.shared.lock(), guild, channel, user, kind, data);
        self.dispatch("INTERACTION_CREATE", guild, &interaction);
        interaction
    }

    /// A member uses a command or component; it arrives at this URL, signed, rightly or wrongly.
    pub async fn post_interaction(
        &self,
        url: &str,
        (guild, channel, user): (u64, u64, u64),
        kind: u8,
        data: &Value,
        good_signature: bool,
    ) -> InteractionOutcome {
        let interaction = interaction::create(&mut self.shared.lock(), guild, channel, user, kind, data);
        interaction::post(&self.shared, url, &interaction, good_signature).await
    }

    /// A member uses a command or component; whoever asks for it posts it, as Discord would.
    pub fn signed_interaction(
        &self,
        (guild, channel, user): (u64, u64, u64),
        kind: u8,
        data: &Value,
    ) -> SignedInteraction {
        let interaction = interaction::create(&mut self.shared.lock(), guild, channel, user, kind, data);
        interaction::sign(&self.shared, &interaction, true)
    }

    /// Asks this URL whether it answers a PING, as Discord does before it takes an address.
    pub async fn post_ping(&self, url: &str, good_signature: bool) -> InteractionOutcome {
        let ping =
            json!({ "id": "1", "application_id": self.bot().to_string(), "type": 1, "token": "ping", "version": 1 });
        interaction::post(&self.shared, url, &ping, good_signature).await
    }

    /// Waits until something is so; answers whether it came to be in time.
    pub async fn wait_until(&self, bound: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if holds(self) {
                    return;
                }
                // Load and expiry do not notify.
                let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
            }
        };
        tokio::time::timeout(bound, waiting).await.is_ok()
    }

    fn to_all_sockets(&self, message: &ToSocket) {
        self.state(|state| {
            for session in state.sessions.iter_mut() {
                if let Some(socket) = &session.socket {
                    socket.send(message.clone());
                }
            }
        });
    }
}
