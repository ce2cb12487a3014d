//! What is asked of the bucket itself: which epochs of a guild can be restored, and removing old ones. The replicas' own
//! objects are Litestream's.

use crate::connection::Connections;
use crate::location::Location;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use guildhall_model::{GuildId, UnixMilliseconds};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a request is tried again: a bucket that is away is told soon.
const RETRY: Duration = Duration::from_secs(5);
/// Requests under way at once while objects are removed.
const REMOVALS: usize = 16;

/// The bucket did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// A request failed.
    #[error("the bucket {bucket:?} does not do what it is asked")]
    Request {
        /// Its name.
        bucket: String,
        /// What was seen.
        #[source]
        source: Box<object_store::Error>,
    },
    /// A marker is not what this version writes.
    #[error("the marker {path} cannot be read")]
    Marker {
        /// Its place.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// An epoch that can be restored, as its owner marked it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReadyEpoch {
    /// The epoch.
    pub epoch: i64,
    /// Its owner.
    pub pod: String,
    /// When everything that the file held at its beginning was in the bucket.
    pub ready_at: UnixMilliseconds,
}

/// An object of Litestream's: what some transactions in a row changed.
pub(crate) struct ReplicaObject {
    pub(crate) path: Path,
    /// The first of the transactions.
    pub(crate) first: u64,
    /// The last of them.
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

impl ReplicaObject {
    /// By its name: `<level>/<first>-<last>.ltx`, in hexadecimal.
    fn of(object: ObjectMeta) -> Option<Self> {
        let (first, last) = object.location.filename()?.strip_suffix(".ltx")?.split_once('-')?;
        let (first, last) = (
            u64::from_str_radix(first, 16).ok()?,
            u64::from_str_radix(last, 16).ok()?,
        );
        Some(Self {
            path: object.location,
            first,
            last,
            bytes: object.size,
        })
    }
}

/// A client of the bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    location: Location,
}

impl Bucket {
    /// A client; nothing is asked yet.
    pub fn new(location: &Location) -> Result<Self, BucketError> {
        // What the environment says first: on AWS it may be a role.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&location.bucket)
            .with_region(&location.region)
            .with_virtual_hosted_style_request(location.endpoint.is_none())
            .with_allow_http(location.endpoint.is_some())
            .with_http_connector(Connections)
            .with_retry(RetryConfig {
                max_retries: 2,
                retry_timeout: RETRY,
                backoff: BackoffConfig::default(),
            });
        if let Some(endpoint) = &location.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &location.credentials {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
        }
        let store = builder.build().map_err(|error| request_failed(location, error))?;
        Ok(Self {
            store: Arc::new(store),
            location: location.clone(),
        })
    }

    /// Where the replicas are.
    pub fn location(&self) -> &Location {
        &self.location
    }

    fn failed(&self, error: object_store::Error) -> BucketError {
        request_failed(&self.location, error)
    }

    /// The guild's epochs that can be restored, the newest first.
    pub async fn ready_epochs(&self, guild: GuildId) -> Result<Vec<i64>, BucketError> {
        Ok(self.epochs(guild).await?.0)
    }

    /// The guild's epochs that can be restored, and all that have objects; the newest first.
    async fn epochs(&self, guild: GuildId) -> Result<(Vec<i64>, Vec<i64>), BucketError> {
        let below = Path::from(self.location.guild(guild));
        let found = self.store.list_with_delimiter(Some(&below)).await;
        let found = found.map_err(|error| self.failed(error))?;
        let markers = found.objects.iter().filter_map(|object| object.location.filename());
        let mut ready: Vec<_> = markers.filter_map(Location::epoch_of_marker).collect();
        let prefixes = found.common_prefixes.iter().filter_map(|prefix| prefix.filename());
        let mut begun: Vec<_> = prefixes.filter_map(|name| name.parse().ok()).collect();
        for epochs in [&mut ready, &mut begun] {
            epochs.sort_unstable_by(|one: &i64, other| other.cmp(one));
        }
        Ok((ready, begun))
    }

    /// What Litestream keeps of this epoch.
    pub(crate) async fn objects(&self, guild: GuildId, epoch: i64) -> Result<Vec<ReplicaObject>, BucketError> {
        let below = Path::from(self.location.epoch(guild, epoch));
        let objects = self.store.list(Some(&below));
        let objects: Vec<_> = objects.try_collect().await.map_err(|error| self.failed(error))?;
        Ok(objects.into_iter().filter_map(ReplicaObject::of).collect())
    }

