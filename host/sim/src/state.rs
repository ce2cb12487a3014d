//! Everything that the parts of a simulation share, behind one lock that is held for moments.

use crate::config::SimConfig;
use crate::fault::Faults;
use crate::journal::{JournalEntry, Stats};
use crate::latency::Latencies;
use crate::limits::Limits;
use crate::oauth2::Grants;
use crate::session::Sessions;
use crate::world::World;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

pub(crate) struct Shared {
    pub(crate) config: SimConfig,
    pub(crate) address: SocketAddr,
    /// The key that interactions are signed with.
    pub(crate) signing_key: ed25519_dalek::SigningKey,
    state: Mutex<State>,
    /// Something happened that a test may wait for.
    pub(crate) changed: Notify,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) token: String,
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
    pub(crate) limits: Limits,
    pub(crate) latencies: Latencies,
    /// When each key of `shard % max_concurrency` last started a session.
    pub(crate) identified: HashMap<u64, Instant>,
    /// IDENTIFYs of the day.
    pub(crate) identifies_today: u32,
    /// When all members of each guild were last asked for.
    pub(crate) members_asked: HashMap<u64, Instant>,
    pub(crate) next_socket: u64,
    /// What happened, where somebody listens without a socket: name, guild and data.
    pub(crate) heard: Option<Vec<(String, u64, String)>>,
    pub(crate) grants: Grants,
}

impl Shared {
    pub(crate) fn new(config: SimConfig, address: SocketAddr) -> Self {
        let state = State {
            token: config.token.clone(),
            world: crate::seed::world(&config),
            ..State::default()
        };
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&config.seed.to_le_bytes());
        Self {
            address,
            signing_key: ed25519_dalek::SigningKey::from_bytes(&secret),
            config,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn gateway_url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl State {
    /// Lets an event of a guild happen.
    pub(crate) fn dispatch(&mut self, name: &str, guild: u64, data: &str) {
        match self.stats.events.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.stats.events.insert(name.to_owned(), 1)),
        }
        if let Some(heard) = &mut self.heard {
            heard.push((name.to_owned(), guild, data.to_owned()));
        }
        let copies = if self.faults.duplicates > 0 {
            self.faults.duplicates -= 1;
            2
        } else {
            1
        };
        self.sessions.dispatch(name, guild, data, copies);
    }
}
