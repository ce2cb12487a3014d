//! Gateway sessions: they have a sequence and a replay buffer of their own, and live for some minutes without a socket.

use crate::intents;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What a socket's task is told.
#[derive(Clone, Debug)]
pub(crate) enum ToSocket {
    /// A payload.
    Payload(Arc<str>),
    /// Close with this code.
    Close(u16),
    /// Vanish without a word.
    Drop,
}

/// The sending end of a socket's task.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub(crate) id: u64,
    pub(crate) sender: mpsc::UnboundedSender<ToSocket>,
    /// Payloads that wait.
    pub(crate) queued: Arc<AtomicUsize>,
}

impl Socket {
    pub(crate) fn send(&self, message: ToSocket) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        // The socket may be gone: then the session's buffer has the payload.
        let _ = self.sender.send(message);
    }
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: Arc<str>,
    pub(crate) shard: (u64, u64),
    pub(crate) intents: u64,
    pub(crate) sequence: u64,
    buffer: VecDeque<(u64, Arc<str>)>,
    capacity: usize,
    /// The highest sequence that is no longer in the buffer.
    forgotten: u64,
    pub(crate) socket: Option<Socket>,
    pub(crate) detached_at: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: HashMap<Arc<str>, Session>,
    next_id: u64,
}

impl Sessions {
    pub(crate) fn start(&mut self, shard: (u64, u64), intents: u64, guilds: usize, socket: Socket) -> Arc<str> {
        self.next_id += 1;
        let id: Arc<str> = format!(
            "{:08x}{:024x}",
            self.next_id.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF,
            self.next_id
        )
        .into();
        let session = Session {
            id: id.clone(),
            shard,
            intents,
            sequence: 0,
            buffer: VecDeque::new(),
            // Discord staff, api-docs issue 24.
            capacity: (75 * guilds).clamp(100, 3500),
            forgotten: 0,
            socket: Some(socket),
            detached_at: None,
        };
        self.sessions.insert(id.clone(), session);
        id
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.get_mut(id)
    }

    pub(crate) fn end(&mut self, id: &str) {
        self.sessions.remove(id);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.sessions.values_mut()
    }

    /// A socket is gone; its session waits, unless another socket has taken it over.
    pub(crate) fn detach(&mut self, id: &str, socket: u64) {
        if let Some(session) = self.sessions.get_mut(id)
            && session.socket.as_ref().is_some_and(|known| known.id == socket)
        {
            session.socket = None;
            session.detached_at = Some(Instant::now());
        }
    }

    pub(crate) fn expire(&mut self, timeout: Duration) {
        self.sessions
            .retain(|_, session| session.detached_at.is_none_or(|at| at.elapsed() < timeout));
    }

    /// Sends an event of a guild to every session that carries it: one that is connected twice gets it twice.
    pub(crate) fn dispatch(&mut self, name: &str, guild: u64, data: &str, copies: u32) {
        for session in self.sessions.values_mut() {
            if (guild >> 22) % session.shard.1 == session.shard.0 && intents::allow(session.intents, name) {
                session.dispatch(name, data, copies);
            }
        }
    }

    /// Payloads that wait for sockets.
    pub(crate) fn queued(&self) -> usize {
        self.sessions
            .values()
            .filter_map(|session| session.socket.as_ref())
            .map(|socket| socket.queued.load(Ordering::Relaxed))
            .max()
            .unwrap_or(0)
    }
}

impl Session {
    /// Sends a dispatch, and keeps it for a replay.
    pub(crate) fn dispatch(&mut self, name: &str, data: &str, copies: u32) {
        let stripped;
        let mut data = data;
        if name.starts_with("MESSAGE_") && self.intents & intents::MESSAGE_CONTENT == 0 {
            stripped = without_content(data);
            data = &stripped;
        }
        self.sequence += 1;
        // Discord's own order of keys; some clients read no other.
        let payload: Arc<str> = format!(r#"{{"t":"{name}","s":{},"op":0,"d":{data}}}"#, self.sequence).into();
        if let Some(socket) = &self.socket {
            for _ in 0..copies {
                socket.send(ToSocket::Payload(payload.clone()));
            }
        }
        self.buffer.push_back((self.sequence, payload));
        if self.buffer.len() > self.capacity
            && let Some((sequence, _)) = self.buffer.pop_front()
        {
            self.forgotten = sequence;
        }
    }

    /// What came after this sequence; none when some of it is forgotten.
    pub(crate) fn replay(&self, after: u64) -> Option<Vec<Arc<str>>> {
        (after >= self.forgotten).then(|| {
            self.buffer
                .iter()
                .filter(|(sequence, _)| *sequence > after)
                .map(|(_, payload)| payload.clone())
                .collect()
        })
    }

    pub(crate) fn trim(&mut self, acknowledged: u64) {
        while self
            .buffer
            .front()
            .is_some_and(|(sequence, _)| *sequence <= acknowledged)
        {
            self.buffer.pop_front();
        }
        self.forgotten = self.forgotten.max(acknowledged.min(self.sequence));
    }
}

/// A message as a session without MESSAGE_CONTENT sees it.
fn without_content(data: &str) -> String {
    let Ok(mut message) = serde_json::from_str::<Value>(data) else {
        return data.to_owned();
    };
    for (key, empty) in [
        ("content", json!("")),
        ("embeds", json!([])),
        ("attachments", json!([])),
        ("components", json!([])),
    ] {
        if message.get(key).is_some() {
            message[key] = empty;
        }
    }
    message.to_string()
}
