//! Requests to a real server with TLS, which is let in as on a developer's machine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use guildhall_harness::HttpsServer;
use guildhall_model::HttpMethod;
use guildhall_outbound::{Failure, Outbound, OutboundConfig, Request, SetupError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const HOST: &str = "api.example.org";

fn asking(path: &str) -> (String, BTreeSet<String>) {
    (format!("https://{HOST}{path}"), BTreeSet::from([HOST.to_owned()]))
}

fn config(server: &HttpsServer) -> OutboundConfig {
    OutboundConfig {
        extra_roots: Some(server.certificate()),
        development_addresses: BTreeMap::from([(HOST.to_owned(), server.address())]),
        ..OutboundConfig::default()
    }
}

fn get_of(url: &str) -> Request<'_> {
    Request {
        method: HttpMethod::Get,
        url,
        headers: &[],
        body: &[],
        timeout: Duration::from_secs(10),
    }
}

fn no_answer(failed: Result<guildhall_model::HttpResponse, Failure>) -> String {
    match failed {
        Err(Failure::NoAnswer(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_comes_back_whole() {
    let told = async |method: Method, headers: HeaderMap, body: Bytes| {
        let key = headers["x-key"].to_str().unwrap();
        let agent = headers[header::USER_AGENT].to_str().unwrap();
        let body = String::from_utf8_lossy(&body);
        let answer = format!("{method} {key} {} {body}", agent.starts_with("guildhall/"));
        (StatusCode::IM_A_TEAPOT, [("x-found", "1")], answer)
    };
    let server = HttpsServer::start(HOST, Router::new().route("/check", any(told)))
        .await
        .unwrap();
    let outbound = Outbound::new(&config(&server)).unwrap();
    let (url, hosts) = asking("/check?a=b");
    let headers = [("X-Key".to_owned(), "secret".to_owned())];
    for (method, name) in [(HttpMethod::Post, "POST"), (HttpMethod::Patch, "PATCH")] {
        let request = Request {
            method,
            headers: &headers,
            body: b"text",
            ..get_of(&url)
        };
        let response = outbound.send(&hosts, &request).await.unwrap();
        assert_eq!(response.status, 418, "an answer is one, whatever it says");
        assert!(response.headers.contains(&("x-found".into(), "1".into())));
        assert_eq!(response.body, format!("{name} secret true text").into_bytes());
    }
    let headless = Request {
        method: HttpMethod::Head,
        headers: &headers,
        ..get_of(&url)
    };
    assert_eq!(outbound.send(&hosts, &headless).await.unwrap().body, b"");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nothing_follows_it() {
    let followed = Arc::new(AtomicUsize::new(0));
    let counting = followed.clone();
    let routes = Router::new()
        .route("/", get(async || (StatusCode::FOUND, [(header::LOCATION, "/private")])))
        .route(
            "/private",
            get(async move || {
                counting.fetch_add(1, Ordering::Relaxed);
            }),
        );
    let server = HttpsServer::start(HOST, routes).await.unwrap();
    let outbound = Outbound::new(&config(&server)).unwrap();
    let (url, hosts) = asking("/");
    let response = outbound.send(&hosts, &get_of(&url)).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.contains(&("location".into(), "/private".into())));
    assert_eq!(followed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_is_slow_or_large_is_no_answer() {
    let endless = || futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 1024])));
    let dripping = || {
        futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"a")), ()))
        })
    };
    let routes = Router::new()
        .route("/endless", get(async move || Body::from_stream(endless())))
        .route("/dripping", get(async move || Body::from_stream(dripping())))
        .route("/never", get(async || std::future::pending::<()>().await))
        .route(
            "/headers",
            get(async || [("x-large", "a".repeat(2000))].into_response()),
        )
        .route("/fits", get(async || "a".repeat(500)));
    let server = HttpsServer::start(HOST, routes).await.unwrap();
    let small = OutboundConfig {
        max_bytes: 1000,
        ..config(&server)
    };
    let outbound = Outbound::new(&small).unwrap();
    for path in ["/endless", "/headers"] {
        let (url, hosts) = asking(path);
        let reason = no_answer(outbound.send(&hosts, &get_of(&url)).await);
        assert!(reason.contains("larger than 1000 bytes"), "{reason}");
    }
    for path in ["/never", "/dripping"] {
        let (url, hosts) = asking(path);
        let request = Request {
            timeout: Duration::from_millis(300),
            ..get_of(&url)
        };
        let reason = no_answer(outbound.send(&hosts, &request).await);
        assert!(reason.contains("within 300ms"), "{reason}");
    }
    let (url, hosts) = asking("/fits");
    assert_eq!(outbound.send(&hosts, &get_of(&url)).await.unwrap().body.len(), 500);
}

#[tokio::test]
async fn only_a_trusted_certificate_for_the_very_host_is_taken() {
    let server = HttpsServer::start(HOST, Router::new()).await.unwrap();
    let untrusting = OutboundConfig {
        extra_roots: None,
        ..config(&server)
    };
    let (url, hosts) = asking("/");
    let reason = no_answer(Outbound::new(&untrusting).unwrap().send(&hosts, &get_of(&url)).await);
    assert!(reason.contains("certificate"), "{reason}");

    let other = HttpsServer::start("other.example.org", Router::new()).await.unwrap();
    let misled = OutboundConfig {
        extra_roots: Some(other.certificate()),
        ..config(&other)
    };
    let reason = no_answer(Outbound::new(&misled).unwrap().send(&hosts, &get_of(&url)).await);
    assert!(reason.contains("certificate"), "{reason}");
}

#[test]
fn roots_that_are_none_are_named() {
    let unreadable = OutboundConfig {
        extra_roots: Some(env!("CARGO_MANIFEST_DIR").into()),
        ..OutboundConfig::default()
    };
    let error = Outbound::new(&unreadable).unwrap_err();
    assert!(matches!(error, SetupError::Roots { .. }), "{error}");
    let empty = OutboundConfig {
        extra_roots: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()),
        ..OutboundConfig::default()
    };
    let error = Outbound::new(&empty).unwrap_err().to_string();
    assert!(error.contains("Cargo.toml") && error.contains("none"), "{error}");
}
