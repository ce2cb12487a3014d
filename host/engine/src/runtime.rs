//! The narrowed wasmtime engine: one configuration, one clock for deadlines. It knows nothing of plugins.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How the engine is sized.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Instances that may live at once, over all workers.
    pub instances: u32,
    /// Bytes of one linear memory.
    pub memory_bytes: usize,
    /// Bytes of a memory that stay resident between two calls.
    pub resident_bytes: usize,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            instances: 64,
            memory_bytes: 64 << 20,
            resident_bytes: 1 << 20,
        }
    }
}

/// A wasmtime engine and the thread that ticks its epoch. The thread ends with the last clone.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    _ticker: Arc<EpochTicker>,
}

/// Time between two epochs: the resolution of a call's deadline.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(1);

impl Runtime {
    /// Builds the engine. Fails where the machine cannot reserve the pool's address space.
    pub fn new(config: &RuntimeConfig) -> wasmtime::Result<Self> {
        let engine = Engine::new(&wasmtime_config(config))?;
        let ticker = Arc::new(EpochTicker::start(&engine)?);
        Ok(Self {
            engine,
            _ticker: ticker,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

fn wasmtime_config(config: &RuntimeConfig) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances * 8)
        .total_memories(config.instances * 2)
        .total_tables(config.instances * 4)
        .max_core_instances_per_component(64)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_memory_size(config.memory_bytes)
        .linear_memory_keep_resident(config.resident_bytes)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(config.instances)
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::Auto);
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(512 << 10)
        .wasm_backtrace_max_frames(NonZeroUsize::new(8))
        .wasm_memory64(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime
}

struct EpochTicker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    fn start(engine: &Engine) -> wasmtime::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let engine = engine.weak();
        let thread = std::thread::Builder::new().name("epoch".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(EPOCH_TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread only sleeps and ticks: it cannot have panicked, and there is nobody to tell.
            let _ = thread.join();
        }
    }
}
