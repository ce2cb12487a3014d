//! The plugins that a worker calls now, with what each call needs of them at hand.

use crate::host::GuildHost;
use guildhall_engine::{Plugin, PluginRegistry};
use guildhall_model::{EventKind, History, table_prefix};
use guildhall_store::PluginAccess;
use metrics::Counter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kinds of event that the audit log tells.
pub(crate) const AUDITED: [EventKind; 3] = [EventKind::AuditLogEntry, EventKind::BanAdd, EventKind::BanRemove];

/// One plugin of the set.
pub(crate) struct ActivePlugin {
    pub(crate) plugin: Arc<Plugin<GuildHost>>,
    pub(crate) access: Arc<PluginAccess>,
    pub(crate) calls: Counter,
}

impl ActivePlugin {
    pub(crate) fn id(&self) -> &str {
        &self.plugin.description().id
    }
}

/// The set of one generation.
pub(crate) struct ActivePlugins {
    pub(crate) generation: u64,
    pub(crate) plugins: Vec<ActivePlugin>,
    /// Indices into `plugins`, in the order of their calls.
    subscribers: BTreeMap<EventKind, Vec<usize>>,
}

impl ActivePlugins {
    pub(crate) fn of(registry: &PluginRegistry<GuildHost>) -> Self {
        let set = registry.current();
        let plugins: Vec<_> = set.plugins.iter().map(|plugin| active(plugin.clone())).collect();
        let mut subscribers = BTreeMap::<_, Vec<_>>::new();
        for (index, active) in plugins.iter().enumerate() {
            for kind in &active.plugin.description().events {
                subscribers.entry(*kind).or_default().push(index);
            }
        }
        Self {
            generation: set.generation,
            plugins,
            subscribers,
        }
    }

    /// Indices of the plugins that are called for such events.
    pub(crate) fn subscribers(&self, kind: EventKind) -> &[usize] {
        self.subscribers.get(&kind).map_or(&[], Vec::as_slice)
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

fn active(plugin: Arc<Plugin<GuildHost>>) -> ActivePlugin {
    let description = plugin.description();
    let access = PluginAccess {
        plugin: description.id.clone(),
        prefix: description.table_prefix(),
        readable: description.readable_plugins.iter().map(|id| table_prefix(id)).collect(),
    };
    let calls = metrics::counter!("guildhall_plugin_calls_total", "plugin" => description.id.clone());
    // A series that begins with its first event hides that event from whoever watches it grow.
    metrics::counter!("guildhall_plugins_switched_off_total", "plugin" => description.id.clone()).increment(0);
    ActivePlugin {
        access: Arc::new(access),
        calls,
        plugin,
    }
}
