//! The HTTP/2 connections on which roles reach gateway pods: pooled, and soon known to be dead.

use std::time::Duration;

/// A pod that does not accept a connection in this time is away.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two looks at whether an idle connection still answers, and how long an answer may take.
const LOOK: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(3);

/// A client of all pods, to be finished by whoever needs more.
pub fn pod_client() -> reqwest::ClientBuilder {
    // Without a proxy: the fleet talks within the cluster.
    reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .http2_keep_alive_interval(LOOK)
        .http2_keep_alive_timeout(ANSWER)
        .http2_keep_alive_while_idle(true)
        .connect_timeout(CONNECT)
}
