//! A trace follows an event from the session to Discord's REST API, across pods.

use crate::support::*;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use guildhall_model::GuildId;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A span, as a collector sees it.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    trace: Vec<u8>,
    parent: Vec<u8>,
    id: Vec<u8>,
    pod: String,
}

fn spans(body: &Bytes) -> Vec<Seen> {
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut seen = Vec::new();
    for exported in request.resource_spans {
        let attributes = exported.resource.unwrap().attributes;
        let instance = attributes
            .iter()
            .find(|attribute| attribute.key == "service.instance.id");
        let pod = format!("{:?}", instance.unwrap().value);
        for span in exported.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            seen.push(Seen {
                name: span.name,
                trace: span.trace_id,
                parent: span.parent_span_id,
                id: span.span_id,
                pod: pod.clone(),
            });
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_follows_an_event_from_the_session_to_the_request_across_pods() {
    let collected = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let collector = collected.clone();
    let collect = move |body: Bytes| async move { collector.lock().unwrap().extend(spans(&body)) };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(collect))).await });

    let world = World::traced(2, 2, endpoint).await;
    let session = world.session_pod().await;
    let guild = GuildId(world.simulation.guild_ids()[0]);
    let client = world.fleet.client().unwrap();
    wait("the guild is assigned", async || client.guild(guild).await.is_ok()).await;
    if client.guild(guild).await.unwrap().pod.as_deref() == Some(session.as_str()) {
        let other = if session == "gateway-0" {
            "gateway-1"
        } else {
            "gateway-0"
        };
        client.move_guild(guild, other).await.unwrap();
    }
    wait("another pod owns the guild", async || {
        client.guild(guild).await.unwrap().pod.as_ref() != Some(&session)
    })
    .await;
    let load = guildhall_sim::LoadConfig {
        probe_every: 1,
        ..traffic(40)
    };
    world.simulation.run_load(load).await;
    world.assert_all_once().await;

    wait("a whole trace is exported", async || {
        let spans: Vec<Seen> = collected.lock().unwrap().clone();
        let by_id: HashMap<_, _> = spans.iter().map(|span| (span.id.clone(), span)).collect();
        spans.iter().filter(|span| span.name == "act").any(|act| {
            let mut way = vec![act];
            while let Some(parent) = way.last().and_then(|span| by_id.get(&span.parent)) {
                way.push(parent);
            }
            let names: Vec<_> = way.iter().rev().map(|span| span.name.as_str()).collect();
            let one_trace = way.iter().all(|span| span.trace == act.trace);
            let pods: Vec<_> = way.iter().rev().map(|span| span.pod.as_str()).collect();
            names == ["receive", "forward", "apply", "act"]
                && one_trace
                && pods[0] == pods[1]
                && pods[1] != pods[2]
                && pods[2] == pods[3]
        })
    })
    .await;
}
