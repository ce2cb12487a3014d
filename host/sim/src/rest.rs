//! REST: every request goes the same way: token, limits, faults, route, journal.

mod channels;
mod commands;
mod guilds;
mod interactions;
mod messages;

pub(crate) use guilds::{audit_deletion, ban, remove_member, unban};
pub(crate) use interactions::take_first_answer;
pub(crate) use messages::{count_reaction, delete};

use crate::fault::RestFault;
use crate::journal::JournalEntry;
use crate::limits::{BucketState, Refused};
use crate::snowflake::now_ms;
use crate::state::{Shared, State};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A request, read.
pub(crate) struct Request<'http> {
    pub(crate) method: &'http str,
    /// Below `/api/v10`.
    pub(crate) segments: Vec<&'http str>,
    pub(crate) query: &'http str,
    pub(crate) body: Value,
    pub(crate) reason: Option<String>,
}

/// What a route answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) deduplicated: bool,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            deduplicated: false,
        }
    }

    pub(crate) fn empty() -> Self {
        Self {
            status: 204,
            body: Value::Null,
            deduplicated: false,
        }
    }

    pub(crate) fn error(status: u16, code: u32, message: &str) -> Self {
        Self {
            status,
            body: json!({ "message": message, "code": code }),
            deduplicated: false,
        }
    }

    fn code(&self) -> u32 {
        self.body["code"]
            .as_u64()
            .and_then(|code| u32::try_from(code).ok())
            .filter(|_| self.status >= 400)
            .unwrap_or(0)
    }
}

/// What a request is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    /// The route's name in the journal; empty for paths that do not exist.
    pub(crate) route: &'static str,
    pub(crate) guild: Option<u64>,
    pub(crate) channel: Option<u64>,
    pub(crate) user: Option<u64>,
    pub(crate) messages: Vec<u64>,
}

impl Request<'_> {
    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }
}

/// Answers a request below `/api`.
pub(crate) async fn handle(shared: Arc<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri
        .path()
        .trim_start_matches("/api")
        .trim_start_matches("/v10")
        .trim_start_matches("/v9");
    let reason = headers
        .get("x-audit-log-reason")
        .and_then(|value| value.to_str().ok())
        .map(percent_decoded);
    let request = Request {
        method: method.as_str(),
        segments: path.split('/').filter(|segment| !segment.is_empty()).collect(),
        query: uri.query().unwrap_or_default(),
        body: read_body(&headers, &body),
        reason,
    };
    let mut subject = subject(&request);
    let fault = shared.lock().faults.take(path);
    if let Some(fault) = fault.as_ref().filter(|fault| fault.delay_ms > 0) {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let fault = fault.filter(|fault| fault.status != 200);
    let now = Instant::now();
    let (answer, bucket, headers, dropped) = {
        let mut state = shared.lock();
        if let Some(channel) = subject.channel {
            subject.guild = state.world.guild_of_channel(channel);
        } else if let Some(interaction) = interactions::of(&state, &request) {
            (subject.guild, subject.user) = (Some(interaction.guild), Some(interaction.user));
        }
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        let person = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| state.grants.user(token));
        let for_people = matches!(subject.route, "get-own-user" | "get-own-guilds");
        let authorized = (person.is_some() && for_people)
            || subject.route == "interaction-callback"
            || subject.route.starts_with("webhook")
            || authorization.and_then(|value| value.strip_prefix("Bot ")) == Some(state.token.as_str());
        let mut extra = HeaderMap::new();
        let mut bucket = None;
        let mut dropped = false;
        let answer = if state.limits.is_banned(shared.config.invalid_request_limit, now) {
            Answer {
                status: 429,
                body: Value::String("error code: 1015".into()),
                deduplicated: false,
            }
        } else if !authorized {
            Answer::error(401, 0, "401: Unauthorized")
        } else if let Err(refused) = take_room(&shared, &mut state, &subject, now, &mut bucket) {
            refused_answer(refused, &mut extra)
        } else if let Some(fault) = fault {
            if fault.after_applying {
                let applied = route(&shared, &mut state, &request, &subject);
                record(&mut state, &request, &subject, &applied, true);
            }
            dropped = fault.status == 0;
            fault_answer(&fault, &mut extra)
        } else if let Some(person) = person {
            match subject.route {
                "get-own-guilds" => Answer::ok(crate::oauth2::guilds_of(&state.world, person)),
                _ => Answer::ok(crate::object::user(&state.world, person)),
            }
        } else {
            route(&shared, &mut state, &request, &subject)
        };
        state.stats.requests += 1;
        if answer.status == 429 {
            state.stats.rate_limited += 1;
        }
        let shared_limit = extra.get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        if matches!(answer.status, 401 | 403 | 429) && !shared_limit {
            state.limits.invalid(now);
        }
        record(&mut state, &request, &subject, &answer, false);
        (answer, bucket, extra, dropped)
    };
    shared.changed.notify_waiters();
    if dropped {
        // There is no way to end the connection from here; an answer that never ends its body does it.
        let never = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("dropped on demand")) });
        return Response::builder()
            .header("content-length", "1000")
            .body(axum::body::Body::from_stream(never))
            .unwrap_or_default();
    }
    respond(answer, bucket, headers)
}

