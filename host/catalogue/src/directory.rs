//! The plugins directory: `catalogue.json`, and the components below `installed/` under their digests.

use crate::Digest;
use crate::catalogue::{Catalogue, FORMAT};
use crate::error::CatalogueError;
use crate::file;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// The catalogue of one plugins directory. Reading takes no lock: files are replaced, never written into.
#[derive(Clone, Debug)]
pub struct CatalogueDirectory {
    directory: PathBuf,
}

impl CatalogueDirectory {
    /// The catalogue of this plugins directory. Nothing is made before the first change.
    pub fn new(plugins: impl Into<PathBuf>) -> Self {
        Self {
            directory: plugins.into(),
        }
    }

    /// `catalogue.json`.
    pub fn file(&self) -> PathBuf {
        self.directory.join("catalogue.json")
    }

    /// The component with this digest.
    pub fn component_file(&self, digest: &Digest) -> PathBuf {
        self.installed().join(format!("{digest}.wasm"))
    }

    /// What is installed now; nothing where nothing was ever installed.
    pub fn read(&self) -> Result<Catalogue, CatalogueError> {
        let path = self.file();
        let catalogue: Catalogue = file::read(&path, FORMAT)?.unwrap_or_default();
        match catalogue.check() {
            Ok(()) => Ok(catalogue),
            Err(reason) => Err(CatalogueError::Damaged { path, reason }),
        }
    }

    /// The component with this digest, after a look at whether it still is what was installed.
    pub fn component(&self, digest: &Digest) -> Result<Vec<u8>, CatalogueError> {
        let path = self.component_file(digest);
        let wasm =
            std::fs::read(&path).map_err(|source| file::disk(&path, "an installed plugin cannot be read", source))?;
        let found = Digest::of(&wasm);
        if found == *digest {
            Ok(wasm)
        } else {
            Err(CatalogueError::Tampered { path, found })
        }
    }

    /// Changes the catalogue, with nobody else changing it. When `change` fails, or wherever the process ends, the old
    /// one stands. Components that no version names any more are removed.
    pub fn change<T, E: From<CatalogueError>>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _lock = self.lock()?;
        let before = self.read()?;
        let mut under_change = Change {
            catalogue: before.clone(),
            directory: self,
        };
        let outcome = change(&mut under_change);
        let mut after = under_change.catalogue;
        let standing = if outcome.is_ok() && after != before {
            after.count_change();
            after.check().map_err(|reason| CatalogueError::Damaged {
                path: self.file(),
                reason,
            })?;
            file::write_json(&self.installed(), &self.file(), &after)?;
            &after
        } else {
            &before
        };
        self.remove_components_beside(standing);
        outcome
    }

    fn installed(&self) -> PathBuf {
        self.directory.join("installed")
    }

    /// Held until the file is dropped.
    fn lock(&self) -> Result<File, CatalogueError> {
        std::fs::create_dir_all(self.installed())
            .map_err(|source| file::disk(&self.installed(), "the directory cannot be made", source))?;
        let path = self.directory.join("catalogue.lock");
        let locked = || {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            file.lock()?;
            Ok(file)
        };
        locked().map_err(|source| file::disk(&path, "it cannot be locked", source))
    }

    /// Old components, and what a killed process left. What cannot be removed now is in nobody's way, and is tried again after the next change.
    fn remove_components_beside(&self, catalogue: &Catalogue) {
        let named: BTreeSet<&Digest> = catalogue.digests().collect();
        let Ok(entries) = std::fs::read_dir(self.installed()) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if digest_of_name(&path).is_none_or(|digest| !named.contains(&digest)) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}

fn digest_of_name(path: &Path) -> Option<Digest> {
    path.file_name()?.to_str()?.strip_suffix(".wasm")?.parse().ok()
}

/// A catalogue that nobody else changes meanwhile.
pub struct Change<'a> {
    /// What will be written.
    pub catalogue: Catalogue,
    directory: &'a CatalogueDirectory,
}

