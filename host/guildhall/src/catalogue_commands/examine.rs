//! A component before it is installed or pushed: its bytes from a file or a registry, who signed it, and what it says of
//! itself. Nothing is kept.

use crate::bad_input::{BadInput, OrBadInput};
use crate::configuration::Configuration;
use anyhow::{Context, Result};
use guildhall_catalogue::{Digest, SignedBy, Source};
use guildhall_distribution::{
    ArtifactReference, Credentials, DistributionError, LARGEST_COMPONENT, PublicKey, Registry, Signature,
    SignatureError,
};
use guildhall_engine::{ArtifactCache, Plugin, Runtime, RuntimeConfig};
use guildhall_gateway::GuildHost;
use guildhall_model::PluginDescription;
use std::path::{Path, PathBuf};

/// A component, checked as far as it can be without installing it.
pub(super) struct Examined {
    pub(super) wasm: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) source: Source,
    pub(super) description: PluginDescription,
    /// Who signed it, and is trusted.
    pub(super) signed_by: Option<SignedBy>,
    /// Who signed it, where nobody is said to be trusted.
    pub(super) unknown_signer: Option<PublicKey>,
}

/// Bytes and where they came from, with the signature that came with them.
pub(super) struct Fetched {
    wasm: Vec<u8>,
    source: Source,
    signature: Option<String>,
}

/// The file beside a component that holds its signature.
pub(super) fn signature_file(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads a component from a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path)
        .with_context(|| path.display().to_string())
        .or_bad_input()?
        .len();
    if size > LARGEST_COMPONENT {
        let reference = path.display().to_string();
        return Err(DistributionError::TooLarge { reference, bytes: size }).or_bad_input();
    }
    std::fs::read(path)
        .with_context(|| path.display().to_string())
        .or_bad_input()
}

/// Everything that is named: an artifact, a file, or every component of a directory.
pub(super) async fn fetch(what: &str, plain_http: bool) -> Result<Vec<Fetched>> {
    if ArtifactReference::is_meant(what) {
        return Ok(vec![pull(what, plain_http).await?]);
    }
    let path = Path::new(what);
    if !path.is_dir() {
        return Ok(vec![read_with_signature(path)?]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)
        .with_context(|| what.to_owned())
        .or_bad_input()?
    {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(BadInput(format!("{what}: there is no .wasm file in this directory")).into());
    }
    files.sort();
    files.iter().map(|file| read_with_signature(file)).collect()
}

fn read_with_signature(path: &Path) -> Result<Fetched> {
    let wasm = read(path)?;
    let beside = signature_file(path);
    let signature = match std::fs::read_to_string(&beside) {
        Ok(signature) => Some(signature),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| beside.display().to_string()).or_bad_input(),
    };
    let path = std::path::absolute(path)?.display().to_string();
    Ok(Fetched {
        wasm,
        source: Source::File { path },
        signature,
    })
}

/// A registry, with the credentials that there are for it.
pub(super) fn registry(reference: &ArtifactReference, plain_http: bool) -> Result<Registry> {
    let credentials = Credentials::find(reference.registry()).or_bad_input()?;
    Registry::new(reference.clone(), credentials, plain_http).or_bad_input()
}

async fn pull(what: &str, plain_http: bool) -> Result<Fetched> {
    let reference = ArtifactReference::parse(what).or_bad_input()?;
    let artifact = registry(&reference, plain_http)?.pull().await.or_bad_input()?;
    Ok(Fetched {
        wasm: artifact.wasm,
        source: Source::Oci {
            reference: reference.without_digest(),
            manifest: artifact.manifest,
        },
        signature: artifact.signature,
    })
}

/// Has components describe themselves, and looks at their signatures.
pub(super) struct Examiner {
    runtime: Runtime,
    artifacts: ArtifactCache,
    configuration: Configuration,
    trusted: Vec<PublicKey>,
    /// Gone with the examiner, where compiled components are not kept.
    _directory: Option<tempfile::TempDir>,
}

impl Examiner {
    /// Signatures are asked for where somebody is trusted.
    pub(super) fn new(configuration: Configuration, trusted: Vec<PublicKey>) -> Result<Self> {
        let limits = configuration.call_limits();
        let runtime = Runtime::new(&RuntimeConfig {
            memory_bytes: limits.memory_bytes,
            ..RuntimeConfig::default()
        })
        .map_err(anyhow::Error::from)
        .context("WebAssembly cannot be run here")?;
        // Where a host keeps compiled components, it finds this one compiled. A directory that is made here could be one
        // that the host may not enter.
        let kept = configuration.data.join("compiled-plugins");
        let opened = if kept.is_dir() {
            ArtifactCache::open(kept).ok()
        } else {
            None
        };
        let (artifacts, directory) = match opened {
            Some(artifacts) => (artifacts, None),
            None => {
                let directory = tempfile::tempdir()?;
                (ArtifactCache::open(directory.path())?, Some(directory))
            }
        };
        Ok(Self {
            runtime,
            artifacts,
            configuration,
            trusted,
            _directory: directory,
        })
    }

    /// What a component says of itself.
    pub(super) fn describe(&self, wasm: &[u8], name: &str) -> Result<PluginDescription> {
        let plugin = Plugin::<GuildHost>::load(&self.runtime, &self.artifacts, &self.configuration.call_limits(), wasm);
        let plugin = plugin.with_context(|| name.to_owned()).or_bad_input()?;
        Ok(plugin.description().clone())
    }

    /// Checks the signature before anything of the component runs.
    pub(super) fn examine(&self, fetched: Fetched) -> Result<Examined> {
        let Fetched {
            wasm,
            source,
            signature,
        } = fetched;
        let name = match &source {
            Source::File { path } => path.clone(),
            Source::Oci { reference, .. } => reference.clone(),
        };
        let (signed_by, unknown_signer) = self
            .signer(&wasm, signature)
            .with_context(|| name.clone())
            .or_bad_input()?;
        Ok(Examined {
            description: self.describe(&wasm, &name)?,
            digest: Digest::of(&wasm),
            wasm,
            source,
            signed_by,
            unknown_signer,
        })
    }

    fn signer(&self, wasm: &[u8], signature: Option<String>) -> Result<(Option<SignedBy>, Option<PublicKey>)> {
        let Some(signature) = signature else {
            if self.trusted.is_empty() {
                return Ok((None, None));
            }
            let reason = "it is not signed, and only components signed by a trusted key are installed";
            return Err(BadInput(reason.into()).into());
        };
        let signature: Signature = signature.parse()?;
        match signature.check(wasm, &self.trusted) {
            Ok(key) => Ok((Some(SignedBy { key: key.to_string() }), None)),
            Err(SignatureError::Untrusted(key)) if self.trusted.is_empty() => Ok((None, Some(*key))),
            Err(error) => Err(error.into()),
        }
    }
}
