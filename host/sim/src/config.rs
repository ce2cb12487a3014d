//! What a simulation can be told to be.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A simulation's shape and strictness. The defaults are Discord's numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Guilds.
    pub guilds: usize,
    /// Members of the largest guild; the n-th has about 1/n of them (Zipf).
    pub members: usize,
    /// Makes everything that is random repeatable.
    pub seed: u64,
    /// The bot's token.
    pub token: String,
    /// Shards that `GET /gateway/bot` recommends.
    pub shards: u32,
    /// Milliseconds between two heartbeats.
    pub heartbeat_interval_ms: u64,
    /// Milliseconds that a session without a socket lives.
    pub session_timeout_ms: u64,
    /// Forget dispatches for a replay as soon as a heartbeat acknowledges them. Discord does not say whether it does.
    pub trim_at_heartbeat: bool,
    /// Accept a RESUME of a session whose socket still lives; that socket is then closed.
    pub resume_on_live: bool,
    /// Offer zlib-stream and zstd-stream to clients that ask for them.
    pub compression: bool,
    /// Sessions that may be started in one period.
    pub max_concurrency: u32,
    /// The period of `max_concurrency`, in milliseconds.
    pub identify_period_ms: u64,
    /// Sessions that may be started in a day.
    pub identify_limit: u32,
    /// Requests per second over everything but interactions; none for no limit.
    pub global_limit: Option<u32>,
    /// Whether routes have limits of their own.
    pub route_limits: bool,
    /// Milliseconds in which an enforced nonce is remembered.
    pub nonce_window_ms: u64,
    /// 401, 403 and 429 that may be answered in 10 minutes before every request is refused.
    pub invalid_request_limit: u32,
    /// Permission bits of @everyone.
    pub everyone_permissions: u64,
    /// Permission bits of the bot's role.
    pub bot_permissions: u64,
    /// Messages that are remembered per guild.
    pub messages_kept: usize,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            guilds: 3,
            members: 50,
            seed: 1,
            token: "sim-token".into(),
            shards: 1,
            heartbeat_interval_ms: 41_250,
            session_timeout_ms: 180_000,
            trim_at_heartbeat: false,
            resume_on_live: true,
            compression: true,
            max_concurrency: 1,
            identify_period_ms: 5_000,
            identify_limit: 1_000,
            global_limit: Some(50),
            route_limits: true,
            nonce_window_ms: 180_000,
            invalid_request_limit: 10_000,
            everyone_permissions: crate::seed::EVERYONE,
            // Administrator.
            bot_permissions: 1 << 3,
            messages_kept: 1_000,
        }
    }
}
