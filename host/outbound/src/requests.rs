//! One request, one answer or the reason why there is none.

use crate::connect::{Lookup, NotPublic, PublicConnector, system_lookup};
use bytes::Bytes;
use guildhall_model::{HttpMethod, HttpResponse, names_host};
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The longest that a request may take, whatever the plugin says.
const LONGEST: Duration = Duration::from_secs(10);
/// Connections are kept so long for another request.
const IDLE: Duration = Duration::from_secs(30);
/// What the host says of itself.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("guildhall/", env!("CARGO_PKG_VERSION")));
/// Where a request goes and how its connection is used is the host's.
const OF_THE_HOST: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
];

/// How requests are bounded.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// Bytes of an answer, its headers included.
    pub max_bytes: usize,
    /// A PEM file of certificates to be trusted besides the web's.
    pub extra_roots: Option<PathBuf>,
    /// Hosts that are asked at another address, be it private: for development alone.
    pub development_addresses: BTreeMap<String, SocketAddr>,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 10,
            extra_roots: None,
            development_addresses: BTreeMap::new(),
        }
    }
}

/// Why no request can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The certificates cannot be read.
    #[error("{path:?} holds no certificates in PEM that can be trusted: {reason}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no TLS to be had.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A plugin's request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'plugin> {
    /// Method.
    pub method: HttpMethod,
    /// An `https://` address.
    pub url: &'plugin str,
    /// Names and values; what is the host's is left out.
    pub headers: &'plugin [(String, String)],
    /// Body.
    pub body: &'plugin [u8],
    /// For the whole answer.
    pub timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request is not one that may be sent.
    #[error("{0}")]
    Refused(String),
    /// The host was asked, or could not be, and nothing came of it.
    #[error("{0}")]
    NoAnswer(String),
}

/// Sends requests. Cheap to share.
#[derive(Debug)]
pub struct Outbound {
    client: Client<HttpsConnector<PublicConnector>, Full<Bytes>>,
    max_bytes: usize,
}

impl Outbound {
    /// Connects to nothing yet.
    pub fn new(config: &OutboundConfig) -> Result<Self, SetupError> {
        Self::with_lookup(config, system_lookup())
    }

    fn with_lookup(config: &OutboundConfig, lookup: Lookup) -> Result<Self, SetupError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = &config.extra_roots {
            let unreadable = |reason: String| SetupError::Roots {
                path: path.clone(),
                reason,
            };
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
            let before = roots.len();
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
            if roots.len() == before {
                return Err(unreadable("there is none in it".into()));
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .wrap_connector(PublicConnector::new(lookup, config.development_addresses.clone()));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            client,
            max_bytes: config.max_bytes,
        })
    }

    /// Sends a request of a plugin that may ask these hosts, and reads the whole answer.
    pub async fn send(&self, hosts: &BTreeSet<String>, request: &Request<'_>) -> Result<HttpResponse, Failure> {
        let prepared = prepare(hosts, request).map_err(Failure::Refused)?;
        let bound = request.timeout.min(LONGEST);
        tokio::time::timeout(bound, self.exchange(prepared))
            .await
            .unwrap_or_else(|_| Err(Failure::NoAnswer(format!("there was no whole answer within {bound:?}"))))
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<HttpResponse, Failure> {
        let response = self.client.request(request).await.map_err(|error| failure(&error))?;
        let (parts, body) = response.into_parts();
        let too_large = || Failure::NoAnswer(format!("the answer is larger than {} bytes", self.max_bytes));
        let headers = readable(&parts.headers);
        let header_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let left = self.max_bytes.checked_sub(header_bytes).ok_or_else(too_large)?;
        let body = match Limited::new(body, left).collect().await {
            Ok(body) => body.to_bytes().into(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
            Err(error) => return Err(failure(&*error)),
        };
        Ok(HttpResponse {
            status: parts.status.as_u16(),
            headers,
            body,
        })
    }
}

/// The request as it leaves; the error says why it may not.
fn prepare(hosts: &BTreeSet<String>, request: &Request<'_>) -> Result<http::Request<Full<Bytes>>, String> {
    let mut url = Url::parse(request.url).map_err(|error| format!("{:?} is no address: {error}", request.url))?;
    if url.scheme() != "https" {
        return Err(format!("{:?} does not begin with https://", request.url));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address holds a user or a password".into());
    }
    let Some(Host::Domain(host)) = url.host() else {
        return Err(format!("{:?} names no host", request.url));
    };
    if !names_host(hosts, host) {
        return Err(format!("host {host:?} is not one that the plugin may ask"));
    }
    url.set_fragment(None);
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    };
    let mut prepared = http::Request::builder().method(method).uri(url.as_str());
    let mut has_agent = false;
    for (name, value) in request.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header's name"))?;
        if OF_THE_HOST.contains(&parsed.as_str()) {
            continue;
        }
        has_agent |= parsed == USER_AGENT;
        let value =
            HeaderValue::from_str(value).map_err(|_| format!("header {name:?} has a value that cannot be sent"))?;
        prepared = prepared.header(parsed, value);
    }
    if !has_agent {
        prepared = prepared.header(USER_AGENT, AGENT);
    }
    prepared
        .body(Full::new(Bytes::copy_from_slice(request.body)))
        .map_err(|error| format!("{:?} cannot be asked: {error}", request.url))
}

