//! A guild's file out of the bucket: finds the epoch, has its newest state put together or lets Litestream restore it, and,
//! where objects are damaged, finds the last good point.

use crate::bucket::{Bucket, BucketError};
use crate::rebuild::rebuild;
use guildhall_model::{GuildId, UnixMilliseconds};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Command;
use tokio::sync::Semaphore;

/// The longest restore; a file of the largest quota takes seconds.
const BOUND: Duration = Duration::from_secs(300);

/// Which state of the guild is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// The newest one.
    Latest,
    /// What was in the bucket at this moment.
    At(UnixMilliseconds),
}

/// A restored file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Restored {
    /// The epoch that it was written in.
    pub epoch: i64,
    /// Whether what was written last could not be used.
    pub damaged: bool,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The bucket was never given this guild.
    #[error("guild {0} is not in the bucket")]
    Nothing(GuildId),
    /// Nothing is so old.
    #[error("guild {guild} has no backup of {}: the first one was ready at {}", moment(*wanted), moment(*first))]
    TooEarly {
        /// The guild.
        guild: GuildId,
        /// What was asked for.
        wanted: UnixMilliseconds,
        /// What there is.
        first: UnixMilliseconds,
    },
    /// No epoch has a point that can be restored.
    #[error("guild {guild} cannot be restored from any point in the bucket: {reason}")]
    Damaged {
        /// The guild.
        guild: GuildId,
        /// What Litestream said of the newest one.
        reason: String,
    },
    /// The bucket was asked in vain.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Litestream cannot be run.
    #[error("{} cannot be run: install Litestream 0.5, or set replication.program", program.display())]
    Program {
        /// What was to be run.
        program: PathBuf,
        /// What was seen.
        #[source]
        source: std::io::Error,
    },
    /// The restored file cannot be put in place.
    #[error("{} cannot be written", path.display())]
    File {
        /// Its place.
        path: PathBuf,
        /// What was seen.
        #[source]
        source: std::io::Error,
    },
}

/// A moment as people read it.
pub(crate) fn moment(at: UnixMilliseconds) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok();
    let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    text.unwrap_or_else(|| at.to_string())
}

/// Restores guilds, so many at once.
#[derive(Clone, Debug)]
pub struct Restorer {
    program: PathBuf,
    bucket: Bucket,
    places: Arc<Semaphore>,
}

/// What came of one attempt.
enum Attempt {
    Done,
    Refused(String),
}

