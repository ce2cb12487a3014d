//! `/api/guilds/{id}/…`, for programs in a signed-in browser: whoever may manage the guild is passed on to its owner.

use crate::Http;
use crate::owners::{Forward, ForwardBody, ForwardError, passed_on};
use crate::session::{CSRF, Session};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use guildhall_model::GuildId;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request is held while its guild has no owner.
pub(crate) const HOLD: Duration = Duration::from_secs(15);
/// Bodies up to so many bytes are kept, to be sent again to a new owner.
const KEPT: usize = 64 << 10;

/// Who is signed in, and the token that changes must carry.
pub(crate) async fn session(State(http): State<Http>, headers: HeaderMap) -> Response {
    match Session::of(&headers, &http.keys) {
        Some(session) => {
            Json(json!({ "user": session.user, "name": session.name, "csrf": session.csrf })).into_response()
        }
        None => complaint(StatusCode::UNAUTHORIZED, "sign in at /login"),
    }
}

/// The guild itself.
pub(crate) async fn guild(State(http): State<Http>, Path(guild): Path<u64>, request: Request) -> Response {
    forward(&http, GuildId(guild), "", request).await
}

/// What is below the guild.
pub(crate) async fn below_guild(
    State(http): State<Http>,
    Path((guild, rest)): Path<(u64, String)>,
    request: Request,
) -> Response {
    forward(&http, GuildId(guild), &format!("/{rest}"), request).await
}

async fn forward(http: &Http, guild: GuildId, rest: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(session) = Session::of(&parts.headers, &http.keys) else {
        return complaint(StatusCode::UNAUTHORIZED, "sign in at /login");
    };
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if changes && !session.is_meant(&parts.headers, http.login.origin()) {
        return complaint(
            StatusCode::FORBIDDEN,
            &format!("a change carries the session's token in the header {CSRF}; /api/session tells it"),
        );
    }
    match http.users.may_manage(&session, guild).await {
        Ok(true) => {}
        Ok(false) => {
            return complaint(
                StatusCode::FORBIDDEN,
                "this needs the permission Manage Server in the guild",
            );
        }
        Err(error) => return complaint(StatusCode::BAD_GATEWAY, &error.to_string()),
    }
    let body = match keep(body).await {
        Ok(body) => body,
        Err(error) => return complaint(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {error}")),
    };
    let query = parts.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let sent = http.owners.send(Forward {
        guild,
        path: format!("/api{rest}{query}"),
        headers: passed_on(&parts.headers),
        body,
        // What these say stays the same when it is said twice (RFC 9110, 9.2.2).
        repeatable: matches!(parts.method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE),
        method: parts.method,
        assign: false,
        until: Instant::now() + HOLD,
    });
    sent.await.unwrap_or_else(|error| failed(&error))
}

/// Keeps a short body; a long one is passed on as it comes.
async fn keep(body: Body) -> Result<ForwardBody, axum::Error> {
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::new();
    while let Some(chunk) = chunks.next().await {
        kept.extend_from_slice(&chunk?);
        if kept.len() > KEPT {
            let first = futures_util::stream::once(async move { Ok(kept.into()) });
            return Ok(ForwardBody::Stream(Body::from_stream(first.chain(chunks))));
        }
    }
    Ok(ForwardBody::Whole(kept.into()))
}

fn failed(error: &ForwardError) -> Response {
    let mut response = complaint(error.status(), &error.to_string());
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn complaint(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "complaints": [message] }))).into_response()
}
