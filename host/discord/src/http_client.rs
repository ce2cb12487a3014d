//! The HTTP client that everything of ours asks Discord with: its TLS trusts the web's roots, and a request is sent once.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Time that a request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 8 << 20;

/// Pooled connections to Discord, or to a simulation that speaks plain HTTP.
#[derive(Clone, Debug)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    /// A client; an error says that there is no TLS to be had.
    pub fn new() -> Result<Self, String> {
        crate::session::choose_crypto_provider();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| error.to_string())?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(connector);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a request and reads the whole answer; an error says why there is none.
    pub async fn send<B: Into<Bytes>>(&self, request: Request<B>) -> Result<Response<Vec<u8>>, String> {
        let exchange = async {
            let response = self
                .0
                .request(request.map(|body| Full::new(body.into())))
                .await
                .map_err(|error| describe(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| format!("the answer cannot be read: {error}"))?;
            Ok(Response::from_parts(parts, body.to_bytes().into()))
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("Discord did not answer within {TIMEOUT:?}")))
    }
}

fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = format!("Discord cannot be reached: {error}");
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    words
}
