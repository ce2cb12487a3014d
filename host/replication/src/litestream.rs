//! Litestream's control socket: HTTP over a Unix socket (Litestream 0.5, `socket` in its configuration). Registration is
//! kept in its memory only: whoever registered a file registers it again after a restart.

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An answer that takes longer than what was asked for is none.
const SLACK: Duration = Duration::from_secs(5);
/// Times that a sync is asked for once more before the bucket counts as behind.
const AGAIN: usize = 3;
/// For what happens within Litestream alone.
const LOCAL: Duration = Duration::from_secs(10);

/// Why Litestream did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LitestreamError {
    /// It does not run, or does not answer.
    #[error("Litestream does not answer at {}", socket.display())]
    Away {
        /// Where it was asked.
        socket: PathBuf,
        /// What was seen.
        #[source]
        source: reqwest::Error,
    },
    /// It does not know the file: it was started again since.
    #[error("{} is not registered with Litestream", .0.display())]
    Unknown(PathBuf),
    /// It tried, and says why it could not.
    #[error("Litestream: {0}")]
    Failed(String),
    /// It answered, and the bucket has less than the file.
    #[error("the bucket is at transaction {replicated} of {written}")]
    Behind {
        /// The file's last transaction.
        written: u64,
        /// The bucket's.
        replicated: u64,
    },
}

/// What Litestream says after a sync.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct Synced {
    /// The last transaction that it took from the file.
    pub txid: u64,
    /// The last one in the bucket.
    pub replicated_txid: u64,
}

#[derive(Serialize)]
struct Register<'a> {
    path: &'a Path,
    replica_url: &'a str,
}

#[derive(Serialize)]
struct Sync<'a> {
    path: &'a Path,
    wait: bool,
    /// Seconds.
    timeout: u64,
}

#[derive(Serialize)]
struct Unregister<'a> {
    path: &'a Path,
    /// Seconds.
    timeout: u64,
}

#[derive(Deserialize)]
struct Info {
    pid: i32,
}

#[derive(Deserialize)]
struct Complaint {
    error: String,
}

/// A client of one Litestream process.
#[derive(Clone, Debug)]
pub struct Litestream {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Litestream {
    /// A client of the process behind this socket, which need not run yet.
    pub fn new(socket: &Path) -> reqwest::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().unix_socket(socket).build()?,
            socket: socket.to_owned(),
        })
    }

    /// The id of the process that answers; none where none does.
    pub(crate) async fn process(&self) -> Option<i32> {
        let request = self.http.get("http://litestream/info").timeout(LOCAL);
        let info: Info = request.send().await.ok()?.json().await.ok()?;
        Some(info.pid)
    }

    /// Replicates this file to this URL from now on.
    pub async fn register(&self, path: &Path, replica_url: &str) -> Result<(), LitestreamError> {
        let request = Register { path, replica_url };
        self.ask("register", path, &request, LOCAL).await.map(drop)
    }

    /// Brings everything that was committed before this call to the bucket, within the bound.
    pub async fn sync(&self, path: &Path, bound: Duration) -> Result<Synced, LitestreamError> {
        let first = self.sync_once(path, bound).await?;
        // "no_change" is an answer too, whatever the bucket has; and what is committed meanwhile counts on.
        let mut now = first;
        for _ in 0..AGAIN {
            if now.replicated_txid >= first.txid && first.txid > 0 {
                return Ok(now);
            }
            now = self.sync_once(path, bound).await?;
        }
        Err(LitestreamError::Behind {
            written: first.txid,
            replicated: now.replicated_txid,
        })
    }

    async fn sync_once(&self, path: &Path, bound: Duration) -> Result<Synced, LitestreamError> {
        let request = Sync {
            path,
            wait: true,
            timeout: bound.as_secs().max(1),
        };
        let answer = self.ask("sync", path, &request, bound + SLACK).await?;
        serde_json::from_str(&answer).map_err(|error| LitestreamError::Failed(format!("{answer:?}: {error}")))
    }

    /// Lets go of the file, after a last sync within the bound. One that is not registered is fine.
    pub async fn unregister(&self, path: &Path, bound: Duration) -> Result<(), LitestreamError> {
        let timeout = bound.as_secs().max(1);
        let request = Unregister { path, timeout };
        self.ask("unregister", path, &request, bound + SLACK).await.map(drop)
    }

    async fn ask<T: Serialize>(
        &self,
        what: &str,
        path: &Path,
        request: &T,
        bound: Duration,
    ) -> Result<String, LitestreamError> {
        let away = |source| LitestreamError::Away {
            socket: self.socket.clone(),
            source,
        };
        let answer = self
            .http
            .post(format!("http://litestream/{what}"))
            .json(request)
            .timeout(bound)
            .send()
            .await
            .map_err(away)?;
        let status = answer.status();
        let text = answer.text().await.map_err(away)?;
        match status {
            StatusCode::OK => Ok(text),
            StatusCode::NOT_FOUND => Err(LitestreamError::Unknown(path.to_owned())),
            _ => {
                let complaint = serde_json::from_str(&text).map(|Complaint { error }| error);
                Err(LitestreamError::Failed(complaint.unwrap_or(text)))
            }
        }
    }
}
