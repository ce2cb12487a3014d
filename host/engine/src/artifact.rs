//! Compiled components on disk: compiled once, mapped by every later start.
//!
//! A file's name holds the component's digest and everything that compiled code depends on (wasmtime's
//! version, its configuration, the target), so that a file is never rewritten; what cannot be read is a miss.

use crate::runtime::{GuestClass, Runtime};
use sha2::{Digest, Sha256};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A directory of compiled components, written only by the host: whoever can write it runs code in the host.
#[derive(Clone, Debug)]
pub struct ArtifactCache {
    directory: PathBuf,
}

impl ArtifactCache {
    /// Opens the directory, making it where needed, for the host's user only.
    pub fn open(directory: impl Into<PathBuf>) -> std::io::Result<Self> {
        let directory = directory.into();
        std::fs::create_dir_all(&directory)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { directory })
    }

    /// The compiled form of `wasm` for guests of this class: from the cache, or compiled now and kept.
    pub(crate) fn load(&self, runtime: &Runtime, class: GuestClass, wasm: &[u8]) -> wasmtime::Result<Component> {
        let engine = runtime.engine(class);
        let path = self.path(engine, wasm);
        if path.exists() {
            // SAFETY: only `store` writes files of this name into a directory that only the host's user can
            // enter, whole and never again; wasmtime checks the version and configuration itself.
            match unsafe { Component::deserialize_file(engine, &path) } {
                Ok(component) => return Ok(component),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "compiled plugin is unusable, compiling again")
                }
            }
        }
        let compiled = engine.precompile_component(wasm)?;
        match self.store(&path, &compiled) {
            // SAFETY: as above; the bytes are those that `store` has just written.
            Ok(()) => unsafe { Component::deserialize_file(engine, &path) },
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled plugin cannot be kept");
                // SAFETY: the bytes come from this engine's compiler.
                unsafe { Component::deserialize(engine, &compiled) }
            }
        }
    }

    fn path(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        let mut compatibility = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut compatibility);
        self.directory
            .join(format!("{}-{:016x}.cwasm", digest(wasm), compatibility.finish()))
    }

    fn store(&self, path: &Path, compiled: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(compiled)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

/// The component's identity: SHA-256 of its bytes, in hexadecimal.
pub(crate) fn digest(wasm: &[u8]) -> String {
    hex::encode(Sha256::digest(wasm))
}