impl Change<'_> {
    /// Keeps a component on the disk, under its digest. It stays where the changed catalogue names it.
    pub fn keep(&self, wasm: &[u8]) -> Result<Digest, CatalogueError> {
        let digest = Digest::of(wasm);
        // Also where there is one: it may have been damaged.
        file::write(
            &self.directory.installed(),
            &self.directory.component_file(&digest),
            wasm,
        )?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, Guilds, Installed, InstalledVersion, Source};
    use serde_json::json;

    fn install(directory: &CatalogueDirectory, wasm: &[u8]) -> Digest {
        directory
            .change(|change| -> Result<Digest, CatalogueError> {
                let digest = change.keep(wasm)?;
                let version = InstalledVersion {
                    version: "1.0.0".into(),
                    digest: digest.clone(),
                    source: Source::File { path: "a.wasm".into() },
                    installed_at: 0,
                    signature: None,
                    wants: Grant::default(),
                    settings_schema: json!({}),
                    settings_migrations: Vec::new(),
                };
                let plugin = Installed::first(version, Grant::default(), Guilds::All);
                change.catalogue.plugins.insert("a".into(), plugin);
                Ok(digest)
            })
            .expect("installed")
    }

    fn files(directory: &CatalogueDirectory) -> usize {
        std::fs::read_dir(directory.installed()).expect("a directory").count()
    }

    #[test]
    fn what_is_installed_is_read_as_it_was_until_somebody_touches_it() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = CatalogueDirectory::new(place.path());
        assert_eq!(directory.read().expect("nothing yet"), Catalogue::default());
        let digest = install(&directory, b"component");
        assert_eq!(directory.component(&digest).expect("it"), b"component");
        assert_eq!(directory.read().expect("one change").generation(), 1);
        std::fs::write(directory.component_file(&digest), b"other").expect("written");
        let touched = directory.component(&digest).expect_err("it was touched");
        assert!(matches!(touched, CatalogueError::Tampered { .. }), "{touched}");
        // Installing it again puts it right.
        install(&directory, b"component");
        assert_eq!(directory.component(&digest).expect("it"), b"component");
    }

    #[test]
    fn a_change_that_fails_leaves_everything_as_it_was() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = CatalogueDirectory::new(place.path());
        install(&directory, b"component");
        let before = directory.read().expect("it");
        let failed = directory.change(|change| -> Result<(), CatalogueError> {
            let digest = change.keep(b"another")?;
            change.catalogue.plugins.clear();
            let path = directory.component_file(&digest);
            Err(CatalogueError::Tampered { path, found: digest })
        });
        assert!(failed.is_err());
        assert_eq!(directory.read().expect("it"), before);
        assert_eq!(files(&directory), 1);
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_change() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = CatalogueDirectory::new(place.path());
        install(&directory, b"component");
        std::fs::write(directory.installed().join(".writing-abc"), b"half").expect("written");
        let stray = directory.component_file(&Digest::of(b"stray"));
        std::fs::write(stray, b"stray").expect("written");
        install(&directory, b"component");
        assert_eq!(files(&directory), 1);
    }

    #[test]
    fn changes_at_the_same_time_follow_each_other() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = CatalogueDirectory::new(place.path());
        install(&directory, b"component");
        std::thread::scope(|scope| {
            for guild in 1..=8 {
                let directory = &directory;
                scope.spawn(move || {
                    directory.change(|change| -> Result<(), CatalogueError> {
                        if let Some(plugin) = change.catalogue.plugins.get_mut("a") {
                            plugin.guilds.disable(guildhall_model::GuildId(guild));
                        }
                        Ok(())
                    })
                });
            }
        });
        let catalogue = directory.read().expect("it");
        assert_eq!(catalogue.generation(), 9);
        assert!((1..=8).all(|guild| !catalogue.plugins["a"].is_enabled(guildhall_model::GuildId(guild))));
    }

    #[test]
    fn a_catalogue_that_names_what_is_not_there_is_damaged() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = CatalogueDirectory::new(place.path());
        let digest = install(&directory, b"component");
        let text = std::fs::read_to_string(directory.file()).expect("it");
        for (from, to, reason) in [
            (
                format!("\"active\": \"{digest}\""),
                format!("\"active\": \"{}\"", Digest::of(b"x")),
                "no version",
            ),
            ("\"format\": 1".into(), "\"format\": 2".into(), "format 2"),
            ("\"generation\"".into(), "\"generations\"".into(), "generation"),
            (
                "\"settings\": {}".into(),
                "\"settings\": {\"mine\": {}}".into(),
                "\"mine\"",
            ),
        ] {
            let spoilt = text.replace(&from, &to);
            assert_ne!(spoilt, text, "{from}");
            std::fs::write(directory.file(), spoilt).expect("written");
            let error = directory.read().expect_err("it is wrong").to_string();
            assert!(error.contains(reason) && error.contains("catalogue.json"), "{error}");
        }
    }
}
