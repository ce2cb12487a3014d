//! A simulation's own HTTP interface below `/sim`: for whoever runs it in another process.

use crate::fault::RestFault;
use crate::load::LoadConfig;
use crate::simulation::Simulation;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    guild: u64,
    channel: String,
    author: u64,
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dispatched {
    name: String,
    guild: u64,
    data: Value,
}

type Handle = State<Arc<Simulation>>;

pub(crate) fn routes(simulation: Arc<Simulation>) -> Router {
    Router::new()
        .route(
            "/journal",
            get(|State(simulation): Handle| async move { Json(simulation.journal()) }),
        )
        .route(
            "/stats",
            get(|State(simulation): Handle| async move { Json(simulation.stats()) }),
        )
        .route(
            "/latency",
            get(|State(simulation): Handle| async move { Json(simulation.latencies()) })
                .delete(|State(simulation): Handle| async move { simulation.reset_latencies() }),
        )
        .route("/guilds", get(guilds))
        .route("/message", post(say))
        .route(
            "/dispatch",
            post(|State(simulation): Handle, Json(event): Json<Dispatched>| async move {
                simulation.dispatch(&event.name, event.guild, &event.data);
            }),
        )
        .route(
            "/load",
            post(|State(simulation): Handle, Json(load): Json<LoadConfig>| async move {
                Json(simulation.run_load(load).await)
            }),
        )
        .route(
            "/fault/rest",
            post(|State(simulation): Handle, Json(fault): Json<RestFault>| async move {
                simulation.rest_fault(fault);
            }),
        )
        .route(
            "/fault/drop",
            post(|State(simulation): Handle| async move { simulation.drop_connections() }),
        )
        .route(
            "/fault/reconnect",
            post(|State(simulation): Handle| async move { simulation.request_reconnect() }),
        )
        .route(
            "/fault/close/{code}",
            post(|State(simulation): Handle, Path(code): Path<u16>| async move {
                simulation.close_connections(code);
            }),
        )
        .route(
            "/fault/invalidate/{resumable}",
            post(|State(simulation): Handle, Path(resumable): Path<bool>| async move {
                simulation.invalidate_sessions(resumable);
            }),
        )
        .route(
            "/fault/half-open/{on}",
            post(|State(simulation): Handle, Path(on): Path<bool>| async move {
                simulation.set_half_open(on);
            }),
        )
        .route(
            "/fault/duplicate/{count}",
            post(|State(simulation): Handle, Path(count): Path<u32>| async move {
                simulation.duplicate_dispatches(count);
            }),
        )
        .with_state(simulation)
}

async fn guilds(State(simulation): Handle) -> Json<Value> {
    let state = simulation.shared().lock();
    let guilds = state.world.guilds.values().map(|guild| {
        let channels: serde_json::Map<_, _> = guild
            .channels
            .values()
            .map(|channel| (channel.name.clone(), json!(channel.id.to_string())))
            .collect();
        let people: Vec<_> = guild.people.iter().take(20).map(ToString::to_string).collect();
        json!({ "id": guild.id.to_string(), "name": guild.name, "channels": channels, "people": people })
    });
    Json(guilds.collect())
}

async fn say(State(simulation): Handle, Json(said): Json<Said>) -> Json<Value> {
    match simulation.channel_id(said.guild, &said.channel) {
        Some(channel) => {
            let id = simulation.send_message(said.guild, channel, said.author, &said.content);
            Json(json!({ "id": id.to_string() }))
        }
        None => Json(json!({ "error": format!("guild {} has no channel {:?}", said.guild, said.channel) })),
    }
}
