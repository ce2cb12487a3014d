//! Where a role serves HTTP: every listener of ours has the same bounds on connections, headers and slow clients. What a
//! request may ask is the routes' business, and how large a body may be is theirs too.

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyDeadlineLayer;

/// A client that has not sent its headers by then is sent away: it only holds a connection.
const HEADERS: Duration = Duration::from_secs(5);
/// Bytes of all headers of a request.
const HEADER_BYTES: u32 = 32 << 10;
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 1024;
/// HTTP/2 windows: a guild's file fits in without waiting for an acknowledgement.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How long a listener waits for others.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A request's body that takes longer is broken off.
    pub body: Duration,
    /// Requests that are under way at the end get so long.
    pub closing: Duration,
}

/// A bound address that is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds; connections wait until [`Listener::serve`].
    pub fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let socket = std::net::TcpListener::bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that was chosen where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to stop.
    pub async fn serve(self, routes: Router, patience: Patience, stop: CancellationToken) -> std::io::Result<()> {
        let handle = Handle::new();
        let mut server = axum_server::from_tcp(self.socket)?
            // Window updates and short answers would wait for the other side's delayed acknowledgement.
            .acceptor(NoDelayAcceptor::new())
            .first_request_timeout(HEADERS)
            .handle(handle.clone());
        let http = server.http_builder();
        http.http1()
            .header_read_timeout(HEADERS)
            .max_buf_size(HEADER_BYTES as usize);
        http.http2()
            .max_header_list_size(HEADER_BYTES)
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(HEADERS)
            .keep_alive_timeout(HEADERS);
        let routes = routes.layer(RequestBodyDeadlineLayer::new(patience.body));
        tokio::spawn(async move {
            stop.cancelled().await;
            handle.graceful_shutdown(Some(patience.closing));
        });
        server
            .serve(routes.into_make_service_with_connect_info::<SocketAddr>())
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn exchange(request: &[u8]) -> String {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let (address, stop) = (listener.address(), CancellationToken::new());
        let routes = Router::new().route("/", post(|body: String| async move { body }));
        let patience = Patience {
            body: Duration::from_millis(50),
            closing: Duration::ZERO,
        };
        tokio::spawn(listener.serve(routes, patience, stop.clone()));
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // A refusal may come before all is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer));
        let _ = read.await.expect("the server ends it");
        stop.cancel();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_never_finishes_its_headers_is_sent_away() {
        let answer = exchange(b"POST / HTTP/1.1\r\nhost: x\r\n").await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_broken_off() {
        let answer =
            exchange(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf").await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }

    #[tokio::test]
    async fn headers_past_the_bound_are_refused() {
        let mut request = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlong: ".to_vec();
        request.resize(request.len() + (HEADER_BYTES as usize) * 2, b'x');
        request.extend_from_slice(b"\r\ncontent-length: 0\r\n\r\n");
        let answer = exchange(&request).await;
        assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
    }
}
