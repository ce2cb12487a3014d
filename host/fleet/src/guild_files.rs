//! Whole guild files on their way to and from the guilds' owners. [`GuildFileClient::put_in_place`] is the one way in which
//! a file takes the place of a guild's live one: imports, restores and migrations end in it. What the file is, and whether
//! it is whole, is for the caller to know.

use crate::client::{ConfigClient, FleetError};
use crate::pod_client::pod_client;
use crate::secret::ClusterSecret;
use crate::wire::{AssignmentState, EPOCH, GuildAssignment};
use futures_util::StreamExt;
use guildhall_model::GuildId;
use reqwest::{Response, StatusCode};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

/// Carries the SHA-256 of a file that is sent, in hexadecimal.
pub const DIGEST: &str = "guildhall-sha256";

/// A guild that has no owner ready to answer by then is told to be away.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a guild that is on its way.
const LOOK: Duration = Duration::from_millis(100);
/// An owner that does not say whether it has the guild is asked again.
const ANSWER: Duration = Duration::from_secs(10);

/// What came of a file.
#[derive(Debug, thiserror::Error)]
pub enum GuildFileError {
    /// The config service has refused, or does not answer.
    #[error(transparent)]
    Config(#[from] FleetError),
    /// Nobody acts for the guild.
    #[error("nobody has answered for guild {guild} within {PATIENCE:?}: {reason}; nothing was changed")]
    NoOwner {
        /// The guild.
        guild: GuildId,
        /// What was found last.
        reason: String,
    },
    /// The owner has refused, or cannot do it.
    #[error("pod {pod:?} answered {status}: {message}")]
    Pod {
        /// The owner.
        pod: String,
        /// What it answered.
        status: StatusCode,
        /// Its words.
        message: String,
    },
    /// No connection, or one that broke.
    #[error("pod {pod:?} does not answer: {source}")]
    Away {
        /// The owner.
        pod: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// What came is not what the owner sent.
    #[error("the file of guild {0} did not arrive whole; ask again")]
    Broken(GuildId),
    /// The epoch for which the file was delivered did not come to be at its pod.
    #[error(
        "the file of guild {guild} may not be in place: epoch {epoch} of pod {pod:?} was begun for it, and {now}; \
         look with `guildhall guild verify {guild}`, then do it again if need be"
    )]
    Overtaken {
        /// The guild.
        guild: GuildId,
        /// Where the file was delivered.
        pod: String,
        /// The epoch that it was for.
        epoch: i64,
        /// What is so instead.
        now: String,
    },
    /// The local file.
    #[error("the guild's file cannot be read or written here: {0}")]
    Local(#[from] std::io::Error),
}

/// Sends a guild's file to this pod for this epoch; it is on the pod's disk when this answers, and used if that epoch
/// begins there.
pub async fn send_file(
    http: &reqwest::Client,
    secret: &ClusterSecret,
    pod: &str,
    guild: GuildId,
    epoch: i64,
    file: &Path,
    digest: &str,
) -> Result<(), GuildFileError> {
    let file = tokio::fs::File::open(file).await?;
    let bytes = file.metadata().await?.len();
    let answer = http
        .put(format!("{pod}/internal/v1/guilds/{guild}/file/{epoch}"))
        .bearer_auth(secret.to_send())
        .header(DIGEST, digest)
        .header(reqwest::header::CONTENT_LENGTH, bytes)
        .body(reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 256 << 10)))
        .send()
        .await
        .map_err(|source| away(pod, source))?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(refused(pod, answer).await)
}

/// A client of guilds' files wherever their owners are.
#[derive(Clone, Debug)]
pub struct GuildFileClient {
    config: ConfigClient,
    http: reqwest::Client,
    secret: ClusterSecret,
}

impl GuildFileClient {
    /// A client that finds owners through this one, and presents this secret to them.
    pub fn new(config: ConfigClient, secret: ClusterSecret) -> reqwest::Result<Self> {
        Ok(Self {
            config,
            http: pod_client().build()?,
            secret,
        })
    }

    /// The config service's client.
    pub fn config(&self) -> &ConfigClient {
        &self.config
    }

