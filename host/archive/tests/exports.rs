//! Exports that are whole come back as they were; whatever else is given is refused, and nothing is made of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_archive::{ReadError, WriteError, read, write};
use guildhall_model::GuildId;
use guildhall_store::{GuildStore, StoreLimits, guild_file};
use std::path::{Path, PathBuf};

const GUILD: GuildId = GuildId(197_038_439_483_310_086);

struct Scene {
    directory: tempfile::TempDir,
    export: PathBuf,
}

fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let mut store = GuildStore::open(directory.path(), GUILD, &StoreLimits::default())
        .unwrap()
        .store;
    for number in 0..200 {
        store
            .set_settings(&format!("plugin-{number}"), &format!("{{\"number\":{number}}}"))
            .unwrap();
    }
    store.checkpoint().unwrap();
    drop(store);
    let export = directory.path().join("guild.guildhall");
    write(GUILD, &guild_file(directory.path(), GUILD), 1_700_000_000_000, &export).unwrap();
    Scene { directory, export }
}

impl Scene {
    fn read(&self, wanted: Option<GuildId>) -> Result<guildhall_archive::Unpacked, ReadError> {
        let into = tempfile::tempdir_in(self.directory.path()).unwrap();
        read(&self.export, into.path(), wanted)
    }
}

fn repack(from: &Path, to: &Path, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) {
    let mut archive = tar::Archive::new(zstd::Decoder::new(std::fs::File::open(from).unwrap()).unwrap());
    let mut out = tar::Builder::new(zstd::Encoder::new(std::fs::File::create(to).unwrap(), 1).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        let bytes = change(&name, bytes);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        out.append_data(&mut header, &name, bytes.as_slice()).unwrap();
    }
    out.into_inner().unwrap().finish().unwrap();
}

#[test]
fn what_was_exported_comes_back() {
    let scene = scene();
    let into = tempfile::tempdir().unwrap();
    let unpacked = read(&scene.export, into.path(), Some(GUILD)).unwrap();
    assert_eq!(unpacked.manifest.guild, GUILD);
    assert_eq!(unpacked.manifest.tables["guildhall_settings"], 200);
    assert_eq!(
        std::fs::read(unpacked.database).unwrap(),
        std::fs::read(guild_file(scene.directory.path(), GUILD)).unwrap()
    );
    let left: Vec<_> = std::fs::read_dir(scene.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_export_that_ends_anywhere_else_than_at_its_end_is_refused() {
    let scene = scene();
    let whole = std::fs::read(&scene.export).unwrap();
    for cut in (0..whole.len()).step_by(whole.len() / 60 + 1).chain([whole.len() - 1]) {
        std::fs::write(&scene.export, &whole[..cut]).unwrap();
        let refused = scene.read(None).expect_err("it is not whole");
        assert!(
            matches!(refused, ReadError::Truncated(_)) || cut < 16,
            "{cut} of {}: {refused}",
            whole.len()
        );
    }
}

#[test]
fn a_byte_that_has_changed_is_noticed() {
    let scene = scene();
    let whole = std::fs::read(&scene.export).unwrap();
    for place in (0..whole.len()).step_by(whole.len() / 60 + 1) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        std::fs::write(&scene.export, &bytes).unwrap();
        // A bit of the container that means nothing may change; the database may not.
        if let Ok(unpacked) = scene.read(None) {
            assert_eq!(unpacked.manifest.tables["guildhall_settings"], 200, "at {place}");
        }
    }
}

#[test]
fn other_files_newer_ones_and_other_guilds_are_named_as_such() {
    let scene = scene();
    let refused = scene.read(Some(GuildId(1))).expect_err("another guild's").to_string();
    assert!(
        refused.contains("197038439483310086") && refused.contains("not of guild 1"),
        "{refused}"
    );

    let original = scene.directory.path().join("original");
    std::fs::rename(&scene.export, &original).unwrap();
    let manifest = |from: &'static str, to: &'static str| {
        move |name: &str, bytes: Vec<u8>| match name {
            "manifest.json" => String::from_utf8(bytes).unwrap().replace(from, to).into_bytes(),
            _ => bytes,
        }
    };
    repack(&original, &scene.export, manifest("\"format\": 1", "\"format\": 9"));
    let refused = scene.read(None).expect_err("a newer format");
    assert!(
        matches!(
            refused,
            ReadError::Newer {
                what: "format",
                found: 9,
                ..
            }
        ),
        "{refused}"
    );
    let now = format!("\"schema\": {}", guildhall_store::schema_version());
    repack(&original, &scene.export, |name, bytes| match name {
        "manifest.json" => String::from_utf8(bytes)
            .unwrap()
            .replace(&now, "\"schema\": 99")
            .into_bytes(),
        _ => bytes,
    });
    let refused = scene.read(None).expect_err("a newer schema");
    assert!(
        matches!(
            refused,
            ReadError::Newer {
                what: "schema",
                found: 99,
                ..
            }
        ),
        "{refused}"
    );
    repack(&original, &scene.export, |name, mut bytes| {
        if name == "guild.db" {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        bytes
    });
    let refused = scene.read(None).expect_err("another database");
    assert!(refused.to_string().contains("SHA-256"), "{refused}");

    std::fs::write(&scene.export, "this is text").unwrap();
    assert!(matches!(scene.read(None), Err(ReadError::NotAnExport { .. })));
    std::fs::remove_file(&scene.export).unwrap();
    assert!(matches!(scene.read(None), Err(ReadError::File { .. })));
}

#[test]
fn a_damaged_database_is_not_exported_and_the_export_before_stays() {
    let scene = scene();
    let before = std::fs::read(&scene.export).unwrap();
    let file = guild_file(scene.directory.path(), GUILD);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let refused = write(GUILD, &file, 0, &scene.export).expect_err("it is damaged");
    assert!(
        matches!(refused, WriteError::NotWhole { .. } | WriteError::Sqlite(_)),
        "{refused}"
    );
    assert_eq!(std::fs::read(&scene.export).unwrap(), before);
}
