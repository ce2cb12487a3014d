//! Sending requests to Discord and sorting the answers. One request, one answer: waiting and repeating are the
//! dispatcher's.
//!
//! twilight-http's own client is not used to send: it repeats a global 429 at once, and reads the buckets' headers only
//! of refusals.

use crate::decode;
use crate::http_client::HttpClient;
use crate::rate_limits::BucketHeaders;
use crate::request::{Outgoing, after_first_answer, message_to, request_for};
use crate::responses::Responses;
use bytes::Bytes;
use guildhall_model::{Action, GuildId, InteractionId, OutboxEntry, Outcome, Refusal, TextFile, UserId};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::OnceCell;
use twilight_http::routing::Route;

/// Discord, Interaction Callback Types.
const MODAL: u8 = 9;
/// What Discord calls an interaction that has a first answer.
pub(crate) const ALREADY_ACKNOWLEDGED: u32 = 40_060;

/// Discord's REST API, for one bot.
pub struct Rest {
    client: HttpClient,
    base: String,
    authorization: HeaderValue,
    application: OnceCell<u64>,
    responses: Responses,
}

/// Why a request has no outcome yet, or never will have one.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// A rate limit: ask again later.
    #[error("rate limited for {after:?}")]
    RateLimited {
        /// How long to wait.
        after: Duration,
        /// Whether the bot as a whole is limited.
        global: bool,
    },
    /// Discord failed or cannot be reached: the same request may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The token is not valid: every further request only counts against the bot.
    #[error("Discord does not accept the bot's token (401); set DISCORD_TOKEN to a valid one and start again")]
    Unauthorized,
    /// Discord refused for good.
    #[error("Discord refused: {} (code {}, HTTP {})", .0.message, .0.code, .0.status)]
    Refused(Refusal),
    /// There is no TLS to be had.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The token cannot be put into a header.
    #[error("the bot's token holds characters that no token has; set DISCORD_TOKEN again")]
    Token,
}

/// What Discord grants the bot's gateway sessions (`GET /gateway/bot`).
#[derive(Clone, Debug, Deserialize)]
pub struct GatewayInformation {
    /// Where to connect.
    pub url: String,
    /// How many shards Discord recommends.
    pub shards: u32,
    /// What is left for new sessions.
    pub session_start_limit: SessionStartLimit,
}

/// How many sessions may be started.
#[derive(Clone, Debug, Deserialize)]
pub struct SessionStartLimit {
    /// Per day.
    pub total: u32,
    /// Left now.
    pub remaining: u32,
    /// Milliseconds until it starts again.
    pub reset_after: u64,
    /// Sessions that may be started in one period of 5 seconds.
    pub max_concurrency: u32,
}

/// An answer, with what it says of rate limits.
pub(crate) struct Answer {
    pub(crate) bucket: Option<BucketHeaders>,
    pub(crate) result: Result<Bytes, RestError>,
}

impl Rest {
    /// A client for this token. `plain_http` is the `host:port` of a simulation or proxy; none for Discord itself.
    pub fn new(token: &str, plain_http: Option<&str>) -> Result<Self, RestError> {
        let client = HttpClient::new().map_err(RestError::Tls)?;
        let token = token.trim_start_matches("Bot ");
        let mut authorization = HeaderValue::from_str(&format!("Bot {token}")).map_err(|_| RestError::Token)?;
        authorization.set_sensitive(true);
        let base = match plain_http {
            Some(authority) => format!("http://{authority}/api/v10/"),
            None => "https://discord.com/api/v10/".into(),
        };
        Ok(Self {
            client,
            base,
            authorization,
            application: OnceCell::new(),
            responses: Responses::default(),
        })
    }

    /// The bot's own user.
    pub async fn own_user(&self) -> Result<UserId, RestError> {
        #[derive(Deserialize)]
        struct OwnUser {
            id: String,
        }
        let user: OwnUser = self.get(&Route::GetCurrentUser).await?;
        user.id
            .parse()
            .map_err(|_| RestError::Transient(format!("the bot's user id {:?} is no snowflake", user.id)))
    }

    /// What Discord grants the bot's gateway sessions.
    pub async fn gateway_information(&self) -> Result<GatewayInformation, RestError> {
        self.get(&Route::GetGatewayBot).await
    }

    pub(crate) async fn get<T: for<'de> Deserialize<'de>>(&self, route: &Route<'_>) -> Result<T, RestError> {
        let body = self.send(&Outgoing::to_route(route)).await.result?;
        serde_json::from_slice(&body)
            .map_err(|error| RestError::Transient(format!("the answer has not the documented shape: {error}")))
    }

