//! What happens to installed plugins, as log and metrics tell it: afterwards, when workers see it and it is on the disk.

use crate::call::CallHost;
use crate::plugin::Plugin;
use crate::rollout::{Running, Step};
use std::sync::Arc;

/// Something that has happened to a plugin.
pub(crate) enum News<H: CallHost> {
    /// A version runs, which was not loaded before.
    Loaded(Arc<Plugin<H>>),
    /// A new version is there to be tried.
    Ready {
        newest: Arc<Plugin<H>>,
        before: Arc<Plugin<H>>,
    },
    /// The operator has gone back to a version.
    WentBack(Arc<Plugin<H>>),
    /// The plugin of this id is no longer installed.
    Removed(String),
    /// The new version has come further.
    Step { newest: Arc<Plugin<H>>, step: Step },
}

impl<H: CallHost> News<H> {
    pub(crate) fn tell(self) {
        match self {
            Self::Loaded(version) => {
                let (plugin, digest) = (id(&version), version.digest());
                count_load(plugin);
                tracing::info!(
                    plugin,
                    version = number(&version),
                    digest,
                    "plugin loaded from the catalogue"
                );
            }
            Self::Ready { newest, before } => {
                count_load(id(&newest));
                tracing::info!(
                    plugin = id(&newest),
                    version = number(&newest),
                    before = number(&before),
                    digest = newest.digest(),
                    "an update is ready: it will be tried in a share of the guilds"
                );
            }
            Self::WentBack(version) => tracing::info!(
                plugin = id(&version),
                version = number(&version),
                digest = version.digest(),
                "the operator went back to this version: every guild runs it"
            ),
            Self::Removed(plugin) => {
                tracing::info!(plugin, "plugin unloaded: it was removed from the catalogue");
                metrics::gauge!("guildhall_plugin_rollout_stage", "plugin" => plugin).set(0.0);
            }
            Self::Step { newest, step } => tell_step(id(&newest), number(&newest), step),
        }
    }
}

fn tell_step(plugin: &str, version: &str, step: Step) {
    let ended = |result| {
        metrics::counter!("guildhall_plugin_rollout_ends_total", "plugin" => plugin.to_owned(), "result" => result)
            .increment(1);
    };
    match step {
        Step::Tried { guilds, share } => {
            tracing::info!(
                plugin,
                version,
                guilds,
                share,
                "an update is tried in a share of the guilds"
            );
        }
        Step::RolledOut { tried } => {
            ended("rolled_out");
            tracing::info!(plugin, version, tried, "an update is rolled out: every guild runs it");
        }
        Step::RolledBack { reason } => {
            ended("rolled_back");
            tracing::error!(
                plugin,
                version,
                reason,
                "an update is rolled back: every guild runs the version before; another one, or this one where it is installed again, is tried"
            );
        }
        Step::Settled => tracing::info!(plugin, version, "an update is done"),
    }
}

/// Sets the gauges of a plugin. `guilds` are those that try an update.
pub(crate) fn measure<H: CallHost>(plugin: &str, running: &Running<H>, guilds: u64) {
    let plugin = || plugin.to_owned();
    metrics::gauge!("guildhall_plugin_rollout_stage", "plugin" => plugin()).set(f64::from(running.stage()));
    metrics::gauge!("guildhall_plugin_rollout_guilds", "plugin" => plugin()).set(guilds as f64);
    metrics::gauge!("guildhall_plugin_rollout_held_guilds", "plugin" => plugin()).set(running.held().len() as f64);
    let Some((newer, older)) = running.figures() else {
        return;
    };
    for (of, figures) in [("newer", newer), ("older", older)] {
        let set = |name, value| metrics::gauge!(name, "plugin" => plugin(), "version" => of).set(value);
        set("guildhall_plugin_rollout_calls", figures.calls as f64);
        set("guildhall_plugin_rollout_failures", figures.failures as f64);
        set("guildhall_plugin_rollout_call_seconds", figures.p50_us as f64 / 1e6);
    }
}

fn count_load(plugin: &str) {
    metrics::counter!("guildhall_plugin_loads_total", "plugin" => plugin.to_owned()).increment(1);
}

fn id<H: CallHost>(version: &Plugin<H>) -> &str {
    &version.description().id
}

fn number<H: CallHost>(version: &Plugin<H>) -> &str {
    &version.description().version
}
