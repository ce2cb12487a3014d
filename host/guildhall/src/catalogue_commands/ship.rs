//! What authors need to ship a component: a key, a signature, and a place in a registry.

use super::Place;
use super::examine::{Examiner, read, registry, signature_file};
use crate::bad_input::{BadInput, OrBadInput};
use crate::fleet_commands::write_out;
use anyhow::{Context, Result};
use guildhall_distribution::{ArtifactReference, SecretKey, Signature};
use std::path::PathBuf;

/// `guildhall plugin push`.
#[derive(clap::Args)]
pub(crate) struct Push {
    /// The component. FILE.sig beside it goes with it.
    file: PathBuf,
    /// oci://HOST/REPOSITORY:TAG
    to: String,
    /// Sign it with this key, instead of taking FILE.sig.
    #[arg(long, value_name = "KEY-FILE")]
    key: Option<PathBuf>,
    /// Speak plain HTTP to a registry that is not on this machine.
    #[arg(long)]
    plain_http: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn push(arguments: Push) -> Result<()> {
    let reference = ArtifactReference::parse(&arguments.to).or_bad_input()?;
    if reference.digest().is_some() {
        return Err(BadInput(format!("{reference}: a digest comes of a push; name only the tag")).into());
    }
    let wasm = read(&arguments.file)?;
    let signature = signature(&arguments, &wasm)?;
    let (configuration, name) = (arguments.place.configuration()?, arguments.file.display().to_string());
    let describe = move || -> Result<_> {
        let described = Examiner::new(configuration, Vec::new())?.describe(&wasm, &name)?;
        Ok((described, wasm))
    };
    let (described, wasm) = tokio::task::spawn_blocking(describe).await??;
    let pushed = registry(&reference, arguments.plain_http)?
        .push(&wasm, &described.id, &described.version, signature.as_ref())
        .await
        .or_bad_input()?;
    write_out(&format!(
        "{} {} is pushed as {reference}@{}\n",
        described.id, described.version, pushed.manifest
    ))
}

/// A signature that is not one of this component is not pushed.
fn signature(arguments: &Push, wasm: &[u8]) -> Result<Option<Signature>> {
    if let Some(key) = &arguments.key {
        return Ok(Some(SecretKey::read(key).or_bad_input()?.sign(wasm)));
    }
    let beside = signature_file(&arguments.file);
    if !beside.exists() {
        return Ok(None);
    }
    let name = || beside.display().to_string();
    let text = std::fs::read_to_string(&beside).with_context(name).or_bad_input()?;
    let signature: Signature = text.parse().with_context(name).or_bad_input()?;
    signature.verify(wasm).with_context(name).or_bad_input()?;
    Ok(Some(signature))
}

/// `guildhall plugin sign`.
#[derive(clap::Args)]
pub(crate) struct Sign {
    /// The component.
    file: PathBuf,
    /// The secret key's file.
    #[arg(long, value_name = "KEY-FILE")]
    key: PathBuf,
}

pub(super) fn sign(arguments: &Sign) -> Result<()> {
    let wasm = read(&arguments.file)?;
    let key = SecretKey::read(&arguments.key).or_bad_input()?;
    let to = signature_file(&arguments.file);
    std::fs::write(&to, format!("{}\n", key.sign(&wasm)))
        .with_context(|| to.display().to_string())
        .or_bad_input()?;
    write_out(&format!("{} is signed by {}\n", arguments.file.display(), key.public()))
}

/// `guildhall plugin keygen`.
#[derive(clap::Args)]
pub(crate) struct Keygen {
    /// Where the secret key goes: a file that does not exist. The public key is printed.
    file: PathBuf,
}

pub(super) fn make_key(arguments: &Keygen) -> Result<()> {
    let key = SecretKey::generate(&arguments.file).or_bad_input()?;
    write_out(&format!("{}\n", key.public()))
}