fn respond(answer: Answer, bucket: Option<BucketState>, headers: HeaderMap) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match &answer.body {
        Value::Null => status.into_response(),
        Value::String(page) => (status, page.clone()).into_response(),
        body => (status, [("content-type", "application/json")], body.to_string()).into_response(),
    };
    response.headers_mut().extend(headers);
    if let Some(bucket) = bucket {
        let reset_after = bucket.reset_after.as_secs_f64();
        for (name, value) in [
            ("x-ratelimit-bucket", bucket.name.to_owned()),
            ("x-ratelimit-limit", bucket.limit.to_string()),
            ("x-ratelimit-remaining", bucket.remaining.to_string()),
            (
                "x-ratelimit-reset",
                format!("{:.3}", now_ms() as f64 / 1000.0 + reset_after),
            ),
            ("x-ratelimit-reset-after", format!("{reset_after:.3}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

fn take_room(
    shared: &Shared,
    state: &mut State,
    subject: &Subject,
    now: Instant,
    bucket: &mut Option<BucketState>,
) -> Result<(), Refused> {
    // Interaction endpoints are outside of the bot's limit (Rate Limits, Global Rate Limit).
    let interaction = subject.route == "interaction-callback" || subject.route.starts_with("webhook");
    if let Some(limit) = shared.config.global_limit.filter(|_| !interaction) {
        state.limits.global(limit, now)?;
    }
    if shared.config.route_limits && !subject.route.is_empty() {
        let resource = subject.channel.or(subject.guild).unwrap_or(0);
        match state.limits.route(subject.route, resource, now) {
            Ok(state) => *bucket = Some(state),
            Err(refused) => {
                if let Refused::Route(state) = refused {
                    *bucket = Some(state);
                }
                return Err(refused);
            }
        }
    }
    Ok(())
}

fn refused_answer(refused: Refused, headers: &mut HeaderMap) -> Answer {
    match refused {
        Refused::Global(after) => too_many(after, "global", headers),
        Refused::Route(bucket) => too_many(bucket.reset_after, "user", headers),
    }
}

fn fault_answer(fault: &RestFault, headers: &mut HeaderMap) -> Answer {
    match fault.status {
        429 => too_many(Duration::from_millis(fault.retry_after_ms), &fault.scope, headers),
        status => {
            let reason = StatusCode::from_u16(status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("fault");
            Answer::error(status, fault.code, &format!("{status}: {reason}"))
        }
    }
}

fn too_many(after: Duration, scope: &str, headers: &mut HeaderMap) -> Answer {
    let global = scope == "global";
    let whole_seconds = after.as_secs_f64().ceil();
    for (name, value) in [
        ("retry-after", format!("{whole_seconds}")),
        ("x-ratelimit-scope", scope.to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
    }
    let body =
        json!({ "message": "You are being rate limited.", "retry_after": after.as_secs_f64(), "global": global });
    Answer {
        status: 429,
        body,
        deduplicated: false,
    }
}

fn record(state: &mut State, request: &Request<'_>, subject: &Subject, answer: &Answer, dropped: bool) {
    let applied = (200..300).contains(&answer.status) && request.method != "GET" && !answer.deduplicated;
    // A refusal for good is the end of it too.
    if !dropped && !matches!(answer.status, 401 | 429 | 500..) {
        for message in &subject.messages {
            state.latencies.acted_on(*message);
        }
    }
    state.journal.push(JournalEntry {
        at_ms: now_ms(),
        method: request.method.to_owned(),
        path: request.segments.join("/"),
        route: if subject.route.is_empty() {
            "unknown".into()
        } else {
            subject.route.into()
        },
        guild: subject.guild,
        channel: subject.channel,
        user: subject.user,
        messages: subject.messages.clone(),
        status: if dropped { 0 } else { answer.status },
        code: answer.code(),
        applied,
        deduplicated: answer.deduplicated,
        body: request.body.clone(),
        reason: request.reason.clone(),
    });
}

/// A JSON body, or that of a form with files (Uploading Files): then the files stand as its attachments.
fn read_body(headers: &HeaderMap, body: &Bytes) -> Value {
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        return serde_json::from_slice(body).unwrap_or_default();
    };
    let text = String::from_utf8_lossy(body);
    let (mut message, mut attachments) = (Value::Null, Vec::new());
    for part in text.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else {
            continue;
        };
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        if head.contains("name=\"payload_json\"") {
            message = serde_json::from_str(content).unwrap_or_default();
        } else if let Some(name) = head.split("filename=\"").nth(1).and_then(|name| name.split('"').next()) {
            attachments.push(json!({
                "id": attachments.len().to_string(), "filename": name, "size": content.len(), "content_type": "text/plain",
                "url": format!("https://cdn.discordapp.com/attachments/0/0/{name}"), "text": content,
            }));
        }
    }
    message["attachments"] = attachments.into();
    message
}

/// Names the route and what it is about.
fn subject(request: &Request<'_>) -> Subject {
    let id = |text: &str| text.parse::<u64>().ok();
    let mut subject = Subject::default();
    subject.route = match (request.method, request.segments.as_slice()) {
        ("GET", ["gateway"]) => "get-gateway",
        ("GET", ["gateway", "bot"]) => "get-gateway-bot",
        ("GET", ["users", "@me"]) => "get-own-user",
        ("GET", ["users", "@me", "guilds"]) => "get-own-guilds",
        ("POST", ["users", "@me", "channels"]) => {
            subject.user = request.body["recipient_id"].as_str().and_then(id);
            "create-direct-channel"
        }
        ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => "get-application",
        ("GET", ["applications", _, "commands"]) => "list-commands",
        ("PUT", ["applications", _, "commands"]) => "set-commands",
        ("POST", ["applications", _, "commands"]) => "create-command",
        ("GET", ["applications", _, "commands", _]) => "get-command",
        ("PATCH", ["applications", _, "commands", _]) => "edit-command",
        ("DELETE", ["applications", _, "commands", _]) => "delete-command",
        (method, ["channels", channel, rest @ ..]) => {
            subject.channel = id(channel);
            let first_message = match rest {
                ["messages", message, ..] => id(message),
                _ => None,
            };
            subject.messages.extend(first_message);
            match (method, rest) {
                ("GET", []) => "get-channel",
                ("PATCH", []) => "edit-channel",
                ("PUT", ["thread-members", _]) => "add-thread-member",
                ("DELETE", ["thread-members", _]) => "remove-thread-member",
                ("GET", ["messages"]) => "list-messages",
                ("POST", ["messages"]) => "send-message",
                ("POST", ["messages", "bulk-delete"]) => {
                    subject.messages = request.body["messages"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|message| id(message.as_str()?))
                        .collect();
                    "bulk-delete"
                }
                ("GET", ["messages", _]) => "get-message",
                ("PATCH", ["messages", _]) => "edit-message",
                ("DELETE", ["messages", _]) => "delete-message",
                ("PUT", ["messages", _, "reactions", _, "@me"]) => "add-reaction",
                ("POST", ["messages", _, "threads"] | ["threads"]) => "create-thread",
                _ => "",
            }
        }
        (method, ["guilds", guild, rest @ ..]) => {
            subject.guild = id(guild);
            if let ["members" | "bans", user, ..] = rest {
                subject.user = id(user);
            }
            match (method, rest) {
                ("GET", []) => "get-guild",
                ("GET", ["channels"]) => "list-channels",
                ("POST", ["channels"]) => "create-channel",
                ("GET", ["members", _]) => "get-member",
                ("PATCH", ["members", _]) => "edit-member",
                ("DELETE", ["members", _]) => "kick",
                ("PUT", ["members", _, "roles", _]) => "add-role",
                ("DELETE", ["members", _, "roles", _]) => "remove-role",
                ("PUT", ["bans", _]) => "ban",
                ("DELETE", ["bans", _]) => "unban",
                ("GET", ["audit-logs"]) => "audit-log",
                _ => "",
            }
        }
        ("POST", ["interactions", _, _, "callback"]) => "interaction-callback",
        ("POST", ["webhooks", _, _]) => "webhook-send",
        ("PATCH", ["webhooks", _, _, "messages", _]) => "webhook-edit",
        _ => "",
    };
    subject
}

fn route(shared: &Shared, state: &mut State, request: &Request<'_>, subject: &Subject) -> Answer {
    match subject.route {
        "" => Answer::error(404, 0, "404: Not Found"),
        "get-gateway" => Answer::ok(json!({ "url": shared.gateway_url() })),
        "get-gateway-bot" => {
            let config = &shared.config;
            Answer::ok(json!({
                "url": shared.gateway_url(), "shards": config.shards,
                "session_start_limit": {
                    "total": config.identify_limit,
                    "remaining": config.identify_limit.saturating_sub(state.identifies_today),
                    "reset_after": 86_400_000, "max_concurrency": config.max_concurrency,
                },
            }))
        }
        "get-own-user" => Answer::ok(crate::object::user(&state.world, state.world.bot)),
        "get-own-guilds" => Answer::ok(crate::oauth2::guilds_of(&state.world, state.world.bot)),
        "get-application" => Answer::ok(json!({
            "id": state.world.bot.to_string(), "name": "Guildhall", "description": "", "flags": 565_248,
            "bot_public": true, "bot_require_code_grant": false, "verify_key": hex::encode(shared.signing_key.verifying_key()),
        })),
        "list-commands" | "set-commands" | "create-command" | "get-command" | "edit-command" | "delete-command" => {
            commands::route(state, request, subject.route)
        }
        "create-direct-channel" => channels::direct(state, &request.body),
        "create-channel" => match subject.guild.filter(|guild| state.world.guilds.contains_key(guild)) {
            Some(guild) => channels::create(state, guild, &request.body),
            None => Answer::error(404, 10_004, "Unknown Guild"),
        },
        "interaction-callback" | "webhook-send" | "webhook-edit" => interactions::route(state, request, subject),
        _ if subject.channel.is_some() || request.segments[0] == "channels" => {
            messages::route(shared, state, request, subject)
        }
        _ => guilds::route(state, request, subject),
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