    /// The last transactions of the objects that Litestream keeps of this epoch, ascending: points that it may be restored to.
    pub(crate) async fn points(&self, guild: GuildId, epoch: i64) -> Result<Vec<u64>, BucketError> {
        let objects = self.objects(guild, epoch).await?;
        let mut points: Vec<_> = objects.iter().map(|object| object.last).collect();
        points.sort_unstable();
        points.dedup();
        Ok(points)
    }

    /// One of these objects, whole.
    pub(crate) async fn fetch(&self, path: &Path) -> Result<Bytes, BucketError> {
        let fetched = async { self.store.get(path).await?.bytes().await };
        fetched.await.map_err(|error| self.failed(error))
    }

    /// What the owner of a ready epoch left; none where it is not ready.
    pub async fn ready_epoch(&self, guild: GuildId, epoch: i64) -> Result<Option<ReadyEpoch>, BucketError> {
        let path = Path::from(self.location.ready(guild, epoch));
        let marker = match self.store.get(&path).await {
            Ok(marker) => marker.bytes().await.map_err(|error| self.failed(error))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let marker = serde_json::from_slice(&marker).map_err(|source| BucketError::Marker {
            path: path.to_string(),
            source,
        })?;
        Ok(Some(marker))
    }

    /// Says that the epoch can be restored.
    pub async fn mark_ready(&self, guild: GuildId, marker: &ReadyEpoch) -> Result<(), BucketError> {
        let path = Path::from(self.location.ready(guild, marker.epoch));
        let json = serde_json::to_vec(marker).map_err(|source| BucketError::Marker {
            path: path.to_string(),
            source,
        })?;
        let put = self.store.put(&path, json.into()).await;
        put.map(drop).map_err(|error| self.failed(error))
    }

    /// When the last transaction of the epoch was uploaded; none where none is kept as it was written.
    pub(crate) async fn last_write(&self, guild: GuildId, epoch: i64) -> Result<Option<UnixMilliseconds>, BucketError> {
        // Level 0 has transactions as they came; the others are made of them later.
        let below = Path::from(format!("{}/0000", self.location.epoch(guild, epoch)));
        let mut objects = self.store.list(Some(&below));
        let mut last = None;
        while let Some(object) = objects.next().await {
            let object = object.map_err(|error| self.failed(error))?;
            last = last.max(u64::try_from(object.last_modified.timestamp_millis()).ok());
        }
        Ok(last)
    }

    /// Removes an epoch; its marker first, so that nobody restores half of it.
    pub async fn remove_epoch(&self, guild: GuildId, epoch: i64) -> Result<(), BucketError> {
        let marker = Path::from(self.location.ready(guild, epoch));
        match self.store.delete(&marker).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => return Err(self.failed(error)),
            _ => {}
        }
        let below = Path::from(self.location.epoch(guild, epoch));
        let objects = self.store.list(Some(&below));
        let removed = objects.map(|object| async {
            match self.store.delete(&object?.location).await {
                Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(error),
                _ => Ok(()),
            }
        });
        let removed: Result<Vec<()>, _> = removed.buffer_unordered(REMOVALS).try_collect().await;
        removed.map(drop).map_err(|error| self.failed(error))
    }

    /// Removes every epoch that a newer one has replaced for longer than `keep`; answers how many. What is kept lets the
    /// guild be restored to any moment of that time.
    pub async fn collect(&self, guild: GuildId, now: UnixMilliseconds, keep: Duration) -> Result<usize, BucketError> {
        let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let (ready, begun) = self.epochs(guild).await?;
        for newer in &ready {
            let marker = self.ready_epoch(guild, *newer).await?;
            if marker.is_none_or(|marker| now.saturating_sub(marker.ready_at) <= keep) {
                continue;
            }
            let mut old: Vec<_> = ready.iter().chain(&begun).filter(|epoch| *epoch < newer).collect();
            old.sort_unstable();
            old.dedup();
            for epoch in &old {
                self.remove_epoch(guild, **epoch).await?;
            }
            return Ok(old.len());
        }
        Ok(0)
    }
}

fn request_failed(location: &Location, source: object_store::Error) -> BucketError {
    BucketError::Request {
        bucket: location.bucket.clone(),
        source: Box::new(source),
    }
}
