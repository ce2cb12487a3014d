//! Connections to public addresses only. A name is resolved once for a connection, and the addresses that were looked at
//! are those that are connected to.

use crate::address::is_public;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tower_service::Service;
use url::Host;

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send>>;
/// Answers a name's addresses.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Pending<Vec<IpAddr>> + Send + Sync>;

/// A host has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("{host} has the address {address}, which is not of the public internet; such are never asked")]
pub struct NotPublic {
    /// The host.
    pub host: String,
    /// One of its addresses.
    pub address: IpAddr,
}

/// The system's resolver.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Opens connections below TLS.
#[derive(Clone)]
pub(crate) struct PublicConnector {
    http: HttpConnector<PublicResolver>,
    /// Hosts that are at another place on a developer's machine.
    development: Arc<BTreeMap<String, SocketAddr>>,
}

impl PublicConnector {
    pub(crate) fn new(lookup: Lookup, development: BTreeMap<String, SocketAddr>) -> Self {
        let mut http = HttpConnector::new_with_resolver(PublicResolver(lookup));
        http.enforce_http(false);
        http.set_nodelay(true);
        Self {
            http,
            development: Arc::new(development),
        }
    }
}

impl Service<Uri> for PublicConnector {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The resolver below is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default();
        if let Some(address) = self.development.get(host).copied() {
            return Box::pin(async move { Ok(TokioIo::new(TcpStream::connect(address).await?)) });
        }
        // An address in the place of a name would be connected to without being resolved.
        if !matches!(Host::parse(host), Ok(Host::Domain(_))) {
            let refused = format!("{host:?} is not the name of a host");
            return Box::pin(async move { Err(refused.into()) });
        }
        let connecting = self.http.call(uri);
        Box::pin(async move { Ok(connecting.await?) })
    }
}

/// Resolves names to their public addresses.
#[derive(Clone)]
struct PublicResolver(Lookup);

impl Service<Name> for PublicResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, found) = (name.as_str().to_owned(), (self.0)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            // One that is not public condemns them all: such a name is made for no honest purpose.
            if let Some(address) = found.iter().copied().find(|address| !is_public(*address)) {
                return Err(NotPublic { host, address }.into());
            }
            if found.is_empty() {
                return Err(io::Error::other("the name has no address").into());
            }
            let addresses: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}
