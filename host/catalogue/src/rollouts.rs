//! What the host learned of new versions: `plugin-rollouts.json` in its data directory, beside the catalogue but not
//! part of it. The host writes it, `guildhall plugin list` shows it.

use crate::Digest;
use crate::error::CatalogueError;
use crate::file;
use guildhall_model::{GuildId, UnixMilliseconds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;

/// The last rollout of each plugin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rollouts {
    format: u32,
    /// By the plugin's id.
    pub plugins: BTreeMap<String, Rollout>,
}

impl Default for Rollouts {
    fn default() -> Self {
        Self {
            format: FORMAT,
            plugins: BTreeMap::new(),
        }
    }
}

impl Rollouts {
    /// Reads those of this data directory; none where no host has written any.
    pub fn read(data: &Path) -> Result<Self, CatalogueError> {
        Ok(file::read(&path(data), FORMAT)?.unwrap_or_default())
    }

    /// Writes them, whole or not at all. One host has one data directory.
    pub fn write(&self, data: &Path) -> Result<(), CatalogueError> {
        file::write_json(data, &path(data), self)
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("plugin-rollouts.json")
}

/// How a new version is doing beside the one before.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The new version.
    pub candidate: VersionName,
    /// The one that it replaces; none where there was none.
    pub before: Option<VersionName>,
    /// Still older ones, newest first, for guilds in which no newer one's migrations can be applied.
    #[serde(default)]
    pub older: Vec<VersionName>,
    /// Tells one installation or grant of the operator's from the next: a candidate that was rolled back is tried again
    /// after another.
    pub asked: Digest,
    /// When it began; while no guild takes the candidate, when it came.
    pub since: UnixMilliseconds,
    /// The share of the load that it gets, from 0 to 1.
    pub share: f64,
    /// Guilds that take it while it is tried; 0 before the first does.
    pub guilds: u64,
    /// Guilds that stay on an older version, as the candidate's migrations cannot be applied there; why.
    #[serde(default)]
    pub held: BTreeMap<GuildId, String>,
    /// Calls of the candidate.
    pub new: CallFigures,
    /// Calls of the version before, in the same time.
    pub old: CallFigures,
    /// What has come of it.
    pub outcome: Outcome,
    /// What came of versions before it, oldest first; the host keeps the last few.
    #[serde(default)]
    pub history: Vec<RolloutStep>,
}

/// One version of a plugin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionName {
    /// For people.
    pub version: String,
    /// For the host.
    pub digest: Digest,
}

/// What calls came to.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CallFigures {
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Microseconds of the call in the middle.
    pub p50_us: u64,
    /// Microseconds that 99 of 100 calls stay below.
    pub p99_us: u64,
}

/// What has come of a rollout.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// It is tried in a share of the guilds.
    Trying,
    /// It runs everywhere.
    RolledOut,
    /// The version before runs everywhere again.
    RolledBack {
        /// Why, for people.
        reason: String,
    },
}

/// What came of a version at some time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutStep {
    /// When.
    pub at: UnixMilliseconds,
    /// The version.
    pub candidate: VersionName,
    /// What came of it.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_is_there_before() {
        let data = tempfile::tempdir().expect("a directory");
        assert_eq!(Rollouts::read(data.path()).expect("none yet"), Rollouts::default());
        let name = |version: &str| VersionName {
            version: version.into(),
            digest: Digest::of(version.as_bytes()),
        };
        let rolled_back = Outcome::RolledBack {
            reason: "3 of 40 calls failed".into(),
        };
        let mut rollouts = Rollouts::default();
        rollouts.plugins.insert(
            "echo".into(),
            Rollout {
                candidate: name("1.1.0"),
                before: Some(name("1.0.0")),
                older: Vec::new(),
                asked: Digest::of(b"once"),
                since: 1,
                share: 0.05,
                guilds: 2,
                held: BTreeMap::from([(GuildId(7), "no such table".into())]),
                new: CallFigures::default(),
                old: CallFigures::default(),
                outcome: Outcome::Trying,
                history: vec![RolloutStep {
                    at: 0,
                    candidate: name("1.0.1"),
                    outcome: rolled_back,
                }],
            },
        );
        rollouts.write(data.path()).expect("written");
        assert_eq!(Rollouts::read(data.path()).expect("read"), rollouts);
    }
}