/// Values are text nearly always; where they are not, what is none is replaced.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// A private address is found out only when the name is resolved.
fn failure(error: &(dyn Error + 'static)) -> Failure {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(not_public) = inner.downcast_ref::<NotPublic>() {
            return Failure::Refused(not_public.to_string());
        }
        words.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    Failure::NoAnswer(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn hosts() -> BTreeSet<String> {
        BTreeSet::from(["example.org".to_owned(), "*.example.net".to_owned()])
    }

    fn get(url: &str) -> Request<'_> {
        Request {
            method: HttpMethod::Get,
            url,
            headers: &[],
            body: &[],
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn what_is_the_hosts_is_left_out_and_the_rest_leaves_as_it_is() {
        let headers: Vec<_> = [
            ("Host", "evil.example"),
            ("Content-Length", "9"),
            ("x-key", "k"),
            ("TE", "gzip"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = "https://EXAMPLE.org:8443/a?b=c#d";
        let request = Request {
            headers: &headers,
            ..get(url)
        };
        let prepared = prepare(&hosts(), &request).expect("it may leave");
        assert_eq!(prepared.uri(), "https://example.org:8443/a?b=c");
        let names: Vec<_> = prepared.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-key", "user-agent"]);
    }

    #[test]
    fn only_granted_names_over_https_are_asked() {
        for url in [
            "http://example.org/",
            "https://example.com/",
            "https://example.org.evil.example/",
            "https://example.org@evil.example/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "file:///etc/passwd",
            "//example.org",
        ] {
            assert!(prepare(&hosts(), &get(url)).is_err(), "{url}");
        }
        assert!(prepare(&hosts(), &get("https://a.b.example.net/")).is_ok());
    }

    #[tokio::test]
    async fn a_name_with_an_address_that_is_not_public_is_never_connected_to() {
        let loopback = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = loopback.local_addr().expect("an address").port();
        for answers in [
            &["127.0.0.1"][..],
            &["1.1.1.1", "10.0.0.1"],
            &["::ffff:127.0.0.1"],
            &["fd00::1"],
        ] {
            let found: Vec<IpAddr> = answers
                .iter()
                .map(|address| address.parse().expect("an address"))
                .collect();
            let lookup: Lookup = Arc::new(move |_| {
                let found = found.clone();
                Box::pin(async move { Ok(found) })
            });
            let outbound = Outbound::with_lookup(&OutboundConfig::default(), lookup).expect("it is set up");
            let failed = outbound
                .send(&hosts(), &get(&format!("https://example.org:{port}/")))
                .await;
            let Err(Failure::Refused(reason)) = failed else {
                panic!("{answers:?}: {failed:?}");
            };
            assert!(reason.contains("not of the public internet"), "{reason}");
        }
        let nobody_came = tokio::time::timeout(Duration::from_millis(50), loopback.accept()).await;
        assert!(nobody_came.is_err(), "{nobody_came:?}");
    }
}
