//! JSON files that are written whole or not at all.

use crate::error::CatalogueError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::path::Path;

/// Reads a file of this format; none where there is no file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, known: u32) -> Result<Option<T>, CatalogueError> {
    /// Only the format: another one may have other fields.
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(disk(path, "it cannot be read", source)),
    };
    let damaged = |error: serde_json::Error| CatalogueError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let Format { format: found } = serde_json::from_slice(&text).map_err(damaged)?;
    if found > known {
        return Err(CatalogueError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}

/// Puts a file in the place of the old one, when all of it is on the disk.
pub(crate) fn write_json<T: Serialize>(staging: &Path, path: &Path, value: &T) -> Result<(), CatalogueError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| disk(path, "it cannot be written", error.into()))?;
    text.push(b'\n');
    write(staging, path, &text)
}

/// Puts a file in the place of the old one, when all of it is on the disk. Until then it is in the directory `staging` on
/// the same file system, and stays there where the process is killed.
pub(crate) fn write(staging: &Path, path: &Path, bytes: &[u8]) -> Result<(), CatalogueError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-");
        // Not only for this user: the host may run as another one than the operator's shell.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(staging)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // The new name is on the disk only when its directory is.
        std::fs::File::open(directory)?.sync_all()
    };
    written().map_err(|source| disk(path, "it cannot be written", source))
}

pub(crate) fn disk(path: &Path, what: &'static str, source: std::io::Error) -> CatalogueError {
    CatalogueError::Disk {
        path: path.to_owned(),
        what,
        source,
    }
}
