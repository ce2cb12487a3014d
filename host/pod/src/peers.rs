//! Requests to other pods, over pooled HTTP/2 connections.

use guildhall_discord::Frame;
use guildhall_fleet::{ClusterSecret, GuildAssignment, pod_client, send_file};
use guildhall_model::{GuildId, UnixMilliseconds};
use guildhall_trace::Trace;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Events that are not on disk at the owner after this time are sent again.
const COMMIT: Duration = Duration::from_secs(10);

/// Events of one guild on their way to its owner.
#[derive(Deserialize, Serialize)]
pub(crate) struct ForwardedEvents {
    /// The epoch that the sender believes in.
    pub(crate) epoch: i64,
    /// The epoch in which the sender holds the session that they came from.
    pub(crate) shard_epoch: i64,
    pub(crate) events: Vec<ForwardedEvent>,
}

/// One of them.
#[derive(Deserialize, Serialize)]
pub(crate) struct ForwardedEvent {
    pub(crate) session: Arc<str>,
    pub(crate) sequence: u64,
    pub(crate) name: String,
    pub(crate) received_at: UnixMilliseconds,
    /// The frame as Discord sent it.
    pub(crate) text: String,
    /// The header `traceparent` of its trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
}

impl ForwardedEvent {
    pub(crate) fn frame(self, guild: GuildId) -> (Arc<str>, Arc<Frame>, UnixMilliseconds) {
        let frame = Frame {
            name: self.name,
            guild: Some(guild),
            sequence: self.sequence,
            text: self.text,
            trace: self.trace.as_deref().map(Trace::from_header).unwrap_or_default(),
        };
        (self.session, Arc::new(frame), self.received_at)
    }
}

/// The last event of each session that is in the bucket, by guild.
pub(crate) type ReplicatedEvents = Vec<(GuildId, BTreeMap<Arc<str>, u64>)>;

/// What the owner said.
pub(crate) enum Forwarded {
    /// All are on its disk.
    Committed,
    /// It is not the owner in this epoch; this is what it knows.
    Misdirected(Option<GuildAssignment>),
    /// Not now: try again.
    Later,
}

/// A client of all pods.
#[derive(Clone, Debug)]
pub struct Peers {
    http: reqwest::Client,
    secret: ClusterSecret,
}

impl Peers {
    /// A client that presents this secret.
    pub fn new(secret: ClusterSecret) -> reqwest::Result<Self> {
        let http = pod_client().build()?;
        Ok(Self { http, secret })
    }

    pub(crate) async fn events(
        &self,
        url: &str,
        guild: GuildId,
        events: &ForwardedEvents,
    ) -> reqwest::Result<Forwarded> {
        let answer = self
            .http
            .post(format!("{url}/internal/v1/guilds/{guild}/events"))
            .bearer_auth(self.secret.to_send())
            .timeout(COMMIT)
            .json(events)
            .send()
            .await?;
        match answer.status() {
            StatusCode::OK => Ok(Forwarded::Committed),
            StatusCode::MISDIRECTED_REQUEST => Ok(Forwarded::Misdirected(answer.json().await?)),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Forwarded::Later),
            _ => answer.error_for_status().map(|_| Forwarded::Later),
        }
    }

    /// How far these guilds of the pod are in the bucket; those that are not its own are left out.
    pub(crate) async fn replicated(&self, url: &str, guilds: &[GuildId]) -> reqwest::Result<ReplicatedEvents> {
        let answer = self
            .http
            .post(format!("{url}/internal/v1/replicated"))
            .bearer_auth(self.secret.to_send())
            .timeout(COMMIT)
            .json(guilds)
            .send()
            .await?;
        answer.error_for_status()?.json().await
    }

    /// Sends a guild's file for this epoch; it is on the target's disk when this answers.
    pub(crate) async fn file(
        &self,
        url: &str,
        guild: GuildId,
        epoch: i64,
        file: &Path,
        digest: &str,
    ) -> anyhow::Result<()> {
        send_file(&self.http, &self.secret, url, guild, epoch, file, digest).await?;
        Ok(())
    }
}
