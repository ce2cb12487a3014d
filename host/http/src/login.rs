//! The login by Discord: OAuth2's authorization code with PKCE. What has to be remembered between leaving for Discord and
//! coming back is in a cookie of ten minutes.

use crate::Http;
use crate::portal::{Problem, go};
use crate::session::{Session, is_from, unix_seconds};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use guildhall_discord::HttpClient;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The cookie between leaving and coming back.
const PENDING: &str = "guildhall-login";
/// Longer nobody needs to click.
const PATIENCE: Duration = Duration::from_secs(600);
/// Sessions end after so long, sooner where Discord's token does.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The application at Discord, as far as logins need it.
#[derive(Debug)]
pub struct Login {
    client: Client,
    http: HttpClient,
    origin: String,
}

/// Why there can be no logins.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// An address is none.
    #[error("{0:?} is not an address like https://guildhall.example: {1}")]
    Address(String, String),
}

/// What is remembered meanwhile.
#[derive(Deserialize, Serialize)]
struct Pending {
    state: String,
    verifier: String,
}

/// What Discord sends people back with.
#[derive(Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Logout {
    csrf: String,
}

impl Login {
    /// Logins for this application, which is reached at `origin` (`https://guildhall.example`), by Discord at `discord`.
    pub fn new(
        http: HttpClient,
        discord: &str,
        origin: &str,
        application: &str,
        secret: &str,
    ) -> Result<Self, LoginError> {
        let wrong = |address: &str| {
            let address = address.to_owned();
            move |error: oauth2::url::ParseError| LoginError::Address(address, error.to_string())
        };
        let origin = origin.trim_end_matches('/');
        let authorize = AuthUrl::new(format!("{discord}/oauth2/authorize")).map_err(wrong(discord))?;
        let token = TokenUrl::new(format!("{discord}/api/oauth2/token")).map_err(wrong(discord))?;
        let back = RedirectUrl::new(format!("{origin}/login/callback")).map_err(wrong(origin))?;
        let client = BasicClient::new(ClientId::new(application.to_owned()))
            .set_client_secret(ClientSecret::new(secret.to_owned()))
            .set_auth_uri(authorize)
            .set_token_uri(token)
            .set_redirect_uri(back);
        Ok(Self {
            client,
            http,
            origin: origin.to_owned(),
        })
    }

    /// Where the portal is reached.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers reach it by TLS, so that cookies never travel without.
    fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreachable(String);

/// Leaves for Discord.
pub(crate) async fn begin(State(http): State<Http>) -> Response {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = http
        .login
        .client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(["identify", "guilds"].map(|scope| Scope::new(scope.into())))
        .set_pkce_challenge(challenge)
        .url();
    let pending = Pending {
        state: state.into_secret(),
        verifier: verifier.into_secret(),
    };
    let cookie = http.keys.seal(PENDING, &pending, PATIENCE, http.login.is_secure());
    (cookie, go(url.as_str())).into_response()
}

/// Comes back from Discord.
pub(crate) async fn finish(State(http): State<Http>, headers: HeaderMap, Query(returned): Query<Returned>) -> Response {
    match signed_in(&http, &headers, returned).await {
        Ok(session) => {
            let cookie = session.sealed(&http.keys, http.login.is_secure());
            (cookie, http.keys.remove(PENDING), go("/guilds")).into_response()
        }
        Err(problem) => (http.keys.remove(PENDING), problem).into_response(),
    }
}

async fn signed_in(http: &Http, headers: &HeaderMap, returned: Returned) -> Result<Session, Problem> {
    if let Some(error) = returned.error {
        tracing::info!(error, "Discord did not sign somebody in");
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "You were not signed in",
            "Discord says that the login was refused.",
        ));
    }
    let expired = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "This login is over",
            "It was begun in another browser, or too long ago. Begin again.",
        )
    };
    let pending: Pending = http.keys.open(PENDING, headers).ok_or_else(expired)?;
    let (Some(code), Some(state)) = (returned.code, returned.state) else {
        return Err(expired());
    };
    if state != pending.state {
        return Err(expired());
    }
    let client = http.login.http.clone();
    let exchange = move |request: HttpRequest| {
        let client = client.clone();
        async move { client.send(request).await.map_err(Unreachable) }
    };
    let token = http
        .login
        .client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
        .request_async(&exchange)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "Discord did not exchange a code for a token");
            Problem::discord()
        })?;
    let secret = token.access_token().secret().clone();
    let user = http.users.user(&secret).await.map_err(|error| {
        tracing::warn!(%error, "Discord did not tell who signed in");
        Problem::discord()
    })?;
    let lasts = token.expires_in().unwrap_or(LONGEST).min(LONGEST);
    Ok(Session {
        user: user.id.clone(),
        name: user.name(),
        token: secret,
        ends_at: unix_seconds() + lasts.as_secs(),
        csrf: format!("{:032x}", rand::random::<u128>()),
    })
}

/// Signs out.
pub(crate) async fn end(State(http): State<Http>, headers: HeaderMap, Form(logout): Form<Logout>) -> Response {
    let meant = Session::of(&headers, &http.keys)
        .is_none_or(|session| session.has_token(&logout.csrf) && is_from(&headers, http.login.origin()));
    if !meant {
        return Problem::forged().into_response();
    }
    (Session::ended(&http.keys), go("/")).into_response()
}
