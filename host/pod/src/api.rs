//! What the portal and its API ask of a guild's owner: the guild's report, and its plugins' settings. Who may ask is the
//! HTTP role's to check.

use crate::internal::{Internal, epoch, trace};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use guildhall_gateway::GuildReport;
use guildhall_model::GuildId;
use serde_json::json;

/// The routes of one guild.
pub(crate) fn routes() -> Router<Internal> {
    Router::new()
        .route("/internal/v1/guilds/{guild}/api", routing::get(overview))
        .route("/internal/v1/guilds/{guild}/api/plugins", routing::get(plugins))
        .route(
            "/internal/v1/guilds/{guild}/api/plugins/{plugin}/settings",
            routing::put(set_settings),
        )
}

async fn overview(State(internal): State<Internal>, Path(guild): Path<u64>, headers: HeaderMap) -> Response {
    match report(&internal, GuildId(guild), &headers).await {
        Ok(report) => Json(report).into_response(),
        Err(answer) => *answer,
    }
}

async fn plugins(State(internal): State<Internal>, Path(guild): Path<u64>, headers: HeaderMap) -> Response {
    match report(&internal, GuildId(guild), &headers).await {
        Ok(report) => Json(report.plugins).into_response(),
        Err(answer) => *answer,
    }
}

async fn report(internal: &Internal, guild: GuildId, headers: &HeaderMap) -> Result<GuildReport, Box<Response>> {
    let _step = trace(headers).step("report");
    let asked = {
        let _owned = internal.guard(guild, epoch(headers)).await?;
        internal.workers.report(guild).await
    };
    match asked.await {
        Ok(Ok(report)) => Ok(report),
        outcome => Err(Box::new(failed(guild, &outcome))),
    }
}

/// Replaces a plugin's settings by a JSON object that fits the plugin's schema.
async fn set_settings(
    State(internal): State<Internal>,
    Path((guild, plugin)): Path<(u64, String)>,
    headers: HeaderMap,
    Json(settings): Json<serde_json::Value>,
) -> Response {
    let guild = GuildId(guild);
    let Some(complaints) = internal.workers.settings_complaints(&plugin, &settings) else {
        return refused(StatusCode::NOT_FOUND, vec![format!("there is no plugin {plugin:?}")]);
    };
    if !complaints.is_empty() {
        let complaints = complaints.iter().map(ToString::to_string).collect();
        return refused(StatusCode::UNPROCESSABLE_ENTITY, complaints);
    }
    let kept = {
        match internal.guard(guild, epoch(&headers)).await {
            Ok(_owned) => internal.workers.set_settings(guild, plugin, settings.to_string()).await,
            Err(answer) => return *answer,
        }
    };
    match kept.await {
        Ok(Ok(())) => Json(settings).into_response(),
        outcome => failed(guild, &outcome),
    }
}

fn refused(status: StatusCode, complaints: Vec<String>) -> Response {
    (status, Json(json!({ "complaints": complaints }))).into_response()
}

fn failed<T, E: std::fmt::Debug>(guild: GuildId, outcome: &Result<anyhow::Result<T>, E>) -> Response {
    let reason = match outcome {
        Ok(Err(error)) => format!("{error:#}"),
        _ => "its worker is gone".into(),
    };
    tracing::error!(%guild, reason, "a request cannot be answered");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "the guild's file cannot be used now\n",
    )
        .into_response()
}