    /// Sends the request of a committed action.
    pub(crate) async fn perform(
        &self,
        entry: &OutboxEntry,
        request: &Outgoing,
    ) -> (Option<BucketHeaders>, Result<Outcome, RestError>) {
        let Answer { bucket, result } = match &entry.submitted.action {
            Action::Respond { interaction, .. } if self.responses.is_deferred(*interaction) => Answer {
                bucket: None,
                result: self.respond_again(&entry.submitted.action).await,
            },
            Action::Respond { interaction, .. } => {
                let answer = self.send(request).await;
                if answer.result.is_ok() {
                    self.responses.answered(*interaction);
                }
                answer
            }
            _ => self.send(request).await,
        };
        let result = match (&entry.submitted.action, result) {
            (Action::SendDirectMessage { body, .. }, Ok(channel)) => match decode::channel(&channel) {
                Ok(channel) => self.send(&message_to(channel.id.0, body, &entry.nonce)).await.result,
                Err(error) => Err(RestError::Transient(format!("Discord named no channel: {error}"))),
            },
            (Action::Respond { .. }, Err(RestError::Refused(refusal))) if refusal.code == ALREADY_ACKNOWLEDGED => {
                self.respond_again(&entry.submitted.action).await
            }
            (_, result) => result,
        };
        (
            bucket,
            result
                .and_then(|body| outcome(entry, &body))
                .or_else(|error| settle(&entry.submitted.action, error)),
        )
    }

    /// The interaction was deferred, or this answer has left before: what it says takes the place of what is there.
    async fn respond_again(&self, action: &Action) -> Result<Bytes, RestError> {
        let Action::Respond {
            interaction,
            token,
            kind,
            data,
        } = action
        else {
            return Ok(Bytes::new());
        };
        let update_deferred = self.responses.is_update_deferred(*interaction);
        let said = match after_first_answer(self.application().await?, token, *kind, data, update_deferred) {
            Some(request) => self.send(&request).await.result?,
            // A modal opens at once or not at all.
            None if *kind == MODAL && self.responses.is_deferred(*interaction) => {
                tracing::warn!(
                    "a modal came after its interaction was deferred and cannot be opened; its user is told to try again"
                );
                self.say_unanswered(token, update_deferred).await?;
                Bytes::new()
            }
            // A deferral says nothing that Discord does not know.
            None => return Ok(Bytes::new()),
        };
        self.responses.answered(*interaction);
        Ok(said)
    }

    /// Sends an answer that was given to somebody who did not wait for it any more; the interaction is deferred.
    pub async fn answer_late(
        &self,
        interaction: InteractionId,
        token: &str,
        answer: &serde_json::Value,
    ) -> Result<(), RestError> {
        let kind = answer["type"].as_u64().and_then(|kind| u8::try_from(kind).ok());
        let data = answer.get("data").map(ToString::to_string).unwrap_or_default();
        let (application, as_update) = (
            self.application().await?,
            self.responses.is_update_deferred(interaction),
        );
        if let Some(request) = after_first_answer(application, token, kind.unwrap_or(0), &data, as_update) {
            self.send(&request).await.result?;
        }
        self.responses.sent_late(interaction);
        self.responses.answered(interaction);
        Ok(())
    }

    /// Who waits for answers to interactions.
    pub fn responses(&self) -> &Responses {
        &self.responses
    }

    /// The bot's application.
    pub(crate) async fn application(&self) -> Result<u64, RestError> {
        #[derive(Deserialize)]
        struct Application {
            id: String,
        }
        let ask = async {
            let application: Application = self.get(&Route::GetCurrentUserApplicationInfo).await?;
            let unreadable =
                |_| RestError::Transient(format!("the application's id {:?} is no snowflake", application.id));
            application.id.parse().map_err(unreadable)
        };
        self.application.get_or_try_init(|| ask).await.copied()
    }

    pub(crate) async fn send(&self, request: &Outgoing) -> Answer {
        let failed = |reason| Answer {
            bucket: None,
            result: Err(RestError::Transient(reason)),
        };
        let request = match self.http_request(request) {
            Ok(request) => request,
            Err(reason) => return failed(reason),
        };
        match self.client.send(request).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Answer {
                    bucket: bucket_headers(&parts.headers),
                    result: sort(parts.status.as_u16(), &parts.headers, body.into()),
                }
            }
            Err(reason) => failed(reason),
        }
    }

    fn http_request(&self, request: &Outgoing) -> Result<http::Request<Bytes>, String> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.base, request.path))
            .header(
                USER_AGENT,
                concat!("DiscordBot (guildhall, ", env!("CARGO_PKG_VERSION"), ")"),
            );
        if !request.is_interaction() {
            builder = builder.header(AUTHORIZATION, self.authorization.clone());
        }
        if let Some(reason) = &request.reason {
            builder = builder.header("x-audit-log-reason", percent_encoded(reason));
        }
        let body = match &request.body {
            Some(body) if !request.files.is_empty() => {
                let (kind, parts) = multipart(body, &request.files);
                builder = builder.header(CONTENT_TYPE, kind);
                parts
            }
            Some(body) => {
                builder = builder.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        builder
            .body(body)
            .map_err(|error| format!("the request cannot be written: {error}"))
    }
}

