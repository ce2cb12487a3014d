//! The keys of `[replication]`, and what is made of them.

use anyhow::{Result, bail};
use guildhall_replication::{Bucket, Credentials, Location, Restorer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Guild files in a bucket, for gateway pods and the commands that restore.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Replication {
    /// Where guild files are replicated: `s3://bucket/prefix`; none for no replication.
    pub(crate) url: Option<String>,
    /// A server that speaks S3: `http://host:port`; none for AWS.
    pub(crate) endpoint: Option<String>,
    /// The bucket's region.
    pub(crate) region: String,
    /// Better given as AWS_ACCESS_KEY_ID; none for what the machine provides.
    pub(crate) access_key_id: String,
    /// Better given as AWS_SECRET_ACCESS_KEY.
    pub(crate) secret_access_key: String,
    /// Litestream 0.5, which carries files there and back.
    pub(crate) program: PathBuf,
    /// Litestream's control socket; none for `litestream.sock` in `data`.
    pub(crate) socket: Option<PathBuf>,
    /// Whether Litestream runs beside the pod, with the configuration that `guildhall litestream-configuration` writes; otherwise the pod starts it.
    pub(crate) sidecar: bool,
    /// Files registered with Litestream at once: each costs it half a MiB.
    pub(crate) hot_files: NonZeroUsize,
    /// Milliseconds between two syncs of a guild that is written.
    pub(crate) sync_ms: NonZeroU32,
    /// Whether actions wait until what they follow from is in the bucket.
    pub(crate) gate: bool,
    /// Hours to whose every moment a guild can be restored.
    pub(crate) retention_hours: NonZeroU32,
    /// Guilds that a pod restores at once.
    pub(crate) restores: NonZeroUsize,
}

impl fmt::Debug for Replication {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the keys.
        write!(formatter, "Replication {{ url: {:?} }}", self.url)
    }
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            url: None,
            endpoint: None,
            region: "us-east-1".into(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
            program: "litestream".into(),
            socket: None,
            sidecar: false,
            hot_files: NonZeroUsize::MIN.saturating_add(255),
            sync_ms: NonZeroU32::MIN.saturating_add(999),
            gate: false,
            retention_hours: NonZeroU32::MIN.saturating_add(167),
            restores: NonZeroUsize::MIN.saturating_add(7),
        }
    }
}

impl Replication {
    /// Where replicas are; none where nothing is replicated.
    pub(crate) fn location(&self) -> Result<Option<Location>> {
        let Some(url) = &self.url else { return Ok(None) };
        let credentials = match (self.access_key_id.as_str(), self.secret_access_key.as_str()) {
            ("", "") => None,
            ("", _) | (_, "") => {
                bail!("replication: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together; one is missing")
            }
            (id, key) => Some(Credentials {
                access_key_id: id.into(),
                secret_access_key: key.into(),
            }),
        };
        Ok(Some(Location::new(
            url,
            self.endpoint.as_deref(),
            &self.region,
            credentials,
        )?))
    }

    /// Restores out of the bucket; none where nothing is replicated.
    pub(crate) fn restorer(&self) -> Result<Option<Restorer>> {
        let Some(location) = self.location()? else {
            return Ok(None);
        };
        let bucket = Bucket::new(&location)?;
        Ok(Some(Restorer::new(&self.program, bucket, self.restores.get())))
    }

    /// Litestream's control socket.
    pub(crate) fn socket(&self, data: &Path) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| data.join("litestream.sock"))
    }

    /// How long the bucket keeps what has been replaced.
    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_hours.get()) * 3600)
    }
}
