//! Recording: one guild's events as they come, a line of JSON each, for `guildhall record`. Whoever reads too slowly is told how
//! many events it has missed; the guild's work never waits for it.
//!
//! An interaction's token answers in the bot's name while it lives: it never leaves the pod.

use crate::internal::Internal;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use futures_util::stream;
use guildhall_discord::Frame;
use guildhall_fleet::{ClusterSecret, require_secret};
use guildhall_gateway::{Tap, Tapped, Workers};
use guildhall_model::GuildId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where a guild's events are heard, below a pod's address.
const PATH: &str = "/internal/v1/guilds/{guild}/recording";
/// A line comes at least this often: a reader that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// One line of a recording on its way.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RecordedLine {
    /// The first line: the guild as it is now.
    Guild {
        /// The host's time, in milliseconds since the Unix epoch.
        at_ms: u64,
        /// The bot's user id.
        bot: String,
        /// The data of a GUILD_CREATE.
        described: Box<Value>,
    },
    /// An event.
    Event {
        /// When the host received it, in milliseconds since the Unix epoch.
        at_ms: u64,
        /// Discord's name of it.
        name: String,
        /// Its data.
        data: Box<RawValue>,
    },
    /// So many events are missing here.
    Missed(u64),
    /// Nothing has happened.
    Quiet,
}

/// The route of a standalone pod, behind a secret of its own.
pub fn standalone_recording(workers: Arc<Workers>, secret: ClusterSecret) -> Router {
    let whole = async |State(workers): State<Arc<Workers>>, Path(guild): Path<u64>| {
        record(&workers, GuildId(guild), || true).await
    };
    Router::new()
        .route(PATH, routing::get(whole))
        .layer(axum::middleware::from_fn_with_state(secret, require_secret))
        .with_state(workers)
}

/// The route of a fleet's pod.
pub(crate) fn routes() -> Router<Internal> {
    Router::new().route(PATH, routing::get(of_owner))
}

async fn of_owner(State(internal): State<Internal>, Path(guild): Path<u64>) -> Response {
    let guild = GuildId(guild);
    let owned = internal.owned.clone();
    // A guild that is being handed over is asked for at its next owner.
    let is_here = move || owned.holds_for_sure(guild);
    if !internal.owned.read().await.contains_key(&guild) {
        return (StatusCode::MISDIRECTED_REQUEST, "the guild is not this pod's\n").into_response();
    }
    record(&internal.workers, guild, is_here).await
}

async fn record(workers: &Workers, guild: GuildId, is_here: impl Fn() -> bool + Send + Sync + 'static) -> Response {
    // Heard before it is described, so that nothing falls between the two.
    let tap = match workers.taps().open(guild) {
        Ok(tap) => tap,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    };
    let Some(described) = workers.described(guild).await.await.ok().flatten() else {
        let reason = format!("there is no guild {guild} here that Discord has described\n");
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    tracing::info!(%guild, "a recording of the guild begins");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = RecordedLine::Guild {
        at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        bot: described.own_user.to_string(),
        described: Box::new(described.guild),
    };
    let lines = stream::unfold((Some(first), tap, is_here), async move |(first, mut tap, is_here)| {
        let line = match first {
            Some(first) => first,
            None => next(&mut tap, &is_here).await?,
        };
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        Some((Ok::<_, Infallible>(Bytes::from(text)), (None, tap, is_here)))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Body::from_stream(lines)).into_response()
}

async fn next(tap: &mut Tap, is_here: &impl Fn() -> bool) -> Option<RecordedLine> {
    match tokio::time::timeout(HEARTBEAT, tap.next()).await {
        Ok(Some(Tapped::Event { received_at, frame })) => Some(told(received_at, &frame)),
        Ok(Some(Tapped::Missed(missed))) => Some(RecordedLine::Missed(missed)),
        Ok(None) => None,
        Err(_) => is_here().then_some(RecordedLine::Quiet),
    }
}

fn told(at_ms: u64, frame: &Frame) -> RecordedLine {
    #[derive(Deserialize)]
    struct Dispatch {
        d: Box<RawValue>,
    }
    // The host has read it before.
    let data = serde_json::from_str::<Dispatch>(&frame.text).map(|dispatch| dispatch.d);
    let data = data.unwrap_or_else(|_| RawValue::NULL.to_owned());
    RecordedLine::Event {
        at_ms,
        name: frame.name.clone(),
        data: if frame.name == "INTERACTION_CREATE" {
            without_token(&data)
        } else {
            data
        },
    }
}

fn without_token(data: &RawValue) -> Box<RawValue> {
    let mut value: Value = serde_json::from_str(data.get()).unwrap_or_default();
    value["token"] = "recorded".into();
    serde_json::value::to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interactions_token_stays_here() {
        let text = r#"{"t":"INTERACTION_CREATE","s":1,"op":0,"d":{"id":"5","guild_id":"7","token":"secret-1","data":{"name":"ban"}}}"#;
        let frame = Frame::parse(text.into()).expect("a payload").expect("a dispatch");
        let line = serde_json::to_string(&told(9, &frame)).expect("a line");
        assert!(
            !line.contains("secret-1") && line.contains("\"ban\"") && line.contains("\"at_ms\":9"),
            "{line}"
        );
    }

    #[test]
    fn other_events_are_told_as_they_came() {
        let data = r#"{"guild_id":"7","content":"a  \u00e4"}"#;
        let text = format!(r#"{{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{data}}}"#);
        let frame = Frame::parse(text).expect("a payload").expect("a dispatch");
        let line = serde_json::to_string(&told(9, &frame)).expect("a line");
        assert!(line.contains(data), "{line}");
    }
}
