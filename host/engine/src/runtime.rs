//! The narrowed wasmtime engines: one configuration for each class of guest, one clock for deadlines. They know nothing of
//! plugins.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How the engines are sized.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Instances of compact guests that may live at once, over all workers.
    pub instances: u32,
    /// Bytes of one linear memory of a compact guest.
    pub memory_bytes: usize,
    /// Bytes of such a memory that stay resident between two calls.
    pub resident_bytes: usize,
    /// A guest whose instances take more CPU time than this to be made is a script.
    pub compact_start: Duration,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            instances: 64,
            memory_bytes: 64 << 20,
            resident_bytes: 1 << 20,
            compact_start: Duration::from_micros(150),
        }
    }
}

/// How a guest's instances are made, found out when it is loaded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GuestClass {
    /// Compiled ahead, like Rust and C: an instance costs microseconds, so every batch has fresh ones.
    Compact,
    /// With an interpreter in it, like JavaScript and Python: an instance is costly, and kept for its guild.
    Script,
}

impl GuestClass {
    /// One word for logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Script => "script",
        }
    }
}

/// An engine for each class, and the thread that ticks their epochs. The thread ends with the last clone.
///
/// What one engine has made never gets into a store of the other.
#[derive(Clone)]
pub struct Runtime {
    compact: Engine,
    script: Engine,
    compact_start: Duration,
    _ticker: Arc<EpochTicker>,
}

/// Time between two epochs: the resolution of a call's deadline.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(1);

impl Runtime {
    /// Builds the engines. Fails where the machine cannot reserve the pool's address space.
    pub fn new(config: &RuntimeConfig) -> wasmtime::Result<Self> {
        let compact = Engine::new(common().allocation_strategy(pool(config)))?;
        // A pool keeps what was touched for the next instance, which pays for guests that touch little and come often. Here
        // instances stay, and the memory of one that goes is wanted back.
        let script = Engine::new(common().allocation_strategy(InstanceAllocationStrategy::OnDemand))?;
        let ticker = Arc::new(EpochTicker::start(vec![compact.weak(), script.weak()])?);
        Ok(Self {
            compact,
            script,
            compact_start: config.compact_start,
            _ticker: ticker,
        })
    }

    pub(crate) fn engine(&self, class: GuestClass) -> &Engine {
        match class {
            GuestClass::Compact => &self.compact,
            GuestClass::Script => &self.script,
        }
    }

    /// CPU time beyond which an instance is costly.
    pub(crate) fn compact_start(&self) -> Duration {
        self.compact_start
    }
}

/// Everything that compiled code depends on: a component that was compiled once runs in both engines.
fn common() -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(512 << 10)
        .wasm_backtrace_max_frames(NonZeroUsize::new(8))
        .wasm_memory64(false);
    wasmtime
}

fn pool(config: &RuntimeConfig) -> InstanceAllocationStrategy {
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
    InstanceAllocationStrategy::Pooling(pool)
}

struct EpochTicker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    fn start(engines: Vec<EngineWeak>) -> wasmtime::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("epoch".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(EPOCH_TICK);
                for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                    engine.increment_epoch();
                }
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
