//! The gateway: one task per socket, from HELLO to the close.

use crate::compression::Transport;
use crate::intents;
use crate::object;
use crate::session::{Socket, ToSocket};
use crate::state::{Shared, State};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Discord, Gateway, Rate Limiting and Sending Events.
const SENDS_PER_MINUTE: usize = 120;
const PAYLOAD_BYTES: usize = 4096;
const CHUNK: usize = 1000;

#[derive(Deserialize)]
struct Payload {
    op: u8,
    #[serde(default)]
    d: Value,
}

/// One connection.
struct Connection {
    shared: Arc<Shared>,
    socket: Socket,
    session: Option<Arc<str>>,
    /// Times of what the client sent in the last minute.
    received: VecDeque<Instant>,
}

/// Serves a socket until one side ends it.
pub(crate) async fn serve(shared: Arc<Shared>, socket: WebSocket, compress: Option<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queued = Arc::new(AtomicUsize::new(0));
    let id = {
        let mut state = shared.lock();
        state.next_socket += 1;
        state.stats.sockets += 1;
        state.next_socket
    };
    let transport = Transport::named(compress.as_deref().filter(|_| shared.config.compression));
    let (sink, mut stream) = socket.split();
    let socket = Socket {
        id,
        sender,
        queued: queued.clone(),
    };
    let mut connection = Connection {
        shared: shared.clone(),
        socket,
        session: None,
        received: VecDeque::new(),
    };
    let Some(transport) = transport else {
        tracing::debug!("a client asked for an unknown compression");
        return;
    };
    let writer = tokio::spawn(write(shared.clone(), sink, receiver, queued, transport));
    connection.hello();
    let stopped = writer.abort_handle();
    let mut writer = writer;
    loop {
        let message = tokio::select! {
            message = stream.next() => message,
            _ = &mut writer => break,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
            Some(Ok(Message::Close(frame))) => {
                // These two codes end the session at once; every other one keeps it (Gateway, Disconnecting).
                if let (Some(1000 | 1001), Some(session)) = (frame.map(|frame| frame.code), &connection.session) {
                    shared.lock().sessions.end(session);
                }
                // Reading on sends our half of the closing handshake.
                continue;
            }
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => break,
        };
        if let ControlFlow::Break(code) = connection.take(&text) {
            connection.socket.send(ToSocket::Close(code));
        }
    }
    stopped.abort();
    let mut state = shared.lock();
    state.stats.sockets -= 1;
    if let Some(session) = &connection.session {
        state.sessions.detach(session, id);
    }
    drop(state);
    shared.changed.notify_waiters();
}

