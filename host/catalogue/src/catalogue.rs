//! What is installed, and how it changes: only here is decided which version runs.

use crate::{Digest, Grant, Guilds};
use guildhall_model::{GuildId, SettingsMigration, UnixMilliseconds};
use guildhall_settings::migrate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The format that this binary writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Versions kept beside the active one, to go back to.
pub const KEPT_VERSIONS: usize = 3;

/// The key of the settings for every guild that has none of its own.
const EVERY_GUILD: &str = "*";

/// `catalogue.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    format: u32,
    generation: u64,
    /// By the plugin's id.
    pub plugins: BTreeMap<String, Installed>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            format: FORMAT,
            generation: 0,
            plugins: BTreeMap::new(),
        }
    }
}

/// One plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// In the order of their installation.
    pub versions: Vec<InstalledVersion>,
    /// The version that is to run.
    pub active: Digest,
    /// The version that was active before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// A version that wants more than was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Digest>,
    /// What the operator has granted, whichever version runs.
    pub granted: Grant,
    /// Where it is enabled.
    pub guilds: Guilds,
    /// Settings, by guild id; `*` for every guild that has none of its own.
    #[serde(default)]
    settings: BTreeMap<String, Map<String, Value>>,
    /// How many of the plugin's settings migrations they have been through.
    #[serde(default)]
    settings_version: u32,
}

/// One version of a plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledVersion {
    /// Semantic version, as the component says.
    pub version: String,
    /// The component.
    pub digest: Digest,
    /// Where it came from.
    pub source: Source,
    /// When it was installed last.
    pub installed_at: UnixMilliseconds,
    /// Whose signature was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignedBy>,
    /// What it wants.
    pub wants: Grant,
    /// JSON Schema of its settings.
    pub settings_schema: Value,
    /// How settings of older schemas become such of this one.
    #[serde(default)]
    pub settings_migrations: Vec<SettingsMigration>,
}

/// Where a component came from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A file on the operator's machine.
    File {
        /// Its path then.
        path: String,
    },
    /// An OCI registry.
    Oci {
        /// `HOST/REPOSITORY:TAG`.
        reference: String,
        /// The manifest's digest: `sha256:…`. A tag can be moved, this cannot.
        manifest: String,
    },
}

/// A signature that was right.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// The signer's Ed25519 public key, in hexadecimal.
    pub key: String,
}

