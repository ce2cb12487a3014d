//! From an export to a file that can be put in place: everything is checked on the way.

use crate::error::ReadError;
use crate::manifest::{FORMAT, Manifest};
use crate::{DATABASE, MANIFEST};
use guildhall_model::GuildId;
use guildhall_store::{Inspection, digest_of, guild_file, inspect, schema_version};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A manifest that is longer is none: a guild has a few hundred tables at most.
const LONGEST_MANIFEST: u64 = 1 << 20;

/// What was in an export.
#[derive(Debug)]
pub struct Unpacked {
    /// What it says of itself; all of it is so.
    pub manifest: Manifest,
    /// The database, under its name in the directory.
    pub database: PathBuf,
    /// What is in it.
    pub inspection: Inspection,
}

/// Unpacks an export into a directory, where the database gets its guild's name, and checks it: manifest, size, SHA-256,
/// integrity, rows, schema; and the guild, where one is named. After an error the directory may hold a part. Blocks.
pub fn read(export: &Path, into: &Path, wanted: Option<GuildId>) -> Result<Unpacked, ReadError> {
    let file = std::fs::File::open(export).map_err(|source| ReadError::File {
        path: export.to_owned(),
        source,
    })?;
    let compressed = zstd::Decoder::new(file).map_err(|error| broken(export, &error))?;
    let mut archive = tar::Archive::new(compressed);
    let mut entries = archive.entries().map_err(|error| broken(export, &error))?;
    let mut next = |name: &str| match entries.next() {
        None => Err(not_an_export(export, format!("there is no `{name}` in it"))),
        Some(Err(error)) => Err(broken(export, &error)),
        Some(Ok(entry)) if entry.path().is_ok_and(|path| path == Path::new(name)) => Ok(entry),
        Some(Ok(_)) => Err(not_an_export(
            export,
            format!("something else stands where `{name}` should"),
        )),
    };
    let mut text = Vec::new();
    next(MANIFEST)?
        .take(LONGEST_MANIFEST)
        .read_to_end(&mut text)
        .map_err(|error| broken(export, &error))?;
    let manifest = manifest(export, &text)?;
    if let Some(wanted) = wanted
        && wanted != manifest.guild
    {
        return Err(ReadError::OtherGuild {
            path: export.to_owned(),
            found: manifest.guild,
            wanted,
        });
    }
    let database = guild_file(into, manifest.guild);
    unpack(export, next(DATABASE)?, &manifest, &database)?;
    // To the end: the container's own checksum stands there.
    let mut rest = archive.into_inner();
    std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| broken(export, &error))?;
    let inspection = check(export, &manifest, &database)?;
    Ok(Unpacked {
        manifest,
        database,
        inspection,
    })
}

fn manifest(export: &Path, text: &[u8]) -> Result<Manifest, ReadError> {
    let unreadable = |error: serde_json::Error| not_an_export(export, format!("its manifest cannot be read: {error}"));
    // A newer format may look different, but for its number.
    let value: serde_json::Value = serde_json::from_slice(text).map_err(unreadable)?;
    let newer = |what, found: Option<u64>, known| match found {
        Some(found) if found > u64::from(known) => Err(ReadError::Newer {
            path: export.to_owned(),
            what,
            found: u32::try_from(found).unwrap_or(u32::MAX),
            known,
        }),
        _ => Ok(()),
    };
    newer("format", value["format"].as_u64(), FORMAT)?;
    newer("schema", value["schema"].as_u64(), schema_version())?;
    serde_json::from_value(value).map_err(unreadable)
}

fn unpack(export: &Path, mut entry: impl Read, manifest: &Manifest, to: &Path) -> Result<(), ReadError> {
    let disk = |source| ReadError::Disk {
        path: to.to_owned(),
        source,
    };
    let mut file = std::fs::File::create(to).map_err(disk)?;
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(|error| broken(export, &error))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > manifest.bytes {
            break;
        }
        std::io::Write::write_all(&mut file, &buffer[..read]).map_err(disk)?;
    }
    if bytes != manifest.bytes {
        let reason = format!(
            "its database has {bytes} bytes or more, and {} were exported",
            manifest.bytes
        );
        return Err(damaged(export, reason));
    }
    file.sync_all().map_err(disk)
}

fn check(export: &Path, manifest: &Manifest, database: &Path) -> Result<Inspection, ReadError> {
    let digest = digest_of(database).map_err(|source| ReadError::Disk {
        path: database.to_owned(),
        source,
    })?;
    if digest != manifest.sha256 {
        let reason = format!(
            "the SHA-256 of its database is {digest}, and {} was exported",
            manifest.sha256
        );
        return Err(damaged(export, reason));
    }
    let found = inspect(database).map_err(|error| damaged(export, format!("its database cannot be read: {error}")))?;
    if found.schema > schema_version() {
        return Err(ReadError::Newer {
            path: export.to_owned(),
            what: "schema",
            found: found.schema,
            known: schema_version(),
        });
    }
    if let Some(problem) = found.problems.first() {
        return Err(damaged(export, problem.clone()));
    }
    if let Some(described) = found.described
        && described != manifest.guild
    {
        return Err(ReadError::OtherGuild {
            path: export.to_owned(),
            found: described,
            wanted: manifest.guild,
        });
    }
    if found.tables != manifest.tables {
        return Err(damaged(export, "its rows are not as many as its manifest says".into()));
    }
    Ok(found)
}

fn broken(export: &Path, error: &std::io::Error) -> ReadError {
    let path = export.to_owned();
    // zstd and tar tell an end that comes too soon by kind or by words.
    let words = error.to_string().to_lowercase();
    if error.kind() == ErrorKind::UnexpectedEof || words.contains("incomplete") || words.contains("eof") {
        return ReadError::Truncated(path);
    }
    if words.contains("checksum") || words.contains("corruption") {
        return damaged(export, words);
    }
    not_an_export(export, words)
}

fn not_an_export(export: &Path, reason: String) -> ReadError {
    ReadError::NotAnExport {
        path: export.to_owned(),
        reason,
    }
}

fn damaged(export: &Path, reason: String) -> ReadError {
    ReadError::Damaged {
        path: export.to_owned(),
        reason,
    }
}
