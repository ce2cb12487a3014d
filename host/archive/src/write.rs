//! From a copy of a guild's file to an export.

use crate::error::WriteError;
use crate::manifest::Manifest;
use crate::{DATABASE, MANIFEST};
use guildhall_model::{GuildId, UnixMilliseconds};
use guildhall_store::{digest_of, inspect};
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// zstd's own default: four times smaller than the file, at the speed of a disk.
const LEVEL: i32 = 3;

/// Writes the export of a guild from a copy of its file that nobody else uses. A file of that name is replaced once the
/// new one is whole and on the disk. Blocks.
pub fn write(guild: GuildId, copy: &Path, exported_at: UnixMilliseconds, to: &Path) -> Result<Manifest, WriteError> {
    let found = inspect(copy).map_err(|error| WriteError::Sqlite(error.to_string()))?;
    if !found.problems.is_empty() {
        let problems = found.problems;
        return Err(WriteError::NotWhole { guild, problems });
    }
    let disk = |source| WriteError::Disk {
        path: to.to_owned(),
        source,
    };
    let bytes = std::fs::metadata(copy).map_err(disk)?.len();
    let digest = digest_of(copy).map_err(disk)?;
    let manifest = Manifest::new(guild, &found, exported_at, bytes, digest);
    pack(&manifest, copy, to).map_err(disk)?;
    Ok(manifest)
}

fn pack(manifest: &Manifest, copy: &Path, to: &Path) -> std::io::Result<()> {
    let directory = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let part = NamedTempFile::with_prefix_in(".guildhall-export-", directory)?;
    let mut compressed = zstd::Encoder::new(part.as_file(), LEVEL)?;
    compressed.include_checksum(true)?;
    let mut archive = tar::Builder::new(compressed);
    let text = serde_json::to_vec_pretty(manifest)?;
    let header = |bytes| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(manifest.exported_at / 1000);
        header
    };
    archive.append_data(&mut header(text.len() as u64), MANIFEST, text.as_slice())?;
    archive.append_data(&mut header(manifest.bytes), DATABASE, std::fs::File::open(copy)?)?;
    archive.into_inner()?.finish()?.flush()?;
    part.as_file().sync_all()?;
    part.persist(to)?;
    std::fs::File::open(directory)?.sync_all()
}