impl Catalogue {
    /// Grows with every change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The components that are kept.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.plugins
            .values()
            .flat_map(|plugin| plugin.versions.iter().map(|version| &version.digest))
    }

    pub(crate) fn count_change(&mut self) {
        self.generation += 1;
    }

    /// Whether every digest is one of the versions and every scope of settings is a guild.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (id, plugin) in &self.plugins {
            let named = [Some(&plugin.active), plugin.previous.as_ref(), plugin.waiting.as_ref()];
            for digest in named.into_iter().flatten() {
                if plugin.find(digest).is_none() {
                    return Err(format!("plugin {id:?} has no version with the digest {digest}"));
                }
            }
            for scope in plugin.settings.keys() {
                if scope != EVERY_GUILD && scope.parse::<GuildId>().is_err() {
                    return Err(format!(
                        "plugin {id:?} has settings for {scope:?}, which is no guild's id"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Installed {
    /// A plugin that was not there before, active with what is granted.
    pub fn first(version: InstalledVersion, granted: Grant, guilds: Guilds) -> Self {
        Self {
            active: version.digest.clone(),
            versions: vec![version],
            previous: None,
            waiting: None,
            granted,
            guilds,
            settings: BTreeMap::new(),
            settings_version: 0,
        }
    }

    /// The version with this digest.
    pub fn find(&self, digest: &Digest) -> Option<&InstalledVersion> {
        self.versions.iter().find(|version| version.digest == *digest)
    }

    /// The active version.
    pub fn active(&self) -> Option<&InstalledVersion> {
        self.find(&self.active)
    }

    /// Whether it is enabled in this guild.
    pub fn is_enabled(&self, guild: GuildId) -> bool {
        self.guilds.contains(guild)
    }

    /// The settings for this guild, as they were set: its own, or those for every guild; none where the operator gave none.
    pub fn settings_for(&self, guild: GuildId) -> Option<&Map<String, Value>> {
        self.settings
            .get(&guild.to_string())
            .or_else(|| self.settings_for_every_guild())
    }

    /// The settings for guilds that have none of their own, as they were set.
    pub fn settings_for_every_guild(&self) -> Option<&Map<String, Value>> {
        self.settings.get(EVERY_GUILD)
    }

    /// The guilds with settings of their own, as they were set.
    pub fn guilds_with_settings(&self) -> impl Iterator<Item = (GuildId, &Map<String, Value>)> {
        self.settings
            .iter()
            .filter_map(|(scope, settings)| Some((scope.parse().ok()?, settings)))
    }

    /// How many of the plugin's settings migrations the settings have been through: a version with more applies the
    /// others first.
    pub fn settings_version(&self) -> u32 {
        self.settings_version
    }

    /// Brings all settings to the active version's schema, before any are set by it.
    pub fn migrate_settings(&mut self) {
        let migrations = self.active().map(|active| active.settings_migrations.clone());
        for settings in self.settings.values_mut() {
            let mut migrated = Value::Object(std::mem::take(settings));
            let steps = migrations.as_deref().unwrap_or_default();
            migrate(&mut migrated, self.settings_version, steps);
            if let Value::Object(migrated) = migrated {
                *settings = migrated;
            }
        }
        let last = migrations.and_then(|migrations| migrations.last().map(|last| last.version));
        self.settings_version = self.settings_version.max(last.unwrap_or(0));
    }

    /// Sets a guild's own settings, or without a guild those for every guild; without settings, takes them away.
    pub fn set_settings(&mut self, guild: Option<GuildId>, settings: Option<Map<String, Value>>) {
        self.migrate_settings();
        let scope = guild.map_or_else(|| EVERY_GUILD.to_owned(), |guild| guild.to_string());
        match settings {
            Some(settings) => self.settings.insert(scope, settings),
            None => self.settings.remove(&scope),
        };
    }

    /// What a version wants that was neither granted nor knowingly withheld from the active one.
    pub fn asks_for(&self, version: &InstalledVersion) -> Grant {
        let mut decided = self.granted.clone();
        if let Some(active) = self.active() {
            decided.extend(active.wants.rights());
        }
        version.wants.beyond(&decided)
    }

    /// Takes a newer version in: it becomes active where it asks for nothing more, and waits otherwise. Answers what it
    /// waits for.
    pub fn update(&mut self, version: InstalledVersion) -> Grant {
        let (asks_for, digest) = (self.asks_for(&version), version.digest.clone());
        self.versions.retain(|known| known.digest != digest);
        self.versions.push(version);
        if asks_for.is_empty() {
            self.waiting = None;
            self.activate(digest);
        } else {
            self.waiting = Some(digest);
        }
        self.forget_old_versions();
        asks_for
    }

    /// Has the waiting version active where it asks for nothing any more; answers whether it was so.
    pub fn let_in(&mut self) -> bool {
        let waiting = self.waiting.as_ref().and_then(|digest| self.find(digest));
        match waiting {
            Some(version) if self.asks_for(version).is_empty() => {
                let digest = version.digest.clone();
                self.activate(digest);
                true
            }
            _ => false,
        }
    }

    /// Has this version active, which must be one of them. The one that was is kept to go back to.
    pub fn activate(&mut self, digest: Digest) {
        if self.waiting.as_ref() == Some(&digest) {
            self.waiting = None;
        }
        if self.active != digest {
            self.previous = Some(std::mem::replace(&mut self.active, digest));
        }
    }

    /// Whether an operator went back to the active version from one that was installed after it.
    pub fn went_back(&self) -> bool {
        let place = |digest: &Digest| self.versions.iter().position(|version| version.digest == *digest);
        self.previous
            .as_ref()
            .is_some_and(|previous| place(previous) > place(&self.active))
    }

    fn forget_old_versions(&mut self) {
        let needed = |digest: &Digest| {
            *digest == self.active || self.previous.as_ref() == Some(digest) || self.waiting.as_ref() == Some(digest)
        };
        let spare: Vec<Digest> = self
            .versions
            .iter()
            .map(|version| &version.digest)
            .filter(|digest| !needed(digest))
            .cloned()
            .collect();
        let beside = self.versions.len().saturating_sub(1);
        let too_many = beside.saturating_sub(KEPT_VERSIONS);
        for old in spare.into_iter().take(too_many) {
            self.versions.retain(|version| version.digest != old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Right;
    use guildhall_model::Capability::{self, BanMembers, SendMessages};
    use serde_json::json;

    fn grant(capabilities: &[Capability]) -> Grant {
        capabilities.iter().copied().map(Right::Capability).collect()
    }

    fn version(version: &str, wants: &[Capability]) -> InstalledVersion {
        InstalledVersion {
            version: version.into(),
            digest: Digest::of(version.as_bytes()),
            source: Source::File { path: "a.wasm".into() },
            installed_at: 0,
            signature: None,
            wants: grant(wants),
            settings_schema: json!({}),
            settings_migrations: Vec::new(),
        }
    }

    fn installed() -> Installed {
        Installed::first(version("1", &[SendMessages]), grant(&[SendMessages]), Guilds::All)
    }

    #[test]
    fn only_consent_lets_a_version_in_that_wants_more() {
        let mut plugin = installed();
        assert_eq!(
            plugin.update(version("2", &[SendMessages, BanMembers])),
            grant(&[BanMembers])
        );
        assert_eq!(plugin.active, Digest::of(b"1"));
        assert_eq!(plugin.waiting, Some(Digest::of(b"2")));
        assert!(!plugin.let_in());
        plugin.granted.extend(grant(&[BanMembers]).rights());
        assert!(plugin.let_in());
        assert_eq!((&plugin.active, &plugin.waiting), (&Digest::of(b"2"), &None));
        assert_eq!(plugin.previous, Some(Digest::of(b"1")));
    }

    #[test]
    fn what_was_withheld_is_not_asked_for_again() {
        let wants = [SendMessages, BanMembers];
        let mut plugin = Installed::first(version("1", &wants), grant(&[SendMessages]), Guilds::All);
        assert!(plugin.update(version("2", &wants)).is_empty());
        assert_eq!(plugin.active, Digest::of(b"2"));
        assert_eq!(plugin.granted, grant(&[SendMessages]));
    }

    #[test]
    fn a_newer_version_that_wants_no_more_takes_the_place_of_one_that_waits() {
        let mut plugin = installed();
        plugin.update(version("2", &[BanMembers]));
        plugin.update(version("3", &[SendMessages]));
        assert_eq!((&plugin.active, &plugin.waiting), (&Digest::of(b"3"), &None));
    }

    #[test]
    fn the_version_before_is_never_forgotten() {
        let mut plugin = installed();
        for newer in ["2", "3", "4", "5"] {
            plugin.update(version(newer, &[SendMessages]));
        }
        plugin.activate(Digest::of(b"2"));
        assert!(plugin.went_back());
        for newer in ["6", "7", "8", "9"] {
            plugin.update(version(newer, &[SendMessages]));
            let previous = plugin.previous.clone().expect("one");
            assert!(plugin.find(&previous).is_some() && plugin.active().is_some());
            assert_eq!(plugin.versions.len(), 1 + KEPT_VERSIONS);
            assert!(!plugin.went_back());
        }
    }

    #[test]
    fn settings_are_a_guilds_own_or_every_guilds() {
        let mut plugin = installed();
        let settings = |limit: u32| {
            let object = json!({ "limit": limit });
            object.as_object().cloned()
        };
        plugin.set_settings(None, settings(1));
        plugin.set_settings(Some(GuildId(7)), settings(2));
        assert_eq!(plugin.settings_for(GuildId(7)), settings(2).as_ref());
        assert_eq!(plugin.settings_for(GuildId(8)), settings(1).as_ref());
        plugin.set_settings(Some(GuildId(7)), None);
        assert_eq!(plugin.settings_for(GuildId(7)), settings(1).as_ref());
    }
}
