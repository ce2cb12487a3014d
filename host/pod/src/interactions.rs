//! Interactions that came over HTTP, at the owner of their guild: they run as the dispatch that the gateway would have
//! brought, and the first answer goes back the same way if it is there in time.

use crate::internal::{COMMIT, Internal, epoch, trace};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use guildhall_discord::{Frame, Waiting};
use guildhall_fleet::WAIT;
use guildhall_model::{GuildId, InteractionId};
use serde::Deserialize;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// The route of one guild.
pub(crate) fn routes() -> Router<Internal> {
    Router::new().route("/internal/v1/guilds/{guild}/interactions", routing::post(interaction))
}

#[derive(Deserialize)]
struct Head {
    id: String,
    r#type: u8,
    token: String,
}

/// Answers 200 with the first answer; 202 when it was not there in time, and leaves by REST when it comes; 503 when
/// the interaction is not on disk.
async fn interaction(
    State(internal): State<Internal>,
    Path(guild): Path<u64>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let guild = GuildId(guild);
    let (Ok(head), Ok(text)) = (serde_json::from_slice::<Head>(&body), std::str::from_utf8(&body)) else {
        return (StatusCode::BAD_REQUEST, "this is no interaction\n").into_response();
    };
    let Ok(id) = head.id.parse().map(InteractionId) else {
        return (StatusCode::BAD_REQUEST, "the interaction's id is no snowflake\n").into_response();
    };
    let wait = headers
        .get(WAIT)
        .and_then(|wait| wait.to_str().ok()?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_millis);
    // Whoever does not wait has deferred it.
    let (deferred, started) = (wait.is_zero(), Instant::now());
    let waiting = Waiting {
        guild,
        id,
        token: head.token.clone(),
        // Discord, Interaction Types.
        component: head.r#type == 3,
    };
    if deferred && let Some(answer) = internal.deferrals.deferred(waiting.clone()) {
        return match internal.rest.answer_late(id, &head.token, &answer).await {
            Ok(()) => StatusCode::ACCEPTED.into_response(),
            Err(error) => {
                tracing::warn!(%guild, %error, "a late answer to an interaction is not sent yet");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        };
    }
    let answered = internal.rest.responses().wait_for(id);
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    match internal.guard(guild, epoch(&headers)).await {
        Ok(_owned) => {
            let frame = Frame {
                name: "INTERACTION_CREATE".into(),
                guild: Some(guild),
                sequence: 0,
                trace: trace(&headers),
                text: format!(r#"{{"t":"INTERACTION_CREATE","s":0,"op":0,"d":{text}}}"#),
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let received_at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            internal
                .workers
                .interaction(guild, id, frame, received_at, acknowledge)
                .await;
        }
        Err(answer) => return *answer,
    }
    let commit = if deferred { COMMIT } else { wait };
    let Ok(Some(())) = tokio::time::timeout(commit, acknowledged.recv()).await else {
        // The next try finds it taken, or a luckier owner.
        return (StatusCode::SERVICE_UNAVAILABLE, "the interaction is not on disk yet\n").into_response();
    };
    let left = wait.saturating_sub(started.elapsed());
    match tokio::time::timeout(left, answered).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        _ => match internal.deferrals.deferred(waiting) {
            Some(answer) => Json(answer).into_response(),
            None => StatusCode::ACCEPTED.into_response(),
        },
    }
}