/// The request for a committed action; none for one that is the host's own.
pub(crate) fn request(guild: GuildId, entry: &OutboxEntry) -> Option<Outgoing> {
    request_for(guild, entry)
}

/// A message with files (Discord, Uploading Files): the content type, and the parts.
fn multipart(body: &serde_json::Value, files: &[TextFile]) -> (String, Bytes) {
    // No text holds it by chance.
    let boundary = format!("guildhall-{:032x}", rand::random::<u128>());
    let mut parts = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
    );
    for (index, file) in files.iter().enumerate() {
        let name: String = file
            .name
            .chars()
            .map(|character| {
                if character.is_control() || character == '"' {
                    '_'
                } else {
                    character
                }
            })
            .collect();
        parts.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"files[{index}]\"; filename=\"{name}\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
            file.text
        ));
    }
    parts.push_str(&format!("--{boundary}--\r\n"));
    (format!("multipart/form-data; boundary={boundary}"), Bytes::from(parts))
}

fn sort(status: u16, headers: &HeaderMap, body: Bytes) -> Result<Bytes, RestError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ErrorBody {
        code: u32,
        message: String,
        retry_after: Option<f64>,
        global: bool,
    }
    if (200..300).contains(&status) {
        return Ok(body);
    }
    // A proxy's page is no JSON: then the status alone speaks.
    let error: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
    Err(match status {
        401 => RestError::Unauthorized,
        429 => {
            let header = headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
            let seconds = error.retry_after.or(header).unwrap_or(5.0).clamp(0.0, 3600.0);
            RestError::RateLimited {
                after: Duration::from_secs_f64(seconds),
                global: error.global || headers.contains_key("x-ratelimit-global"),
            }
        }
        408 | 500.. => RestError::Transient(format!("Discord answered {status} {}", error.message)),
        _ => RestError::Refused(Refusal {
            status,
            code: error.code,
            message: error.message,
        }),
    })
}

fn bucket_headers(headers: &HeaderMap) -> Option<BucketHeaders> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    Some(BucketHeaders {
        bucket: text("x-ratelimit-bucket")?.to_owned(),
        remaining: text("x-ratelimit-remaining")?.parse().ok()?,
        reset_after: Duration::try_from_secs_f64(text("x-ratelimit-reset-after")?.parse().ok()?).ok()?,
    })
}

/// What the plugin learns of a request that succeeded.
fn outcome(entry: &OutboxEntry, body: &[u8]) -> Result<Outcome, RestError> {
    let submitted = &entry.submitted;
    if submitted.token.is_none() {
        return Ok(Outcome::Done);
    }
    let read = match submitted.action {
        Action::SendMessage { .. }
        | Action::SendDirectMessage { .. }
        | Action::EditMessage { .. }
        | Action::FetchMessage { .. } => decode::message(body).map(|message| Outcome::Message(Box::new(message))),
        Action::FetchMessages { .. } => decode::messages(body)
            .map(|listed| Outcome::Messages(listed.into_iter().filter_map(|(_, message)| message).collect())),
        Action::CreateThread { .. } | Action::CreateChannel { .. } => decode::channel(body).map(Outcome::Channel),
        Action::FetchMember { .. } => decode::member(body).map(Outcome::Member),
        Action::FetchAuditLog { .. } => decode::audit_log(body).map(Outcome::AuditLog),
        _ => Ok(Outcome::Done),
    };
    // It was done: asking again would do it twice.
    Ok(read.unwrap_or_else(|error| {
        let message = format!("it was done, but Discord's answer has not the documented shape: {error}");
        Outcome::Refused(Refusal {
            status: 200,
            code: 0,
            message,
        })
    }))
}

/// A refusal whose end state is the one that was asked for is a success: a repeated action looks so.
fn settle(action: &Action, error: RestError) -> Result<Outcome, RestError> {
    const UNKNOWN_MEMBER: u32 = 10_007;
    const UNKNOWN_MESSAGE: u32 = 10_008;
    const UNKNOWN_BAN: u32 = 10_026;
    let RestError::Refused(refusal) = error else {
        return Err(error);
    };
    let done = match action {
        Action::DeleteMessages { messages, .. } => messages.len() == 1 && refusal.code == UNKNOWN_MESSAGE,
        Action::Kick { .. } | Action::RemoveRole { .. } => refusal.code == UNKNOWN_MEMBER,
        Action::Unban { .. } => refusal.code == UNKNOWN_BAN,
        Action::RemoveThreadMember { .. } => refusal.code == UNKNOWN_MEMBER,
        _ => false,
    };
    Ok(if done { Outcome::Done } else { Outcome::Refused(refusal) })
}

/// Header values are ASCII: Discord decodes the reason from percent-encoded UTF-8.
fn percent_encoded(reason: &str) -> String {
    reason
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b' ' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
