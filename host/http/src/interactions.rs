//! `/interactions`: what Discord sends when somebody uses a command or component. The answer is due within three
//! seconds; where the owner has none in time it is deferred, and the plugin's answer follows by REST.

use crate::Http;
use crate::owners::{Forward, ForwardBody, Owners};
use crate::request::{REQUEST_ID, TRACE_PARENT};
use crate::signature::PublicKey;
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use guildhall_fleet::WAIT;
use guildhall_model::GuildId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// Discord waits for 3 seconds, its network's time included.
const ANSWER: Duration = Duration::from_millis(1500);
/// What an owner's own answer may take longer than it was told to wait.
const ROUND_TRIP: Duration = Duration::from_millis(300);
/// A deferred interaction is brought to an owner for so long: a failover ends before.
const DELIVER: Duration = Duration::from_secs(60);
/// Bytes of an owner's answer.
const ANSWER_BYTES: usize = 1 << 20;

/// Discord, Interaction Types.
const PING: u8 = 1;
const COMPONENT: u8 = 3;
const AUTOCOMPLETE: u8 = 4;

/// What the endpoint needs.
#[derive(Debug)]
pub struct Interactions {
    key: PublicKey,
    /// Interactions that were deferred and have no owner yet.
    deferred: TaskTracker,
}

#[derive(Deserialize)]
struct Head {
    r#type: u8,
    guild_id: Option<String>,
}

impl Interactions {
    /// An endpoint for the application with this key.
    pub fn new(key: PublicKey) -> Self {
        Self {
            key,
            deferred: TaskTracker::new(),
        }
    }

    /// Waits until every deferred interaction is with an owner, or given up.
    pub async fn finish(&self) {
        self.deferred.close();
        self.deferred.wait().await;
    }
}

/// Answers an interaction.
pub(crate) async fn handle(State(http): State<Http>, headers: HeaderMap, body: Bytes) -> Response {
    let arrived = Instant::now();
    let Some(interactions) = &http.interactions else {
        return (
            StatusCode::NOT_FOUND,
            "this pod has no public key: set http.public_key\n",
        )
            .into_response();
    };
    if let Err(error) = interactions.key.verify(&headers, &body, SystemTime::now()) {
        count("refused");
        return (StatusCode::UNAUTHORIZED, format!("{error}\n")).into_response();
    }
    let Ok(head) = serde_json::from_slice::<Head>(&body) else {
        count("refused");
        return (StatusCode::BAD_REQUEST, "this is no interaction\n").into_response();
    };
    if head.r#type == PING {
        return Json(json!({ "type": PING })).into_response();
    }
    let Some(guild) = head.guild_id.and_then(|id| id.parse().ok()).map(GuildId) else {
        count("outside");
        // Discord, Interaction Callback Types: 4 is a message; flag 64 shows it to one person.
        let data = json!({ "content": "This works in servers only.", "flags": 64 });
        return Json(json!({ "type": 4, "data": data })).into_response();
    };
    let request = |wait: Duration, until: Instant| Forward {
        guild,
        method: Method::POST,
        path: "/interactions".into(),
        headers: forwarded_headers(&headers, wait),
        body: ForwardBody::Whole(body.clone()),
        // The owner knows an interaction by its id.
        repeatable: true,
        assign: true,
        until,
    };
    let due = arrived + ANSWER;
    let wait = due.saturating_duration_since(Instant::now());
    match tokio::time::timeout(wait + ROUND_TRIP, answer(&http.owners, request(wait, due))).await {
        Ok(Owner::Answered(first)) => {
            count("answered");
            return Json(first).into_response();
        }
        Ok(Owner::Took) => count("deferred"),
        Ok(Owner::None) | Err(_) => {
            count("delivered_later");
            let (owners, later) = (http.owners.clone(), request(Duration::ZERO, Instant::now() + DELIVER));
            interactions.deferred.spawn(async move {
                if let Owner::None = answer(&owners, later).await {
                    tracing::error!(%guild, "an interaction was deferred, and no pod took it");
                }
            });
        }
    }
    Json(deferral(head.r#type)).into_response()
}

/// What came of bringing an interaction to the owner.
enum Owner {
    /// It has the first answer.
    Answered(Value),
    /// It has the interaction; the answer leaves by REST.
    Took,
    /// There is none now.
    None,
}

async fn answer(owners: &Owners, request: Forward) -> Owner {
    let guild = request.guild;
    match owners.send(request).await {
        Ok(response) if response.status() == StatusCode::OK => match to_bytes(response.into_body(), ANSWER_BYTES).await
        {
            Ok(body) => serde_json::from_slice(&body).map_or(Owner::Took, Owner::Answered),
            Err(_) => Owner::Took,
        },
        Ok(response) if response.status() == StatusCode::ACCEPTED => Owner::Took,
        Ok(response) => {
            tracing::warn!(%guild, status = response.status().as_u16(), "an owner does not take an interaction");
            Owner::None
        }
        Err(error) => {
            tracing::debug!(%guild, %error, "an interaction waits for an owner");
            Owner::None
        }
    }
}

/// Tells Discord that the answer follows (Interaction Callback Types: 5 a message, 6 an update of the component's
/// message; flag 64 shows the answer to one person); suggestions cannot follow, so there are none.
fn deferral(interaction: u8) -> Value {
    match interaction {
        COMPONENT => json!({ "type": 6 }),
        AUTOCOMPLETE => json!({ "type": 8, "data": { "choices": [] } }),
        _ => json!({ "type": 5, "data": { "flags": 64 } }),
    }
}

fn forwarded_headers(headers: &HeaderMap, wait: Duration) -> HeaderMap {
    let mut forwarded: HeaderMap = [REQUEST_ID, TRACE_PARENT]
        .into_iter()
        .filter_map(|name| headers.get(&name).map(|value| (name, value.clone())))
        .collect();
    forwarded.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    forwarded.insert(WAIT, HeaderValue::from(wait));
    forwarded
}

fn count(result: &'static str) {
    metrics::counter!("guildhall_interactions_total", "result" => result).increment(1);
}