    /// Has the guild's owner make a consistent copy of its file, without stopping the guild, and writes it to `to`; with
    /// `replaced` a copy of the file that was replaced last. Answers the assignment under which it was made.
    pub async fn fetch(&self, guild: GuildId, replaced: bool, to: &Path) -> Result<GuildAssignment, GuildFileError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let known = self.config.guild(guild).await?;
            let reason = match self.owner(&known).await? {
                Err(reason) => reason,
                Ok(url) => {
                    let path = format!("{url}/internal/v1/guilds/{guild}/file?replaced={replaced}");
                    let answer = self.ask(&path, known.epoch, None).await;
                    match answer {
                        Ok(answer) if answer.status().is_success() => {
                            receive(guild, &url, answer, to).await?;
                            return Ok(known);
                        }
                        Ok(answer) if is_soon(answer.status()) => answer.text().await.unwrap_or_default(),
                        Ok(answer) => return Err(refused(known.pod.as_deref().unwrap_or_default(), answer).await),
                        Err(error) => error.to_string(),
                    }
                }
            };
            wait(guild, deadline, &reason).await?;
        }
    }

    /// Puts a file in the place of the guild's own, and waits until its owner acts on it. A guild that is new is assigned
    /// first. The file is a guild's, whole, and made ready by `guildhall_store::ready_to_place`; `digest` is its SHA-256.
    /// What it replaces is kept on the owner's volume. Until the new epoch begins nothing is changed.
    pub async fn put_in_place(
        &self,
        guild: GuildId,
        file: &Path,
        digest: &str,
    ) -> Result<GuildAssignment, GuildFileError> {
        let deadline = Instant::now() + PATIENCE;
        let (known, url) = loop {
            let known = self.config.assign(guild).await?;
            let reason = match self.standing(&known).await? {
                Ok(url) => break (known, url),
                Err(reason) => reason,
            };
            wait(guild, deadline, &reason).await?;
        };
        let pod = known.pod.clone().unwrap_or_default();
        let next = known.epoch + 1;
        send_file(&self.http, &self.secret, &url, guild, next, file, digest).await?;
        self.config.renew(guild, known.epoch, 0).await?;
        let overtaken = |now: String| GuildFileError::Overtaken {
            guild,
            pod: pod.clone(),
            epoch: next,
            now,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.config.guild(guild).await?;
            if now.epoch != next {
                let owner = now.pod.as_deref().unwrap_or("nobody");
                return Err(overtaken(format!(
                    "epoch {} of {owner} came before it was seen to act on it",
                    now.epoch
                )));
            }
            match self.standing(&now).await? {
                Ok(_) => return Ok(now),
                Err(reason) if Instant::now() > deadline => return Err(overtaken(reason)),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// The owner's address, once it says that it acts for the guild in this epoch; else why not yet.
    async fn standing(&self, known: &GuildAssignment) -> Result<Result<String, String>, FleetError> {
        let url = match self.owner(known).await? {
            Ok(url) => url,
            Err(reason) => return Ok(Err(reason)),
        };
        // It reads the guild's file for this.
        let path = format!("{url}/internal/v1/guilds/{}/api/plugins", known.guild);
        Ok(match self.ask(&path, known.epoch, Some(ANSWER)).await {
            Ok(answer) if answer.status().is_success() => Ok(url),
            Ok(answer) => Err(format!("its owner answered {}", answer.status())),
            Err(error) => Err(format!("its owner does not answer: {error}")),
        })
    }

    async fn owner(&self, known: &GuildAssignment) -> Result<Result<String, String>, FleetError> {
        let Some(pod) = &known.pod else {
            return Ok(Err("no pod has room for it".into()));
        };
        if known.state == AssignmentState::Moving {
            return Ok(Err("it is moving".into()));
        }
        let pods = self.config.overview().await?.pods;
        let url = pods.into_iter().find(|other| other.name == *pod).map(|pod| pod.url);
        Ok(url.ok_or_else(|| format!("the address of pod {pod:?} is not known")))
    }

    async fn ask(&self, url: &str, epoch: i64, bound: Option<Duration>) -> reqwest::Result<Response> {
        let request = self
            .http
            .get(url)
            .bearer_auth(self.secret.to_send())
            .header(EPOCH, epoch);
        match bound {
            Some(bound) => request.timeout(bound),
            None => request,
        }
        .send()
        .await
    }
}

/// 421 and 503: nothing was done, and it is worth another try.
fn is_soon(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MISDIRECTED_REQUEST | StatusCode::SERVICE_UNAVAILABLE
    )
}

async fn wait(guild: GuildId, deadline: Instant, reason: &str) -> Result<(), GuildFileError> {
    if Instant::now() > deadline {
        return Err(GuildFileError::NoOwner {
            guild,
            reason: reason.trim().to_owned(),
        });
    }
    tokio::time::sleep(LOOK).await;
    Ok(())
}

async fn receive(guild: GuildId, pod: &str, answer: Response, to: &Path) -> Result<(), GuildFileError> {
    let digest = answer.headers().get(DIGEST).and_then(|digest| digest.to_str().ok());
    let digest = digest.unwrap_or_default().to_owned();
    let mut file = tokio::fs::File::create(to).await?;
    let (mut received, mut chunks) = (Sha256::new(), answer.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|source| away(pod, source))?;
        received.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    if hex::encode(received.finalize()) != digest {
        return Err(GuildFileError::Broken(guild));
    }
    Ok(())
}

fn away(pod: &str, source: reqwest::Error) -> GuildFileError {
    GuildFileError::Away {
        pod: pod.to_owned(),
        source,
    }
}

async fn refused(pod: &str, answer: Response) -> GuildFileError {
    let status = answer.status();
    let message = answer.text().await.unwrap_or_default();
    GuildFileError::Pod {
        pod: pod.to_owned(),
        status,
        message: message.trim().to_owned(),
    }
}
