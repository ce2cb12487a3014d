//! Addresses for processes that are started later.

use anyhow::{Result, bail};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the system takes for connections (Linux: from 32768), which could take one before its process does.
const FIRST: u32 = 10_000;
const PORTS: u32 = 22_000;

/// An address of this machine that nobody listens on, and that nobody is given again by this process.
pub(crate) fn free_address() -> Result<String> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin at different ports.
    let begin = std::process::id().wrapping_mul(977);
    for _ in 0..PORTS {
        let next = GIVEN.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.0.0.1:{}", FIRST + begin.wrapping_add(next) % PORTS);
        if TcpListener::bind(&address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port from {FIRST} on is free")
}
