//! What the bot did, in order: every request with its answer. A test asks it what was done, twice, or not at all.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct JournalEntry {
    /// When it was answered, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// HTTP method.
    pub method: String,
    /// Path below `/api/v10`.
    pub path: String,
    /// What it is: `send-message`, `delete-message`, `ban`, …; `unknown` for paths that do not exist.
    pub route: String,
    /// The guild that it is about.
    pub guild: Option<u64>,
    /// The channel that it is about.
    pub channel: Option<u64>,
    /// The user that it is about.
    pub user: Option<u64>,
    /// The messages that it is about.
    pub messages: Vec<u64>,
    /// The answer's HTTP status; 0 when the connection was dropped instead.
    pub status: u16,
    /// Discord's JSON error code; 0 for none.
    pub code: u32,
    /// Whether it changed anything.
    pub applied: bool,
    /// Whether an enforced nonce made it answer an earlier message.
    pub deduplicated: bool,
    /// The request's body.
    pub body: Value,
    /// `X-Audit-Log-Reason`, decoded.
    pub reason: Option<String>,
}

/// Counters since the simulation began.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Stats {
    /// Sockets that are connected.
    pub sockets: u64,
    /// IDENTIFYs that were accepted.
    pub identifies: u64,
    /// RESUMEs that were accepted.
    pub resumes: u64,
    /// Sessions that were declared invalid, or not found.
    pub invalid_sessions: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Requests.
    pub requests: u64,
    /// Requests answered 429.
    pub rate_limited: u64,
    /// Frames that wait for a socket to take them.
    pub queued: u64,
    /// Events that happened, by name, once each however many sessions there are.
    pub events: BTreeMap<String, u64>,
}
