//! Instances of scripts between two batches. One is worth hundreds of calls, and holds what its guild's events left in it: so it
//! stays with its guild and plugin, and is dropped with either.

use crate::call::{CallHost, PluginInstance};
use crate::limits::CallLimits;
use crate::plugin::Plugin;
use crate::runtime::GuestClass;
use guildhall_model::GuildId;
use lru::LruCache;
use std::sync::Arc;

/// The warm instances of one worker, those that were called least recently given up first.
pub struct WarmInstances<H: CallHost> {
    bound: usize,
    bytes: usize,
    kept: LruCache<(GuildId, String), Kept<H>>,
}

struct Kept<H: CallHost> {
    instance: PluginInstance<H>,
    bytes: usize,
}

impl<H: CallHost> WarmInstances<H> {
    /// At most so many bytes of memory, all instances together.
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            bytes: 0,
            kept: LruCache::unbounded(),
        }
    }

    /// The guild's warm instance of this very version of the plugin; otherwise one that starts with its first call.
    pub fn take(&mut self, guild: GuildId, plugin: &Arc<Plugin<H>>, limits: &CallLimits) -> PluginInstance<H> {
        let kept = match plugin.class() {
            GuestClass::Compact => None,
            GuestClass::Script => self.remove(&(guild, plugin.description().id.clone())),
        };
        kept.filter(|instance| Arc::ptr_eq(instance.plugin(), plugin))
            .unwrap_or_else(|| PluginInstance::new(plugin.clone(), limits.clone()))
    }

    /// Keeps an instance whose batch is committed, if it is a script's.
    pub fn keep(&mut self, mut instance: PluginInstance<H>) {
        let Some(guild) = instance.guild().filter(|_| instance.is_live()) else {
            return;
        };
        if instance.plugin().class() == GuestClass::Compact {
            return;
        }
        let key = (guild, instance.plugin().description().id.clone());
        self.remove(&key);
        let bytes = instance.memory_bytes();
        self.count(1, bytes as f64);
        self.bytes += bytes;
        self.kept.put(key, Kept { instance, bytes });
        while self.bytes > self.bound {
            let Some((_, least)) = self.kept.pop_lru() else { break };
            self.gone(least);
        }
    }

    /// Forgets a guild that leaves.
    pub fn forget(&mut self, guild: GuildId) {
        self.retain(|owner, _| owner != guild);
    }

    /// Forgets the instances of versions that run no more.
    pub fn retain_versions(&mut self, runs: impl Fn(&Arc<Plugin<H>>) -> bool) {
        self.retain(|_, plugin| runs(plugin));
    }

    /// Instances that are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none are.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Bytes that they take, at most.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn retain(&mut self, stays: impl Fn(GuildId, &Arc<Plugin<H>>) -> bool) {
        let leave = |((guild, _), kept): (&(GuildId, String), &Kept<H>)| !stays(*guild, kept.instance.plugin());
        let leaving: Vec<_> = self
            .kept
            .iter()
            .filter(|entry| leave(*entry))
            .map(|(key, _)| key.clone())
            .collect();
        for key in leaving {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &(GuildId, String)) -> Option<PluginInstance<H>> {
        self.kept.pop(key).map(|kept| self.gone(kept))
    }

    fn gone(&mut self, kept: Kept<H>) -> PluginInstance<H> {
        self.bytes -= kept.bytes;
        self.count(-1, -(kept.bytes as f64));
        kept.instance
    }

    /// Workers add up.
    fn count(&self, instances: i8, bytes: f64) {
        metrics::gauge!("guildhall_warm_instances").increment(f64::from(instances));
        metrics::gauge!("guildhall_warm_bytes").increment(bytes);
    }
}

impl<H: CallHost> Drop for WarmInstances<H> {
    fn drop(&mut self) {
        self.retain(|_, _| false);
    }
}
