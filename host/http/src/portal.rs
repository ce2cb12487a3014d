//! The portal's pages: my guilds, a guild, a plugin's settings. Rendered here, whole, without a script.

use crate::Http;
use crate::api::HOLD;
use crate::discord::DiscordError;
use crate::form::{self, Field, Input};
use crate::owners::{Forward, ForwardBody, ForwardError};
use crate::plot::{Day, Plot};
use crate::request::{REQUEST_ID, TRACE_PARENT};
use crate::session::{Session, is_from};
use askama::Template;
use axum::Form;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use guildhall_model::GuildId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use tokio::time::Instant;

/// Bytes of an owner's report.
const REPORT: usize = 4 << 20;
const ICON: &str = include_str!("../assets/icon.svg");
const STYLE: &str = include_str!("../assets/portal.css");

/// A page that says what is wrong and what to do.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub(crate) struct Problem {
    #[template(skip)]
    status: StatusCode,
    title: &'static str,
    message: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {}

#[derive(Template)]
#[template(path = "guilds.html")]
struct Guilds {
    session: Session,
    managed: Vec<Named>,
    /// Guilds that they manage and the bot is not in.
    others: usize,
}

struct Named {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    session: Session,
    guild: Named,
    report: Report,
    kib: u64,
    plots: Vec<Plot>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    session: Session,
    guild: Named,
    plugin: Plugin,
    fields: Vec<Field>,
    complaints: Vec<String>,
    saved: bool,
}

/// What the owner reports of a guild.
#[derive(Debug, Deserialize)]
struct Report {
    channels: usize,
    roles: usize,
    bytes: u64,
    outbox: u64,
    days: Vec<Day>,
    plugins: Vec<Plugin>,
}

#[derive(Debug, Deserialize)]
struct Plugin {
    id: String,
    version: String,
    switched_off: bool,
    schema: Value,
    settings: Value,
    #[serde(default)]
    series: Vec<Series>,
}

/// A figure of a plugin by day.
#[derive(Debug, Deserialize)]
struct Series {
    name: String,
    days: Vec<(u64, u64)>,
}

#[derive(Deserialize)]
struct Complaints {
    complaints: Vec<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            title,
            message: message.into(),
        }
    }

    /// Discord failed us.
    pub(crate) fn discord() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "Discord does not answer",
            "Your login could not be finished. Try again in a moment.",
        )
    }

    /// Somebody else's page sent the form.
    pub(crate) fn forged() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This form is too old",
            "It was made for another login. Go back, load the page again, and send it again.",
        )
    }

    fn not_yours() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This guild is not yours to manage",
            "You need the permission Manage Server in it.",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, page(&self)).into_response()
    }
}

impl From<DiscordError> for Problem {
    fn from(error: DiscordError) -> Self {
        let status = match error {
            DiscordError::Ended => StatusCode::UNAUTHORIZED,
            DiscordError::Away(_) => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, "Discord does not tell your guilds", error.to_string())
    }
}

impl From<ForwardError> for Problem {
    fn from(error: ForwardError) -> Self {
        Self::new(error.status(), "The guild does not answer now", error.to_string())
    }
}

/// Another page, loaded anew.
pub(crate) fn go(address: &str) -> Redirect {
    Redirect::to(address)
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let mut response = Html(html).into_response();
            // Pages are of one person and one moment.
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The first page.
pub(crate) async fn home(State(http): State<Http>, headers: HeaderMap) -> Response {
    match Session::of(&headers, &http.keys) {
        Some(_) => go("/guilds").into_response(),
        None => page(&SignIn {}),
    }
}

/// What every page but the first looks like.
pub(crate) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, STYLE).into_response()
}

/// What a tab shows.
pub(crate) async fn icon() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, ICON).into_response()
}

/// There is no such page.
pub(crate) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "Go to your guilds instead.",
    )
}

/// The guilds that somebody manages and the bot is in.
pub(crate) async fn guilds(State(http): State<Http>, headers: HeaderMap) -> Response {
    let Some(session) = Session::of(&headers, &http.keys) else {
        return go("/").into_response();
    };
    let known = match http.users.guilds(&session).await {
        Ok(known) => known,
        Err(error) => return Problem::from(error).into_response(),
    };
    let managed: Vec<_> = known.iter().filter(|guild| guild.may_manage()).collect();
    let here: Vec<_> = managed
        .iter()
        .filter(|guild| guild.guild().is_some_and(|guild| http.owners.knows(guild)))
        .map(|guild| Named {
            id: guild.id.clone(),
            name: guild.name.clone(),
        })
        .collect();
    page(&Guilds {
        others: managed.len() - here.len(),
        managed: here,
        session,
    })
}

/// Somebody who may manage this guild.
async fn manager(http: &Http, headers: &HeaderMap, guild: GuildId) -> Result<(Session, Named), Response> {
    let session = Session::of(headers, &http.keys).ok_or_else(|| go("/").into_response())?;
    let known = http
        .users
        .guilds(&session)
        .await
        .map_err(|error| Problem::from(error).into_response())?;
    let found = known
        .iter()
        .find(|known| known.guild() == Some(guild) && known.may_manage())
        .ok_or_else(|| Problem::not_yours().into_response())?;
    let named = Named {
        id: found.id.clone(),
        name: found.name.clone(),
    };
    Ok((session, named))
}

