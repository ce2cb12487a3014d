//! What every request has: an id, a trace where one is followed, figures, and headers that keep browsers from being used against their users.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use guildhall_trace::Trace;
use std::time::Instant;

/// Answers carry it, logs name it, owners get it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context.
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// No scripts, nothing from elsewhere but Discord's pictures, no frames.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https://cdn.discordapp.com; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Gives the request an id and a trace where it has none, and counts it.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = accepted(request.headers(), &REQUEST_ID, is_request_id)
        .unwrap_or_else(|| text(format!("{:032x}", rand::random::<u128>())));
    let parent = accepted(request.headers(), &TRACE_PARENT, is_trace_parent);
    let caller = parent.as_ref().and_then(|parent| parent.to_str().ok());
    let mut step = match caller.map(Trace::from_header) {
        Some(trace) if trace != Trace::default() => trace.step("request"),
        _ => Trace::begin("request"),
    };
    request.headers_mut().insert(REQUEST_ID, id.clone());
    request.headers_mut().remove(TRACE_PARENT);
    if let Some(trace) = step.trace().to_header().map(text).or(parent) {
        request.headers_mut().insert(TRACE_PARENT, trace);
    }
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    step.note("route", route.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let (status, took) = (response.status(), started.elapsed());
    metrics::counter!("guildhall_http_requests_total", "route" => route.clone(), "status" => status.as_str().to_owned())
        .increment(1);
    metrics::histogram!("guildhall_http_request_seconds", "route" => route.clone()).record(took);
    tracing::debug!(%method, route, status = status.as_u16(), ?took, request = ?id, "answered");
    response
}

fn accepted(headers: &HeaderMap, name: &HeaderName, is_right: fn(&str) -> bool) -> Option<HeaderValue> {
    headers
        .get(name)
        .filter(|value| value.to_str().is_ok_and(is_right))
        .cloned()
}

/// Digits and hyphens are always a header's value.
fn text(text: String) -> HeaderValue {
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0"))
}

fn is_request_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal; neither id is zero (W3C Trace Context, 3.2).
fn is_trace_parent(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let is_hex = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    matches!(parts.as_slice(), ["00", trace, parent, flags]
        if trace.len() == 32 && parent.len() == 16 && flags.len() == 2
            && [trace, parent, flags].into_iter().all(|part| is_hex(part))
            && trace.bytes().any(|byte| byte != b'0') && parent.bytes().any(|byte| byte != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_traces_are_taken_over() {
        assert!(is_trace_parent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        for wrong in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "4bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert!(!is_trace_parent(wrong), "{wrong}");
        }
    }
}
