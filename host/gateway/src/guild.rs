//! A guild on its worker: its mailbox, its snapshot, and which plugins are switched off for it.

use crate::active::{ActivePlugin, ActivePlugins};
use crate::host::GuildHost;
use crate::queued::QueuedEvent;
use guildhall_discord::GuildSnapshot;
use guildhall_model::{GuildId, UnixMilliseconds};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// What a worker keeps of a guild while its file may be closed.
#[derive(Default)]
pub(crate) struct Guild {
    pub(crate) mailbox: VecDeque<QueuedEvent>,
    pub(crate) snapshot: Box<GuildSnapshot>,
    pub(crate) standing: PluginStanding,
    /// Whether its file was opened by this process before, and what it held was taken up.
    pub(crate) opened: bool,
    /// When its earliest timer is due.
    pub(crate) next_timer: Option<UnixMilliseconds>,
    /// Whether it takes part in sharing flags, and up to where it was told.
    pub(crate) shares_flags: bool,
    pub(crate) flags_told: i64,
    /// Whether it stands in the worker's queue of guilds with work.
    pub(crate) queued: bool,
    /// After a failed commit: not before then.
    pub(crate) retry_at: Option<Instant>,
    /// Failed commits in a row.
    pub(crate) failed_commits: u32,
    /// It is about to go elsewhere: its actions stay in its outbox, and no timer fires.
    pub(crate) held: bool,
    /// Its file goes elsewhere: told when everything is in it and it is closed.
    pub(crate) releasing: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Guild {
    /// Whether what it missed may be applied here: not while it goes elsewhere.
    pub(crate) fn takes_missed(&self) -> bool {
        self.opened && !self.held && self.releasing.is_none()
    }
}

/// How the plugins stand in one guild.
#[derive(Default)]
pub(crate) struct PluginStanding {
    /// The plugin set that the guild's file is prepared for.
    prepared: Option<u64>,
    /// Plugins that are not called, with the digest of the version that this is about.
    off: BTreeMap<String, String>,
    /// Failed calls in a row.
    failures: BTreeMap<String, u32>,
}

impl PluginStanding {
    /// Applies migrations and recurring timers of plugins that are new since the last batch. One whose migration
    /// fails is switched off in this guild until another version comes. Answers whether the file has changed.
    pub(crate) fn prepare(&mut self, guild: GuildId, host: &mut GuildHost, plugins: &ActivePlugins) -> bool {
        if self.prepared == Some(plugins.generation) {
            return false;
        }
        let changes = host.store.changes();
        for active in &plugins.plugins {
            let description = active.plugin.description();
            if self
                .off
                .get(active.id())
                .is_some_and(|digest| digest != active.plugin.digest())
            {
                self.off.remove(active.id());
                self.failures.remove(active.id());
            }
            let prepared =
                host.store
                    .prepare_plugin(&active.access, &description.migrations, &description.timers, host.now);
            if let Err(error) = prepared {
                tracing::error!(%guild, plugin = active.id(), %error, "a plugin is switched off in this guild: its tables cannot be prepared");
                self.switch_off(active);
            }
        }
        self.prepared = Some(plugins.generation);
        host.store.changes() != changes
    }

    /// The file was replaced: everything has to be prepared again.
    pub(crate) fn forget_preparation(&mut self) {
        self.prepared = None;
    }

    pub(crate) fn is_off(&self, plugin: &str) -> bool {
        self.off.contains_key(plugin)
    }

    /// Whether a plugin that is not switched off has failed in its last call.
    pub(crate) fn has_failures(&self) -> bool {
        self.failures.keys().any(|plugin| !self.is_off(plugin))
    }

    pub(crate) fn succeeded(&mut self, plugin: &str) {
        if !self.failures.is_empty() {
            self.failures.remove(plugin);
        }
    }

    /// Counts a failed call; after too many in a row the plugin is switched off in this guild.
    pub(crate) fn failed(&mut self, guild: GuildId, active: &ActivePlugin, bound: u32) {
        let failures = self.failures.entry(active.id().to_owned()).or_default();
        *failures += 1;
        if *failures >= bound {
            tracing::error!(%guild, plugin = active.id(), failures, "a plugin is switched off in this guild: it keeps failing; another version switches it on again");
            metrics::counter!("guildhall_plugins_switched_off_total", "plugin" => active.id().to_owned()).increment(1);
            self.switch_off(active);
        }
    }

    fn switch_off(&mut self, active: &ActivePlugin) {
        self.off
            .insert(active.id().to_owned(), active.plugin.digest().to_owned());
    }
}
