//! What other pods ask of this one: to take events of guilds that it owns, and files of guilds that it will
//! own.

use crate::durability::Durability;
use crate::files::GuildFiles;
use crate::loads::Loads;
use crate::owned::Owned;
use crate::peers::{ForwardedEvents, ReplicatedEvents};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use futures_util::StreamExt;
use guildhall_discord::{Deferrals, Rest};
use guildhall_fleet::{AssignmentState, AssignmentView, ClusterSecret, DIGEST, EPOCH, Lease, require_secret};
use guildhall_gateway::Workers;
use guildhall_model::GuildId;
use guildhall_store::digest_of;
use guildhall_trace::Trace;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{RwLockReadGuard, mpsc};

/// Larger bodies of events are refused; a frame of Discord is far smaller than its share.
const EVENTS: usize = 32 << 20;
/// Larger files are refused: twice the largest quota that can be set makes no sense.
const FILE: u64 = 64 << 30;
/// Events that are not on disk by then are asked for again.
pub(crate) const COMMIT: Duration = Duration::from_secs(8);

/// What the handlers reach.
#[derive(Clone)]
pub struct Internal {
    /// This pod's name.
    pub pod: String,
    /// Who owns what.
    pub view: Arc<AssignmentView>,
    /// What this pod acts for.
    pub owned: Arc<Owned>,
    /// The guilds' workers.
    pub workers: Arc<Workers>,
    /// This pod's right to act.
    pub lease: Lease,
    /// Where files are kept.
    pub files: GuildFiles,
    /// What guilds cost.
    pub loads: Arc<Loads>,
    /// Where answers to interactions are waited for.
    pub rest: Arc<Rest>,
    /// What is told of interactions that were deferred.
    pub deferrals: Deferrals,
    /// Where guilds are replicated.
    pub durability: Option<Arc<Durability>>,
}

/// The epoch that a request believes in; 0 for none.
pub(crate) fn epoch(headers: &HeaderMap) -> i64 {
    let epoch = headers.get(EPOCH).and_then(|epoch| epoch.to_str().ok()?.parse().ok());
    epoch.unwrap_or_default()
}

/// The trace that a request belongs to.
pub(crate) fn trace(headers: &HeaderMap) -> Trace {
    let header = headers.get("traceparent").and_then(|value| value.to_str().ok());
    header.map(Trace::from_header).unwrap_or_default()
}

impl Internal {
    /// Keeps the guild from being given away while the guard lives; the answer says who owns it otherwise.
    pub(crate) async fn guard(
        &self,
        guild: GuildId,
        epoch: i64,
    ) -> Result<RwLockReadGuard<'_, HashMap<GuildId, i64>>, Box<Response>> {
        let owned = self.owned.read().await;
        if owned.get(&guild) == Some(&epoch) && self.lease.is_valid() {
            return Ok(owned);
        }
        drop(owned);
        self.loads.wait(guild, 1);
        Err(Box::new(not_owner(self, guild, epoch)))
    }
}

/// The routes, behind the cluster's secret.
pub fn router(internal: Internal, secret: ClusterSecret) -> Router {
    Router::new()
        .route(
            "/internal/v1/guilds/{guild}/events",
            post(events).layer(DefaultBodyLimit::max(EVENTS)),
        )
        .route("/internal/v1/guilds/{guild}/file/{epoch}", put(file))
        .route("/internal/v1/replicated", post(replicated))
        .route("/internal/v1/replication", get(replication))
        .merge(crate::copies::routes())
        .merge(crate::interactions::routes())
        .merge(crate::api::routes())
        .merge(crate::recording::routes())
        .layer(axum::middleware::from_fn_with_state(secret, require_secret))
        .with_state(internal)
}

