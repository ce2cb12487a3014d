//! Discord's OAuth2 as its documentation says: a page where somebody agrees, codes that work once, tokens that speak for
//! them. Who is signed in at Discord is chosen on the page.

use crate::state::Shared;
use crate::world::World;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the simulated application's secret is.
pub const CLIENT_SECRET: &str = "sim-client-secret";
/// Seconds that a token lives.
const TOKEN_LIFE: u64 = 604_800;
/// Codes are good for a minute.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// Codes and tokens that were given out.
#[derive(Default)]
pub(crate) struct Grants {
    codes: HashMap<String, Code>,
    tokens: HashMap<String, u64>,
}

struct Code {
    user: u64,
    redirect_uri: String,
    challenge: Option<String>,
    at: Instant,
}

impl Grants {
    /// Who a token speaks for.
    pub(crate) fn user(&self, token: &str) -> Option<u64> {
        self.tokens.get(token).copied()
    }
}

#[derive(Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    #[serde(default)]
    state: String,
    code_challenge: Option<String>,
    user: Option<u64>,
}

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/oauth2/authorize", get(ask).post(agree))
        .route("/api/oauth2/token", post(token))
        .with_state(shared)
}

fn is_right(shared: &Shared, asked: &Asked) -> bool {
    shared.lock().world.bot.to_string() == asked.client_id && asked.response_type == "code"
}

/// The page on which somebody agrees.
async fn ask(State(shared): State<Arc<Shared>>, Query(asked): Query<Asked>) -> Response {
    if !is_right(&shared, &asked) {
        return (StatusCode::BAD_REQUEST, "invalid_request").into_response();
    }
    let field = |name: &str, value: &str| {
        format!(
            "<input type=hidden name={name} value=\"{}\">",
            value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
        )
    };
    let mut fields = [
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("scope", &asked.scope),
        ("state", &asked.state),
    ]
    .map(|(name, value)| field(name, value))
    .concat();
    if let Some(challenge) = &asked.code_challenge {
        fields.push_str(&field("code_challenge", challenge));
    }
    let state = shared.lock();
    let people: String = state
        .world
        .guilds
        .values()
        .flat_map(|guild| {
            let somebody = guild.people.iter().find(|person| **person != guild.owner).copied();
            [Some((guild.owner, "owner")), somebody.map(|person| (person, "member"))]
                .into_iter()
                .flatten()
                .map(|(user, what)| format!("<option value={user}>{what} of {}</option>", guild.name))
        })
        .collect();
    Html(format!(
        "<!doctype html><html lang=en><title>Authorize</title><h1>Simulated Discord</h1><form method=post>{fields}\
         <p><label>Sign in as <select name=user>{people}</select></label><p><button>Authorize</button></form>"
    ))
    .into_response()
}

async fn agree(State(shared): State<Arc<Shared>>, Form(asked): Form<Asked>) -> Response {
    if !is_right(&shared, &asked) {
        return (StatusCode::BAD_REQUEST, "invalid_request").into_response();
    }
    let mut state = shared.lock();
    let code = format!("code-{}", state.world.snowflakes.next());
    let user = asked.user.unwrap_or_default();
    let separator = if asked.redirect_uri.contains('?') { '&' } else { '?' };
    let back = format!("{}{separator}code={code}&state={}", asked.redirect_uri, asked.state);
    let granted = Code {
        user,
        redirect_uri: asked.redirect_uri,
        challenge: asked.code_challenge,
        at: Instant::now(),
    };
    state.grants.codes.insert(code, granted);
    Redirect::to(&back).into_response()
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, Form(exchange): Form<Exchange>) -> Response {
    let mut state = shared.lock();
    let client = state.world.bot.to_string();
    let in_body =
        exchange.client_id.as_deref() == Some(&client) && exchange.client_secret.as_deref() == Some(CLIENT_SECRET);
    if !in_body && !in_header(&headers, &client) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if exchange.grant_type != "authorization_code" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // A code works once, rightly used or not.
    let code = state.grants.codes.remove(&exchange.code);
    let good = code.filter(|code| {
        let verified = code.challenge.as_ref().is_none_or(|challenge| {
            let verifier = exchange.code_verifier.as_deref().unwrap_or_default();
            *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
        });
        verified && code.redirect_uri == exchange.redirect_uri && code.at.elapsed() < CODE_LIFE
    });
    let Some(code) = good else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let token = format!("user-token-{}", state.world.snowflakes.next());
    state.grants.tokens.insert(token.clone(), code.user);
    Json(json!({
        "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE, "refresh_token": "none",
        "scope": "identify guilds",
    }))
    .into_response()
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// HTTP Basic with the application's id and secret.
fn in_header(headers: &HeaderMap, client: &str) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{client}:{CLIENT_SECRET}")));
    let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    presented == Some(expected.as_str())
}

/// What `GET /users/@me/guilds` answers for this person.
pub(crate) fn guilds_of(world: &World, user: u64) -> Value {
    let theirs = world.guilds.values().filter(|guild| guild.members.contains_key(&user));
    theirs
        .map(|guild| {
            json!({
                "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null,
                "owner": guild.owner == user, "permissions": guild.permissions(user).to_string(), "features": [],
            })
        })
        .collect()
}