impl Restorer {
    /// Restores out of this bucket with this program.
    pub fn new(program: &Path, bucket: Bucket, at_once: usize) -> Self {
        // There from the start, so that the first failure is seen as one.
        metrics::counter!("guildhall_restores_total", "result" => "failed").increment(0);
        Self {
            program: program.to_owned(),
            bucket,
            places: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The newest epoch of the guild that can be restored.
    pub async fn newest(&self, guild: GuildId) -> Result<Option<i64>, RestoreError> {
        Ok(self.bucket.ready_epochs(guild).await?.first().copied())
    }

    /// Writes the guild's file to `to`, which must not exist.
    pub async fn restore(&self, guild: GuildId, point: Point, to: &Path) -> Result<Restored, RestoreError> {
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        let started = Instant::now();
        let restored = match point {
            Point::Latest => self.latest(guild, to).await,
            Point::At(at) => self.at(guild, at, to).await,
        };
        let result = match &restored {
            Ok(restored) if restored.damaged => "earlier",
            Ok(_) => "latest",
            Err(RestoreError::Nothing(_)) => "new",
            Err(_) => "failed",
        };
        metrics::counter!("guildhall_restores_total", "result" => result).increment(1);
        metrics::histogram!("guildhall_restore_seconds").record(started.elapsed());
        restored
    }

    async fn latest(&self, guild: GuildId, to: &Path) -> Result<Restored, RestoreError> {
        let mut damage = None;
        for epoch in self.bucket.ready_epochs(guild).await? {
            let attempt = match rebuild(&self.bucket, guild, epoch, to).await {
                Ok(()) => Attempt::Done,
                Err(reason) => {
                    tracing::info!(%guild, epoch, %reason, "Litestream is left to restore the guild");
                    self.attempt(guild, epoch, &[], to).await?
                }
            };
            match attempt {
                Attempt::Done => {
                    let damaged = damage.is_some();
                    return Ok(Restored { epoch, damaged });
                }
                Attempt::Refused(reason) => {
                    tracing::error!(%guild, epoch, reason, "the newest state in the bucket cannot be restored; an earlier one is looked for");
                    damage.get_or_insert(reason);
                }
            }
            if self.last_good(guild, epoch, to).await? {
                return Ok(Restored { epoch, damaged: true });
            }
        }
        Err(match damage {
            None => RestoreError::Nothing(guild),
            Some(reason) => RestoreError::Damaged { guild, reason },
        })
    }

    /// The last point of a damaged epoch that can be restored, found by halving: what is behind a damaged object cannot.
    async fn last_good(&self, guild: GuildId, epoch: i64, to: &Path) -> Result<bool, RestoreError> {
        let points = self.bucket.points(guild, epoch).await?;
        // Everything before `good` can be restored, nothing from `bad` on.
        let (mut good, mut bad) = (0, points.len());
        let mut found = None;
        while good < bad {
            let middle = good + (bad - good) / 2;
            let transaction = format!("{:016x}", points[middle]);
            match self.attempt(guild, epoch, &["-txid", &transaction], to).await? {
                Attempt::Done => {
                    let kept = to.with_extension("good");
                    let file = |source| RestoreError::File {
                        path: to.to_owned(),
                        source,
                    };
                    tokio::fs::rename(to, &kept).await.map_err(file)?;
                    found = Some((kept, points[middle]));
                    good = middle + 1;
                }
                Attempt::Refused(_) => bad = middle,
            }
        }
        let Some((kept, transaction)) = found else {
            return Ok(false);
        };
        let file = |source| RestoreError::File {
            path: to.to_owned(),
            source,
        };
        tokio::fs::rename(kept, to).await.map_err(file)?;
        let lost = points.iter().filter(|point| **point > transaction).count();
        tracing::error!(%guild, epoch, transaction, lost, "the guild was restored to the last good point; what was uploaded after it is lost");
        Ok(true)
    }

    async fn at(&self, guild: GuildId, at: UnixMilliseconds, to: &Path) -> Result<Restored, RestoreError> {
        let mut first = None;
        for epoch in self.bucket.ready_epochs(guild).await? {
            let Some(ready) = self.bucket.ready_epoch(guild, epoch).await? else {
                continue;
            };
            first = Some(ready.ready_at);
            if ready.ready_at > at {
                continue;
            }
            // Litestream knows no moment after the last write: the newest state is that of then.
            let last = self.bucket.last_write(guild, epoch).await?;
            let timestamp = moment(at);
            let point: &[&str] = match last {
                Some(last) if last <= at => &[],
                _ => &["-timestamp", &timestamp],
            };
            return match self.attempt(guild, epoch, point, to).await? {
                Attempt::Done => Ok(Restored { epoch, damaged: false }),
                Attempt::Refused(reason) => Err(RestoreError::Damaged { guild, reason }),
            };
        }
        Err(
            first.map_or(RestoreError::Nothing(guild), |first| RestoreError::TooEarly {
                guild,
                wanted: at,
                first,
            }),
        )
    }

    /// One run of Litestream. It is asked twice before its no counts, and a bucket that is away is no damage.
    async fn attempt(&self, guild: GuildId, epoch: i64, point: &[&str], to: &Path) -> Result<Attempt, RestoreError> {
        let attempt = self.run(guild, epoch, point, to).await?;
        if matches!(attempt, Attempt::Done) {
            return Ok(attempt);
        }
        self.bucket.ready_epoch(guild, epoch).await?;
        self.run(guild, epoch, point, to).await
    }

    async fn run(&self, guild: GuildId, epoch: i64, point: &[&str], to: &Path) -> Result<Attempt, RestoreError> {
        let program = |source| RestoreError::Program {
            program: self.program.clone(),
            source,
        };
        let location = self.bucket.location();
        let mut command = Command::new(&self.program);
        crate::supervisor::prepare(&mut command, location);
        // Many run at once, each for a moment: threads and garbage collection of their own cost more than they give.
        command.envs([("GOMAXPROCS", "1"), ("GOGC", "400")]);
        command
            .args(["restore", "-integrity-check", "quick", "-o"])
            .arg(to)
            .args(point)
            .arg(location.replica(guild, epoch))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let run = tokio::time::timeout(BOUND, command.output()).await;
        let refused = match run {
            Ok(output) => {
                let output = output.map_err(program)?;
                if output.status.success() && to.exists() {
                    return Ok(Attempt::Done);
                }
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().rev().find(|line| !line.trim().is_empty());
                format!("{} ({})", last.unwrap_or("it said nothing"), output.status)
            }
            Err(_) => format!("it took longer than {BOUND:?}"),
        };
        for left in [
            to.to_owned(),
            with_suffix(to, ".tmp"),
            with_suffix(to, "-wal"),
            with_suffix(to, "-shm"),
        ] {
            match tokio::fs::remove_file(&left).await {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RestoreError::File { path: left, source });
                }
                _ => {}
            }
        }
        Ok(Attempt::Refused(refused))
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