/// Answers 200 when all are on disk, 421 with the owner as it is known here, 503 when it is worth another try.
async fn events(
    State(internal): State<Internal>,
    Path(guild): Path<u64>,
    Json(forwarded): Json<ForwardedEvents>,
) -> Response {
    let guild = GuildId(guild);
    let count = forwarded.events.len();
    let session = internal.view.shard_of(guild);
    if session.is_some_and(|session| session.epoch > forwarded.shard_epoch) {
        // The session goes on elsewhere from an earlier event: one of these would hide those between.
        return (StatusCode::SERVICE_UNAVAILABLE, "the session is another pod's\n").into_response();
    }
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    {
        let _owned = match internal.guard(guild, forwarded.epoch).await {
            Ok(owned) => owned,
            Err(answer) => {
                internal.loads.wait(guild, count);
                return *answer;
            }
        };
        internal.loads.count(guild, count);
        for event in forwarded.events {
            let (session, frame, received_at) = event.frame(guild);
            internal
                .workers
                .frame(guild, session, frame, received_at, Some(acknowledge.clone()))
                .await;
        }
    }
    let all = async {
        for _ in 0..count {
            acknowledged.recv().await?;
        }
        Some(())
    };
    drop(acknowledge);
    match tokio::time::timeout(COMMIT, all).await {
        // With a lease after the commit, the file that another pod may take over has the events. A process that was
        // suspended in the middle commits to a file that nobody reads any more.
        Ok(Some(())) if internal.lease.is_valid() => StatusCode::OK.into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the events are not on disk yet\n").into_response(),
    }
}

/// Answers for each guild that is this pod's the last event of each session that is in the bucket.
async fn replicated(State(internal): State<Internal>, Json(guilds): Json<Vec<GuildId>>) -> Response {
    let Some(durability) = &internal.durability else {
        return (StatusCode::NOT_FOUND, "this pod replicates nothing\n").into_response();
    };
    let safe: ReplicatedEvents = guilds
        .into_iter()
        .filter_map(|guild| Some((guild, durability.replicator.safe(guild)?)))
        .collect();
    // What another pod may have taken over meanwhile is not in what it restored.
    if !internal.lease.is_valid() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the pod has no valid lease\n").into_response();
    }
    Json(safe).into_response()
}

/// Where each of this pod's guilds stands in the bucket.
async fn replication(State(internal): State<Internal>) -> Response {
    match &internal.durability {
        Some(durability) => Json(durability.replicator.standing()).into_response(),
        None => (StatusCode::NOT_FOUND, "this pod replicates nothing\n").into_response(),
    }
}

fn not_owner(internal: &Internal, guild: GuildId, epoch: i64) -> Response {
    let known = internal.view.guild(guild);
    let soon = known.as_ref().is_some_and(|known| {
        let mine = known.pod.as_ref() == Some(&internal.pod);
        // The sender knows more than this pod, or the guild is on its way in or out.
        epoch > known.epoch || (mine && (known.epoch == epoch || known.state == AssignmentState::Moving))
    });
    if soon || known.is_none() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the guild is on its way\n").into_response();
    }
    (StatusCode::MISDIRECTED_REQUEST, Json(known)).into_response()
}

/// Takes a guild's file for an epoch that may begin soon. It is used only if that epoch begins here.
async fn file(
    State(internal): State<Internal>,
    Path((guild, epoch)): Path<(u64, i64)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let guild = GuildId(guild);
    let digest = headers.get(DIGEST).and_then(|digest| digest.to_str().ok());
    let Some(digest) = digest.map(str::to_owned) else {
        return (StatusCode::BAD_REQUEST, format!("the header {DIGEST} is missing\n")).into_response();
    };
    match receive(&internal, guild, epoch, &digest, body).await {
        Ok(bytes) => {
            tracing::debug!(%guild, epoch, bytes, "a guild's file was delivered");
            StatusCode::OK.into_response()
        }
        Err(error) => {
            tracing::warn!(%guild, epoch, error = format!("{error:#}"), "a guild's file was not taken");
            (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response()
        }
    }
}

async fn receive(internal: &Internal, guild: GuildId, epoch: i64, digest: &str, body: Body) -> anyhow::Result<u64> {
    let place = internal.files.delivered(guild, epoch);
    let part = place.with_extension("part");
    let mut file = tokio::fs::File::create(&part).await?;
    let mut bytes = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        bytes += chunk.len() as u64;
        anyhow::ensure!(bytes <= FILE, "the file is larger than {FILE} bytes");
        file.write_all(&chunk).await?;
    }
    // Before the owner is told: it removes its own copy then.
    file.sync_all().await?;
    drop(file);
    let received = part.clone();
    let found = tokio::task::spawn_blocking(move || digest_of(&received)).await??;
    anyhow::ensure!(found == digest, "the file's SHA-256 is {found}, and not {digest}");
    tokio::fs::rename(part, place).await?;
    Ok(bytes)
}
