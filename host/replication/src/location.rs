//! Where replicas are: a bucket, a prefix in it, and how the server is reached. Knows the layout below the prefix.

use guildhall_model::GuildId;
use std::fmt;
use url::Url;

/// Digits of an epoch in a path: names then sort as numbers do.
const EPOCH_DIGITS: usize = 16;
/// What the name of a ready epoch's marker ends in.
const READY: &str = ".ready";

/// What signs requests; never shown.
#[derive(Clone)]
pub struct Credentials {
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

/// A place for replicas in a bucket.
#[derive(Clone, Debug)]
pub struct Location {
    pub(crate) bucket: String,
    prefix: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    /// None: whatever the machine provides.
    pub(crate) credentials: Option<Credentials>,
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// The bucket's URL.
    #[error("replication.url = {0:?}: write it as s3://bucket or s3://bucket/prefix")]
    Url(String),
    /// The server's.
    #[error("replication.endpoint = {0:?}: write it as http://host:port or https://host")]
    Endpoint(String),
}

impl Location {
    /// The place that `s3://bucket/prefix` names; `endpoint` is the server, where it is not AWS.
    pub fn new(
        url: &str,
        endpoint: Option<&str>,
        region: &str,
        credentials: Option<Credentials>,
    ) -> Result<Self, LocationError> {
        let wrong = || LocationError::Url(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        let bucket = parsed.host_str().filter(|bucket| !bucket.is_empty());
        let (Some(bucket), "s3") = (bucket, parsed.scheme()) else {
            return Err(wrong());
        };
        if let Some(endpoint) = endpoint {
            let server = Url::parse(endpoint).ok();
            if !server.is_some_and(|server| matches!(server.scheme(), "http" | "https") && server.host().is_some()) {
                return Err(LocationError::Endpoint(endpoint.to_owned()));
            }
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: parsed.path().trim_matches('/').to_owned(),
            endpoint: endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
            region: region.to_owned(),
            credentials,
        })
    }

    pub(crate) fn guild(&self, guild: GuildId) -> String {
        if self.prefix.is_empty() {
            format!("guilds/{guild}")
        } else {
            format!("{}/guilds/{guild}", self.prefix)
        }
    }

    /// Below which Litestream keeps what was written in this epoch.
    pub(crate) fn epoch(&self, guild: GuildId, epoch: i64) -> String {
        format!("{}/{epoch:0EPOCH_DIGITS$}", self.guild(guild))
    }

    /// The object that says that the epoch can be restored.
    pub(crate) fn ready(&self, guild: GuildId, epoch: i64) -> String {
        format!("{}{READY}", self.epoch(guild, epoch))
    }

    /// The epoch that a marker of this name is about.
    pub(crate) fn epoch_of_marker(name: &str) -> Option<i64> {
        name.strip_suffix(READY)?.parse().ok()
    }

    /// The replica's URL, as Litestream takes it.
    pub fn replica(&self, guild: GuildId, epoch: i64) -> String {
        // A bucket's name and a path of digits always make a URL.
        let mut url = format!(
            "s3://{}/{}?region={}",
            self.bucket,
            self.epoch(guild, epoch),
            self.region
        );
        if let Some(endpoint) = &self.endpoint {
            let escaped: String = url::form_urlencoded::byte_serialize(endpoint.as_bytes()).collect();
            url.push_str(&format!("&endpoint={escaped}&forcePathStyle=true"));
        }
        url
    }

    /// What a Litestream process needs in its environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let keys = self.credentials.iter().flat_map(|credentials| {
            [
                ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
                ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
            ]
        });
        keys.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_part_of_the_path_and_sorts_as_a_number() {
        let location =
            Location::new("s3://bucket/some/prefix/", Some("http://127.0.0.1:9000/"), "r", None).expect("right");
        let (second, tenth) = (location.epoch(GuildId(7), 2), location.epoch(GuildId(7), 10));
        assert_eq!(second, "some/prefix/guilds/7/0000000000000002");
        assert!(second < tenth);
        assert_eq!(
            location.replica(GuildId(7), 2),
            "s3://bucket/some/prefix/guilds/7/0000000000000002?region=r&endpoint=http%3A%2F%2F127.0.0.1%3A9000&forcePathStyle=true"
        );
        assert_eq!(Location::epoch_of_marker("0000000000000010.ready"), Some(10));
        assert_eq!(Location::epoch_of_marker("0000000000000010"), None);
    }

    #[test]
    fn a_place_that_is_none_is_named() {
        for url in ["bucket", "http://bucket/x", "s3://"] {
            let error = Location::new(url, None, "r", None).expect_err("it is wrong");
            assert!(error.to_string().contains(url), "{error}");
        }
        let error = Location::new("s3://b", Some("localhost:9000"), "r", None).expect_err("it is wrong");
        assert!(error.to_string().contains("localhost:9000"), "{error}");
    }
}
