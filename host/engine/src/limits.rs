//! The bounds of one plugin call. What goes over is stopped, undone and reported; it never ends the pod.

use std::time::Duration;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

/// Bounds of one call, and of `describe`.
#[derive(Clone, Debug)]
pub struct CallLimits {
    /// Time that a call may take, SQL included.
    pub deadline: Duration,
    /// Bytes of one linear memory.
    pub memory_bytes: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Actions that one call may submit.
    pub actions: usize,
    /// Bytes of the actions' texts of one call.
    pub action_bytes: usize,
    /// Bytes of one log line; the rest is cut.
    pub log_line_bytes: usize,
    /// Log lines of one call; the rest is dropped.
    pub log_lines: usize,
    /// Bytes of lists and strings that a call may hand to the host at once.
    pub argument_bytes: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(500),
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            actions: 100,
            action_bytes: 256 << 10,
            log_line_bytes: 4 << 10,
            log_lines: 50,
            argument_bytes: 4 << 20,
        }
    }
}

impl CallLimits {
    pub(crate) fn store_bounds(&self) -> StoreBounds {
        let limits = StoreLimitsBuilder::new()
            .memory_size(self.memory_bytes)
            .table_elements(self.table_elements)
            .instances(64)
            .tables(16)
            .memories(4)
            .trap_on_grow_failure(true)
            .build();
        StoreBounds { limits, memory: 0 }
    }
}

/// Bounds of a store, and what it has within them.
pub(crate) struct StoreBounds {
    limits: StoreLimits,
    memory: usize,
}

impl StoreBounds {
    /// Bytes of all linear memories.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

impl ResourceLimiter for StoreBounds {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.limits.memory_growing(current, desired, maximum)?;
        if allowed {
            self.memory += desired - current;
        }
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.limits.memory_grow_failed(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.limits.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.limits.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}
