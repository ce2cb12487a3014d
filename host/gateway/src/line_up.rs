//! Which versions of which plugins one guild calls, and for what: chosen when the set of plugins changes, and shared by all
//! guilds that call the same.

use crate::active::ActivePlugin;
use crate::commands::commands_of;
use guildhall_discord::CommandKey;
use guildhall_model::{EventKind, History};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of event that the audit log tells.
pub(crate) const AUDITED: [EventKind; 3] = [EventKind::AuditLogEntry, EventKind::BanAdd, EventKind::BanRemove];

/// At most one version of each plugin.
#[derive(Default)]
pub(crate) struct LineUp {
    /// Indices into the set's plugins, in the order of their calls.
    pub(crate) plugins: Vec<usize>,
    /// The versions' serials.
    serials: Vec<u64>,
    subscribers: BTreeMap<EventKind, Vec<usize>>,
    /// Commands that several plugins describe, with those that do not have them.
    left_out: BTreeMap<CommandKey, BTreeSet<String>>,
}

impl LineUp {
    pub(crate) fn of(all: &[ActivePlugin], plugins: Vec<usize>) -> Self {
        let mut subscribers = BTreeMap::<_, Vec<_>>::new();
        for index in &plugins {
            for kind in &all[*index].plugin.description().events {
                subscribers.entry(*kind).or_default().push(*index);
            }
        }
        let described = plugins.iter().map(|index| all[*index].plugin.description());
        let mut left_out = BTreeMap::<_, BTreeSet<_>>::new();
        for command in commands_of(described) {
            if command.taken_by.is_some() {
                left_out.entry(command.key()).or_default().insert(command.plugin);
            }
        }
        Self {
            left_out,
            serials: plugins.iter().map(|index| all[*index].plugin.serial()).collect(),
            plugins,
            subscribers,
        }
    }

    /// Whether this version is in it.
    pub(crate) fn has(&self, serial: u64) -> bool {
        self.serials.contains(&serial)
    }

    /// Indices of the plugins that are called for such events.
    pub(crate) fn subscribers(&self, kind: EventKind) -> &[usize] {
        self.subscribers.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Whether the plugin describes this command, and another one has it.
    pub(crate) fn is_left_out(&self, plugin: &str, command: Option<&CommandKey>) -> bool {
        let plugins = command.and_then(|command| self.left_out.get(command));
        plugins.is_some_and(|plugins| plugins.contains(plugin))
    }

    /// Whether any plugin is called for such events.
    pub(crate) fn take(&self, kind: EventKind) -> bool {
        !self.subscribers(kind).is_empty()
    }

    /// Whether any plugin is called for what this history tells.
    pub(crate) fn take_history(&self, history: &History) -> bool {
        match history {
            History::Messages { .. } => self.take(EventKind::MessageCreate),
            History::AuditLog => self.take_audit_log(),
        }
    }

    /// Whether any plugin is called for what the audit log tells.
    pub(crate) fn take_audit_log(&self) -> bool {
        AUDITED.iter().any(|kind| self.take(*kind))
    }
}