/// A guild.
pub(crate) async fn overview(State(http): State<Http>, headers: HeaderMap, Path(guild): Path<u64>) -> Response {
    let guild = GuildId(guild);
    let (session, named) = match manager(&http, &headers, guild).await {
        Ok(manager) => manager,
        Err(answer) => return answer,
    };
    match ask::<Report>(&http, guild, Method::GET, String::new(), &headers, Bytes::new()).await {
        Ok(Ok(report)) => page(&Overview {
            plots: plots(&report),
            kib: report.bytes.div_ceil(1024),
            session,
            guild: named,
            report,
        }),
        Ok(Err(refusal)) => refused(&refusal).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// What the host counts, and what plugins give.
fn plots(report: &Report) -> Vec<Plot> {
    let series = report.plugins.iter().flat_map(|plugin| &plugin.series);
    let of_plugins = series.map(|series| Plot::of(&series.name, series.days.iter().copied()));
    let days = || report.days.iter();
    let mut plots = vec![
        Plot::of("messages", days().map(|day| (day.day, day.messages))),
        Plot::of("actions", days().map(|day| (day.day, day.actions))),
    ];
    plots.extend(of_plugins);
    plots
}

/// A plugin's settings.
pub(crate) async fn settings(
    State(http): State<Http>,
    headers: HeaderMap,
    Path((guild, plugin)): Path<(u64, String)>,
) -> Response {
    let guild = GuildId(guild);
    let (session, named) = match manager(&http, &headers, guild).await {
        Ok(manager) => manager,
        Err(answer) => return answer,
    };
    match find_plugin(&http, guild, &plugin, &headers).await {
        Ok(plugin) => page(&Settings {
            fields: form::fields(&plugin.schema, &plugin.settings),
            complaints: Vec::new(),
            saved: false,
            session,
            guild: named,
            plugin,
        }),
        Err(problem) => problem.into_response(),
    }
}

/// Takes the form of a plugin's settings.
pub(crate) async fn save_settings(
    State(http): State<Http>,
    headers: HeaderMap,
    Path((guild, plugin)): Path<(u64, String)>,
    Form(sent): Form<HashMap<String, String>>,
) -> Response {
    let guild = GuildId(guild);
    let (session, named) = match manager(&http, &headers, guild).await {
        Ok(manager) => manager,
        Err(answer) => return answer,
    };
    let token = sent.get("csrf").map_or("", String::as_str);
    if !session.has_token(token) || !is_from(&headers, http.login.origin()) {
        return Problem::forged().into_response();
    }
    let plugin = match find_plugin(&http, guild, &plugin, &headers).await {
        Ok(plugin) => plugin,
        Err(problem) => return problem.into_response(),
    };
    let mut fields = form::fields(&plugin.schema, &plugin.settings);
    let settings = form::settings(&fields, &sent);
    form::fill(&mut fields, &sent);
    let path = format!("/plugins/{}/settings", plugin.id);
    let body = Bytes::from(settings.to_string());
    let (status, complaints) = match ask::<Value>(&http, guild, Method::PUT, path, &headers, body).await {
        Ok(Ok(_)) => (StatusCode::OK, Vec::new()),
        Ok(Err(refusal)) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => (
            refusal.status,
            serde_json::from_slice::<Complaints>(&refusal.body)
                .map_or_else(|_| vec!["the settings were refused".into()], |known| known.complaints),
        ),
        Ok(Err(refusal)) => return refused(&refusal).into_response(),
        Err(error) => return Problem::from(error).into_response(),
    };
    let form = Settings {
        saved: complaints.is_empty(),
        session,
        guild: named,
        plugin,
        fields,
        complaints,
    };
    (status, page(&form)).into_response()
}

async fn find_plugin(http: &Http, guild: GuildId, plugin: &str, headers: &HeaderMap) -> Result<Plugin, Problem> {
    let plugins = ask::<Vec<Plugin>>(http, guild, Method::GET, "/plugins".into(), headers, Bytes::new()).await?;
    let plugins = plugins.map_err(|refusal| refused(&refusal))?;
    plugins.into_iter().find(|known| known.id == plugin).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "There is no such plugin",
            "It may have been taken out meanwhile.",
        )
    })
}

/// What an owner answered instead of what it was asked for.
struct Refusal {
    status: StatusCode,
    body: Bytes,
}

fn refused(refusal: &Refusal) -> Problem {
    tracing::warn!(
        status = refusal.status.as_u16(),
        "an owner refused what the portal asked"
    );
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "The guild does not answer now",
        "Its file cannot be used at the moment. Try again in a moment.",
    )
}

async fn ask<T: DeserializeOwned>(
    http: &Http,
    guild: GuildId,
    method: Method,
    path: String,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Result<T, Refusal>, ForwardError> {
    let mut passed: HeaderMap = [REQUEST_ID, TRACE_PARENT]
        .into_iter()
        .filter_map(|name| headers.get(&name).map(|value| (name, value.clone())))
        .collect();
    passed.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let answer = http
        .owners
        .send(Forward {
            guild,
            method,
            path: format!("/api{path}"),
            headers: passed,
            body: ForwardBody::Whole(body),
            repeatable: true,
            assign: false,
            until: Instant::now() + HOLD,
        })
        .await?;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), REPORT)
        .await
        .map_err(|_| ForwardError::Broken(guild))?;
    if !status.is_success() {
        return Ok(Err(Refusal { status, body }));
    }
    Ok(serde_json::from_slice(&body).map_err(|error| {
        tracing::error!(%guild, %error, "an owner's answer cannot be read; is it of another version?");
        Refusal { status, body }
    }))
}
