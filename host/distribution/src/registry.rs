//! One registry, asked for one artifact: a manifest with one Wasm layer. Everything that comes is bounded, and checked
//! against its digest before anybody sees it.

use crate::config;
use crate::credentials::Credentials;
use crate::error::DistributionError;
use crate::reference::ArtifactReference;
use crate::{LARGEST_COMPONENT, Signature};
use futures_util::StreamExt;
use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageManifest,
};
use oci_client::{Client, RegistryOperation};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// Annotations of the manifest, the first two as OCI names them.
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const SIGNATURE: &str = "guildhall.plugin.signature";

/// A registry that does not take a connection in this time is away.
const CONNECT: Duration = Duration::from_secs(10);
/// So long may it be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// So long may all of an exchange take.
const EXCHANGE: Duration = Duration::from_secs(600);

/// What was fetched.
#[derive(Debug)]
pub struct Artifact {
    /// The component.
    pub wasm: Vec<u8>,
    /// The manifest's digest: `sha256:…`.
    pub manifest: String,
    /// The author's signature, as text; not looked at.
    pub signature: Option<String>,
}

/// What was pushed.
#[derive(Debug)]
pub struct Pushed {
    /// The manifest's digest: `sha256:…`.
    pub manifest: String,
}

/// A registry.
pub struct Registry {
    client: Client,
    reference: ArtifactReference,
    credentials: Credentials,
}

