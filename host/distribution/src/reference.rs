//! Which artifact: `oci://HOST/REPOSITORY:TAG`, or with a manifest's digest.

use crate::error::DistributionError;
use oci_client::Reference;
use std::fmt;
use std::net::IpAddr;

/// An artifact in a registry. It always has a tag or a digest: nothing is taken by a tag that nobody named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArtifactReference(Reference);

impl ArtifactReference {
    /// Whether the text is meant as an artifact rather than a file.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }

    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Self, DistributionError> {
        let wrong = |reason: String| DistributionError::Reference {
            text: text.to_owned(),
            reason,
        };
        let Some(rest) = text.strip_prefix("oci://") else {
            return Err(wrong("only oci:// is known".into()));
        };
        let Some((host, repository)) = rest.split_once('/') else {
            return Err(wrong("there is no repository".into()));
        };
        // Without a dot or a port it would be taken for a repository of Docker's own registry.
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(wrong(format!("{host:?} is no host of a registry")));
        }
        if !repository.contains([':', '@']) {
            return Err(wrong("there is neither a tag nor a digest".into()));
        }
        Reference::try_from(rest)
            .map(Self)
            .map_err(|error| wrong(error.to_string()))
    }

    /// The registry: `host` or `host:port`.
    pub fn registry(&self) -> &str {
        self.0.registry()
    }

    /// The manifest's digest that it pins, if any.
    pub fn digest(&self) -> Option<&str> {
        self.0.digest()
    }

    /// The same by its tag alone, where it has one: what stays the same while the tag is moved.
    pub fn without_digest(&self) -> String {
        let text = self.to_string();
        match (self.0.tag(), text.split_once('@')) {
            (Some(_), Some((tagged, _))) => tagged.to_owned(),
            _ => text,
        }
    }

    /// Whether the registry is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self
            .registry()
            .rsplit_once(':')
            .map_or(self.registry(), |(host, _)| host);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn inner(&self) -> &Reference {
        &self.0
    }
}

impl fmt::Display for ArtifactReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "oci://{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_host_and_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for text in [
            "oci://ghcr.io/guild/echo:1.0.0".to_owned(),
            "oci://localhost:5000/echo:latest".to_owned(),
            format!("oci://127.0.0.1:5000/guild/echo@{digest}"),
            format!("oci://127.0.0.1:5000/guild/echo:1.0.0@{digest}"),
        ] {
            let reference = ArtifactReference::parse(&text).expect("it is right");
            assert_eq!(reference.to_string(), text);
        }
        for (text, reason) in [
            ("https://ghcr.io/echo:1", "only oci://"),
            ("oci://ghcr.io", "no repository"),
            ("oci://guild/echo:1", "no host"),
            ("oci://ghcr.io/echo", "neither a tag nor a digest"),
            ("oci://ghcr.io/Echo:1", "invalid reference format"),
        ] {
            let wrong = ArtifactReference::parse(text).expect_err("it is wrong").to_string();
            assert!(wrong.contains(reason) && wrong.contains(text), "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| ArtifactReference::parse(text).expect("right").is_loopback();
        assert!(loopback("oci://127.0.0.1:5000/echo:1"));
        assert!(loopback("oci://localhost:5000/echo:1"));
        assert!(!loopback("oci://localhost.example.org/echo:1"));
        assert!(!loopback("oci://10.0.0.1:5000/echo:1"));
    }
}
