//! A web server with TLS on loopback, for what asks other hosts.

use anyhow::{Context, Result};
use axum::Router;
use axum::serve::Listener;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Serves until it is dropped.
pub struct HttpsServer {
    address: SocketAddr,
    directory: TempDir,
    _stop: DropGuard,
}

impl HttpsServer {
    /// A server for this host, with a certificate of its own.
    pub async fn start(host: &str, routes: Router) -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let directory = tempfile::tempdir()?;
        std::fs::write(certificate_in(directory.path()), cert.pem())?;
        let tcp = TcpListener::bind("127.0.0.1:0")
            .await
            .context("loopback can be listened on")?;
        let address = tcp.local_addr()?;
        let listener = TlsListener {
            tcp,
            tls: Arc::new(tls).into(),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let served = axum::serve(listener, routes);
            tokio::select! {
                _ = served => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            address,
            directory,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to be trusted, a PEM file.
    pub fn certificate(&self) -> PathBuf {
        certificate_in(self.directory.path())
    }
}

fn certificate_in(directory: &Path) -> PathBuf {
    directory.join("certificate.pem")
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.tcp).await;
            // Whoever does not shake hands has gone.
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
