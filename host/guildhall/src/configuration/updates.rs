//! How updates of installed plugins are tried.

use anyhow::{Result, bail};
use guildhall_engine::UpdateRules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// What the engine takes as [`UpdateRules`].
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Updates {
    /// The share of the events whose guilds try a new version of an installed plugin first, from 0 to 1: at least one guild.
    pub(crate) share: f64,
    /// Seconds that they do before all guilds get it; for as long again it is watched.
    pub(crate) seconds: NonZeroU32,
    /// Calls of the new version before which that is not decided.
    pub(crate) min_calls: u32,
    /// Seconds to wait for so many calls, and for an active guild to begin with; then what is known decides.
    pub(crate) patience_seconds: u32,
    /// The share of calls that may fail, beyond twice what failed of the version before; with more it is rolled back.
    pub(crate) failures: f64,
    /// How many times as long as before a call may take.
    pub(crate) slowdown: f64,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            share: 0.05,
            seconds: NonZeroU32::MIN.saturating_add(59),
            min_calls: 20,
            patience_seconds: 900,
            failures: 0.02,
            slowdown: 2.0,
        }
    }
}

impl Updates {
    pub(super) fn check(&self) -> Result<()> {
        for (key, share) in [("share", self.share), ("failures", self.failures)] {
            if !(0.0..=1.0).contains(&share) {
                bail!("updates.{key} = {share}: it is a share, from 0 to 1");
            }
        }
        if !self.slowdown.is_finite() || self.slowdown < 1.0 {
            bail!("updates.slowdown = {}: it is a factor, at least 1", self.slowdown);
        }
        Ok(())
    }

    pub(crate) fn rules(&self) -> UpdateRules {
        UpdateRules {
            share: self.share,
            trial: Duration::from_secs(self.seconds.get().into()),
            min_calls: self.min_calls.into(),
            patience: Duration::from_secs(self.patience_seconds.into()),
            failures: self.failures,
            slowdown: self.slowdown,
        }
    }
}