impl Registry {
    /// The registry of this artifact. On this machine it speaks plain HTTP; elsewhere only when that is asked for.
    pub fn new(
        reference: ArtifactReference,
        credentials: Credentials,
        plain_http: bool,
    ) -> Result<Self, DistributionError> {
        let config = ClientConfig {
            protocol: if plain_http || reference.is_loopback() {
                ClientProtocol::Http
            } else {
                ClientProtocol::Https
            },
            platform_resolver: None,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("guildhall/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| failed(&reference, error))?;
        Ok(Self {
            client,
            reference,
            credentials,
        })
    }

    /// Fetches the component.
    pub async fn pull(&self) -> Result<Artifact, DistributionError> {
        self.in_time(self.fetch()).await
    }

    /// Pushes a component under the reference's tag, with its signature where there is one.
    pub async fn push(
        &self,
        wasm: &[u8],
        id: &str,
        version: &str,
        signature: Option<&Signature>,
    ) -> Result<Pushed, DistributionError> {
        self.in_time(self.send(wasm, id, version, signature)).await
    }

    async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, DistributionError>>,
    ) -> Result<T, DistributionError> {
        let late = |_| Err(self.unreachable(format!("it was not done within {EXCHANGE:?}")));
        tokio::time::timeout(EXCHANGE, exchange).await.unwrap_or_else(late)
    }

    fn unreachable(&self, reason: String) -> DistributionError {
        DistributionError::Unreachable {
            registry: self.reference.registry().to_owned(),
            reason,
        }
    }

    async fn fetch(&self) -> Result<Artifact, DistributionError> {
        // Other manifests are asked for too, so that what is there can be named instead of being unknown.
        let accepted = [
            OCI_IMAGE_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        ];
        let (body, _) = self
            .client
            .pull_manifest_raw(self.reference.inner(), self.credentials.to_send(), &accepted)
            .await
            .map_err(|error| failed(&self.reference, error))?;
        let manifest = digest(&body);
        if let Some(wanted) = self.reference.digest() {
            self.check("the manifest", wanted, &manifest)?;
        }
        let (layer, annotations) = self.layer(&body)?;
        let wasm = self.blob(&layer).await?;
        self.check("the component", &layer.digest, &digest(&wasm))?;
        Ok(Artifact {
            wasm,
            manifest,
            signature: annotations.get(SIGNATURE).cloned(),
        })
    }

    fn check(&self, what: &'static str, wanted: &str, found: &str) -> Result<(), DistributionError> {
        if wanted == found {
            return Ok(());
        }
        Err(DistributionError::Digest {
            reference: self.reference.to_string(),
            what,
            wanted: wanted.to_owned(),
            found: found.to_owned(),
        })
    }

    /// The one layer of a manifest, with the manifest's annotations.
    fn layer(&self, manifest: &[u8]) -> Result<(OciDescriptor, BTreeMap<String, String>), DistributionError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            media_type: Option<String>,
        }
        let other = |reason: String| DistributionError::NotAComponent {
            reference: self.reference.to_string(),
            reason,
        };
        if let Ok(Kind { media_type: Some(kind) }) = serde_json::from_slice(manifest)
            && kind != OCI_IMAGE_MEDIA_TYPE
        {
            return Err(other(format!("it is of the media type {kind}")));
        }
        let manifest: OciImageManifest =
            serde_json::from_slice(manifest).map_err(|error| other(format!("its manifest cannot be read: {error}")))?;
        if manifest.config.media_type != CONFIG {
            return Err(other(format!(
                "its config is of the media type {}",
                manifest.config.media_type
            )));
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(other(format!("it has {} layers and not one", manifest.layers.len())));
        };
        if layer.media_type != LAYER {
            return Err(other(format!("its layer is of the media type {}", layer.media_type)));
        }
        let layer = OciDescriptor {
            media_type: layer.media_type.clone(),
            digest: layer.digest.clone(),
            size: layer.size,
            // Only the registry is asked, whatever other places the manifest names.
            urls: None,
            annotations: None,
        };
        Ok((layer, manifest.annotations.unwrap_or_default()))
    }

    async fn blob(&self, layer: &OciDescriptor) -> Result<Vec<u8>, DistributionError> {
        let too_large = |bytes: u64| DistributionError::TooLarge {
            reference: self.reference.to_string(),
            bytes,
        };
        let size = u64::try_from(layer.size).unwrap_or(u64::MAX);
        if size > LARGEST_COMPONENT {
            return Err(too_large(size));
        }
        let mut blob = self
            .client
            .pull_blob_stream(self.reference.inner(), layer)
            .await
            .map_err(|error| failed(&self.reference, error))?;
        let mut wasm = Vec::new();
        while let Some(part) = blob.stream.next().await {
            let part = part.map_err(|error| match error.downcast::<DigestError>() {
                Ok(error) => failed(&self.reference, error.into()),
                Err(error) => self.unreachable(words(&error)),
            })?;
            wasm.extend_from_slice(&part);
            // Whatever the manifest has said.
            if wasm.len() as u64 > LARGEST_COMPONENT {
                return Err(too_large(wasm.len() as u64));
            }
        }
        Ok(wasm)
    }

    async fn send(
        &self,
        wasm: &[u8],
        id: &str,
        version: &str,
        signature: Option<&Signature>,
    ) -> Result<Pushed, DistributionError> {
        let reference = self.reference.inner();
        let failed = |error| failed(&self.reference, error);
        let config = config::config(wasm, &digest(wasm)).map_err(|reason| DistributionError::NotAComponent {
            reference: "the file".into(),
            reason,
        })?;
        let layer = ImageLayer::new(wasm.to_vec(), LAYER.into(), None);
        let config = Config::new(config, CONFIG.into(), None);
        let mut annotations = BTreeMap::from([
            (TITLE.to_owned(), id.to_owned()),
            (VERSION.to_owned(), version.to_owned()),
        ]);
        if let Some(signature) = signature {
            annotations.insert(SIGNATURE.into(), signature.to_string());
        }
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, Some(annotations));
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.into());
        self.client
            .auth(reference, self.credentials.to_send(), RegistryOperation::Push)
            .await
            .map_err(failed)?;
        for (data, digest) in [
            (&layer.data, &layer.sha256_digest()),
            (&config.data, &config.sha256_digest()),
        ] {
            self.client.push_blob(reference, data, digest).await.map_err(failed)?;
        }
        let body = serde_json::to_vec(&manifest).map_err(|error| failed(error.into()))?;
        let pushed = Pushed {
            manifest: digest(&body),
        };
        let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        // Last: until then the tag names what it named.
        self.client
            .push_manifest_raw(reference, body, kind)
            .await
            .map_err(failed)?;
        Ok(pushed)
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// What an error of the client's means for who asked.
fn failed(reference: &ArtifactReference, error: OciDistributionError) -> DistributionError {
    let registry = reference.registry().to_owned();
    let refused = || DistributionError::Refused {
        registry: registry.clone(),
        repository: reference.inner().repository().to_owned(),
    };
    let missing = || DistributionError::NotFound(reference.to_string());
    match error {
        OciDistributionError::RequestError(error) => match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => refused(),
            Some(404) => missing(),
            Some(status) => DistributionError::Registry {
                registry,
                reason: format!("it answers {status}"),
            },
            None => DistributionError::Unreachable {
                registry,
                reason: words(&error.without_url()),
            },
        },
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError { code: 401 | 403, .. } => refused(),
        OciDistributionError::ImageManifestNotFoundError(_) | OciDistributionError::ServerError { code: 404, .. } => {
            missing()
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let says = |codes: &[OciErrorCode]| envelope.errors.iter().any(|error| codes.contains(&error.code));
            if says(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                refused()
            } else if says(&[
                OciErrorCode::ManifestUnknown,
                OciErrorCode::NameUnknown,
                OciErrorCode::NotFound,
                OciErrorCode::BlobUnknown,
            ]) {
                missing()
            } else {
                DistributionError::Registry {
                    registry,
                    reason: envelope.to_string(),
                }
            }
        }
        OciDistributionError::DigestError(DigestError::VerificationError { expected, actual }) => {
            DistributionError::Digest {
                reference: reference.to_string(),
                what: "what it sent",
                wanted: expected,
                found: actual,
            }
        }
        error => DistributionError::Registry {
            registry,
            reason: words(&error),
        },
    }
}

/// An error with its causes: the outermost alone says too little.
fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        // Some repeat their cause.
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        source = cause.source();
    }
    words
}
