//! The keys of `[http_requests]`, and what is made of them.

use anyhow::{Result, bail};
use guildhall_outbound::OutboundConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// A plugin's memory has to hold the answer, several times over.
const MOST_BYTES: usize = 4 << 20;

/// What plugins ask of other hosts.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpRequests {
    /// Bytes of an answer, its headers included; what is larger is no answer.
    pub(crate) max_bytes: NonZeroUsize,
    /// Plugins' HTTP requests under way at once.
    pub(crate) concurrent: NonZeroUsize,
    /// Of these, for one plugin.
    pub(crate) concurrent_per_plugin: NonZeroUsize,
    /// A PEM file of certificates to be trusted besides the web's.
    pub(crate) ca_file: Option<PathBuf>,
    /// For development alone: hosts that are asked at another address, which may be private: `"api.example.org" = "127.0.0.1:8443"`.
    pub(crate) development_addresses: BTreeMap<String, SocketAddr>,
}

impl Default for HttpRequests {
    fn default() -> Self {
        Self {
            max_bytes: NonZeroUsize::MIN.saturating_add((256 << 10) - 1),
            concurrent: NonZeroUsize::MIN.saturating_add(31),
            concurrent_per_plugin: NonZeroUsize::MIN.saturating_add(7),
            ca_file: None,
            development_addresses: BTreeMap::new(),
        }
    }
}

impl HttpRequests {
    pub(crate) fn check(&self) -> Result<()> {
        if self.max_bytes.get() > MOST_BYTES {
            bail!("http_requests.max_bytes = {}: the most is {MOST_BYTES}", self.max_bytes);
        }
        Ok(())
    }

    pub(crate) fn outbound(&self) -> OutboundConfig {
        OutboundConfig {
            max_bytes: self.max_bytes.get(),
            extra_roots: self.ca_file.clone(),
            development_addresses: self.development_addresses.clone(),
        }
    }
}
