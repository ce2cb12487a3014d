//! A connection between two processes that a test holds in its hand: it lets everything pass, only answers, so many
//! bytes, or nothing.

use anyhow::Result;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// Everything.
    All,
    /// So many bytes of requests from now on, and every answer.
    Requests(u64),
    /// Nothing: connections stay open, as behind a cable that was pulled.
    Nothing,
}

/// A listening proxy. It ends with this value.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    target: Mutex<String>,
    flow: watch::Sender<Flow>,
    passed: AtomicU64,
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Answers,
}

impl Shared {
    fn passes(&self, flow: Flow, direction: Direction) -> bool {
        match (flow, direction) {
            (Flow::All, _) | (Flow::Requests(_), Direction::Answers) => true,
            (Flow::Requests(bytes), Direction::Requests) => self.passed.load(Ordering::SeqCst) < bytes,
            (Flow::Nothing, _) => false,
        }
    }

    async fn copy(
        &self,
        direction: Direction,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let mut flow = self.flow.subscribe();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = from.read(&mut buffer).await?;
            // The sender lives as long as this does.
            let _ = flow.wait_for(|flow| self.passes(*flow, direction)).await;
            if read == 0 {
                return to.shutdown().await;
            }
            to.write_all(&buffer[..read]).await?;
            if let Direction::Requests = direction {
                self.passed.fetch_add(read as u64, Ordering::SeqCst);
            }
        }
    }

    async fn connect(&self, from: TcpStream) -> std::io::Result<()> {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let to = TcpStream::connect(target).await?;
        from.set_nodelay(true)?;
        to.set_nodelay(true)?;
        let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
        tokio::select! {
            ended = self.copy(Direction::Requests, from_read, to_write) => ended,
            ended = self.copy(Direction::Answers, to_read, from_write) => ended,
        }
    }
}

impl Proxy {
    /// Listens, and connects to this `host:port`.
    pub async fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared {
            target: Mutex::new(target.to_owned()),
            flow: watch::channel(Flow::All).0,
            passed: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let (serving, until) = (shared.clone(), stop.clone());
        tokio::spawn(async move {
            while let Some(Ok((from, _))) = until.run_until_cancelled(listener.accept()).await {
                let (serving, until) = (serving.clone(), until.clone());
                // Either side may break off.
                tokio::spawn(async move { until.run_until_cancelled(serving.connect(from)).await.map(drop) });
            }
        });
        Ok(Self {
            address,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Connects to another address from now on.
    pub fn set_target(&self, target: &str) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target.to_owned();
    }

    /// Lets this pass from now on.
    pub fn set_flow(&self, flow: Flow) {
        self.shared.passed.store(0, Ordering::SeqCst);
        self.shared.flow.send_replace(flow);
    }

    /// Bytes of requests that passed since the last change.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }
}