async fn write(
    shared: Arc<Shared>,
    mut sink: SplitSink<WebSocket, Message>,
    mut receiver: mpsc::UnboundedReceiver<ToSocket>,
    queued: Arc<AtomicUsize>,
    mut transport: Transport,
) {
    while let Some(first) = receiver.recv().await {
        let delay = shared.lock().faults.delay_ms;
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let mut next = Some(first);
        while let Some(message) = next {
            queued.fetch_sub(1, Ordering::Relaxed);
            let sent = match message {
                ToSocket::Payload(payload) => match transport.compress(&payload) {
                    Ok(None) => sink.feed(Message::Text((*payload).into())).await.is_ok(),
                    Ok(Some(bytes)) => sink.feed(Message::Binary(bytes.into())).await.is_ok(),
                    Err(_) => false,
                },
                ToSocket::Close(code) => {
                    // The client may be faster.
                    let _ = sink
                        .send(Message::Close(Some(CloseFrame {
                            code,
                            reason: "".into(),
                        })))
                        .await;
                    // Discord waits for the client's half of the closing handshake.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    return;
                }
                ToSocket::Drop => return,
            };
            if !sent {
                return;
            }
            next = receiver.try_recv().ok();
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

impl Connection {
    fn payload(&self, payload: &Value) {
        self.socket.send(ToSocket::Payload(payload.to_string().into()));
    }

    fn hello(&self) {
        let interval = self.shared.config.heartbeat_interval_ms;
        let early = {
            let mut state = self.shared.lock();
            let early = state.faults.reconnect_before_hello > 0;
            state.faults.reconnect_before_hello = state.faults.reconnect_before_hello.saturating_sub(1);
            early
        };
        if early {
            self.payload(&json!({ "t": null, "s": null, "op": 7, "d": null }));
        }
        self.payload(&json!({ "t": null, "s": null, "op": 10, "d": { "heartbeat_interval": interval, "_trace": [] } }));
    }

    /// Takes a payload of the client; breaks with the code to close with.
    fn take(&mut self, text: &str) -> ControlFlow<u16> {
        let now = Instant::now();
        self.received.push_back(now);
        while self
            .received
            .front()
            .is_some_and(|at| now - *at > Duration::from_secs(60))
        {
            self.received.pop_front();
        }
        if self.received.len() > SENDS_PER_MINUTE {
            return ControlFlow::Break(4008);
        }
        if text.len() > PAYLOAD_BYTES {
            return ControlFlow::Break(4002);
        }
        let Ok(payload) = serde_json::from_str::<Payload>(text) else {
            return ControlFlow::Break(4002);
        };
        let outcome = match (payload.op, &self.session) {
            (1, _) => {
                self.heartbeat(&payload.d);
                ControlFlow::Continue(())
            }
            (2, None) => self.identify(&payload.d),
            (6, None) => self.resume(&payload.d),
            (2 | 6, Some(_)) => ControlFlow::Break(4005),
            (3 | 4 | 8, None) => ControlFlow::Break(4003),
            (3 | 4, Some(_)) => ControlFlow::Continue(()),
            (8, Some(session)) => self.request_members(session.clone(), &payload.d),
            _ => ControlFlow::Break(4001),
        };
        self.shared.changed.notify_waiters();
        outcome
    }

    fn heartbeat(&self, acknowledged: &Value) {
        let mut state = self.shared.lock();
        state.stats.heartbeats += 1;
        if self.shared.config.trim_at_heartbeat
            && let (Some(session), Some(sequence)) = (&self.session, acknowledged.as_u64())
            && let Some(session) = state.sessions.get_mut(session)
        {
            session.trim(sequence);
        }
        if !state.faults.half_open {
            self.payload(&json!({ "t": null, "s": null, "op": 11, "d": null }));
        }
    }

    fn invalid_session(&self, state: &mut State, resumable: bool) {
        state.stats.invalid_sessions += 1;
        self.payload(&json!({ "t": null, "s": null, "op": 9, "d": resumable }));
    }

    fn identify(&mut self, data: &Value) -> ControlFlow<u16> {
        #[derive(Deserialize)]
        struct Identify {
            token: String,
            intents: u64,
            shard: Option<(u64, u64)>,
        }
        let Ok(identify) = Identify::deserialize(data) else {
            return ControlFlow::Break(4002);
        };
        let config = &self.shared.config;
        let mut state = self.shared.lock();
        if identify.token.trim_start_matches("Bot ") != state.token {
            return ControlFlow::Break(4004);
        }
        let shard = identify.shard.unwrap_or((0, 1));
        if shard.1 == 0 || shard.0 >= shard.1 {
            return ControlFlow::Break(4010);
        }
        if !intents::are_valid(identify.intents) {
            return ControlFlow::Break(4013);
        }
        let key = shard.0 % u64::from(config.max_concurrency.max(1));
        let period = Duration::from_millis(config.identify_period_ms);
        if state.identified.get(&key).is_some_and(|last| last.elapsed() < period) {
            self.invalid_session(&mut state, false);
            return ControlFlow::Continue(());
        }
        state.identified.insert(key, Instant::now());
        state.identifies_today += 1;
        if state.identifies_today > config.identify_limit {
            reset_token(&mut state);
            return ControlFlow::Break(4004);
        }
        state.stats.identifies += 1;
        let guilds: Vec<_> = state
            .world
            .guilds
            .keys()
            .copied()
            .filter(|id| (id >> 22) % shard.1 == shard.0)
            .collect();
        let id = state
            .sessions
            .start(shard, identify.intents, guilds.len(), self.socket.clone());
        self.session = Some(id.clone());
        let ready = json!({
            "v": 10, "user_settings": {}, "user": object::user(&state.world, state.world.bot), "session_type": "normal",
            "session_id": *id, "resume_gateway_url": self.shared.gateway_url(), "relationships": [],
            "private_channels": [], "presences": [], "guild_join_requests": [], "geo_ordered_rtc_regions": [],
            "guilds": guilds.iter().map(|id| json!({ "id": id.to_string(), "unavailable": true })).collect::<Vec<_>>(),
            "shard": [shard.0, shard.1], "application": { "id": state.world.bot.to_string(), "flags": 565_248 }, "_trace": [],
        });
        let described: Vec<_> = guilds
            .iter()
            .filter_map(|guild| state.world.guilds.get(guild))
            .map(|guild| object::guild(&state.world, guild).to_string())
            .collect();
        if let Some(session) = state.sessions.get_mut(&id) {
            session.dispatch("READY", &ready.to_string(), 1);
            for guild in &described {
                session.dispatch("GUILD_CREATE", guild, 1);
            }
        }
        ControlFlow::Continue(())
    }

    fn resume(&mut self, data: &Value) -> ControlFlow<u16> {
        #[derive(Deserialize)]
        struct Resume {
            token: String,
            session_id: String,
            seq: u64,
        }
        let Ok(resume) = Resume::deserialize(data) else {
            return ControlFlow::Break(4002);
        };
        let mut state = self.shared.lock();
        if resume.token.trim_start_matches("Bot ") != state.token {
            return ControlFlow::Break(4004);
        }
        state
            .sessions
            .expire(Duration::from_millis(self.shared.config.session_timeout_ms));
        let resume_on_live = self.shared.config.resume_on_live;
        let Some(session) = state
            .sessions
            .get_mut(&resume.session_id)
            .filter(|session| session.socket.is_none() || resume_on_live)
        else {
            self.invalid_session(&mut state, false);
            return ControlFlow::Continue(());
        };
        if resume.seq > session.sequence {
            let id = session.id.clone();
            state.sessions.end(&id);
            return ControlFlow::Break(4007);
        }
        let Some(missed) = session.replay(resume.seq) else {
            let id = session.id.clone();
            state.sessions.end(&id);
            self.invalid_session(&mut state, false);
            return ControlFlow::Continue(());
        };
        if let Some(old) = session.socket.replace(self.socket.clone()) {
            old.send(ToSocket::Close(4000));
        }
        session.detached_at = None;
        self.session = Some(session.id.clone());
        for payload in missed {
            self.socket.send(ToSocket::Payload(payload));
        }
        session.dispatch("RESUMED", r#"{"_trace":[]}"#, 1);
        state.stats.resumes += 1;
        ControlFlow::Continue(())
    }

    fn request_members(&self, id: Arc<str>, data: &Value) -> ControlFlow<u16> {
        let Some(guild_id) = data["guild_id"].as_str().and_then(|id| id.parse::<u64>().ok()) else {
            return ControlFlow::Break(4002);
        };
        let mut state = self.shared.lock();
        let wanted: Option<Vec<u64>> = match &data["user_ids"] {
            Value::String(id) => Some(id.parse().into_iter().collect()),
            Value::Array(ids) => Some(ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect()),
            _ => None,
        };
        let everybody = wanted.is_none() && data["query"].as_str().is_some_and(str::is_empty) && data["limit"] == 0;
        // One request for all members per guild and bot in 30 s, since 2025-10-01 (Change Log).
        let wait = state
            .members_asked
            .get(&guild_id)
            .and_then(|asked| Duration::from_secs(30).checked_sub(asked.elapsed()));
        let answers = match (everybody, wait) {
            (true, Some(wait)) => vec![(
                "RATE_LIMITED",
                json!({ "opcode": 8, "retry_after": wait.as_secs_f64(), "meta": { "guild_id": guild_id.to_string(), "nonce": data["nonce"] } }),
            )],
            _ => {
                if everybody {
                    state.members_asked.insert(guild_id, Instant::now());
                }
                let Some(guild) = state.world.guilds.get(&guild_id) else {
                    return ControlFlow::Continue(());
                };
                let members: Vec<_> = guild
                    .members
                    .iter()
                    .filter(|(user, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(user)))
                    .map(|(user, member)| object::member(&state.world, *user, member))
                    .collect();
                let count = members.chunks(CHUNK).len().max(1);
                let mut chunks: Vec<_> = members.chunks(CHUNK).collect();
                if chunks.is_empty() {
                    chunks.push(&[]);
                }
                (0..)
                    .zip(chunks)
                    .map(|(index, chunk): (usize, _)| {
                        let chunk = json!({
                            "guild_id": guild_id.to_string(), "members": chunk, "chunk_index": index, "chunk_count": count,
                            "not_found": [], "nonce": data["nonce"],
                        });
                        ("GUILD_MEMBERS_CHUNK", chunk)
                    })
                    .collect()
            }
        };
        if let Some(session) = state.sessions.get_mut(&id) {
            for (name, answer) in answers {
                session.dispatch(name, &answer.to_string(), 1);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The bot has spent its sessions of a day: all end, and its token is worth nothing any more (Gateway, Session Start
/// Limit).
fn reset_token(state: &mut State) {
    state.token = format!("reset-{}", state.identifies_today);
    for session in state.sessions.iter_mut() {
        if let Some(socket) = &session.socket {
            socket.send(ToSocket::Close(4004));
        }
    }
}
