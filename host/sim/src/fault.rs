//! Faults on demand: what Discord and the network do at bad times.

use serde::{Deserialize, Serialize};

/// The next requests that match are answered so.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestFault {
    /// The status; 0 drops the connection without an answer, 200 only delays.
    pub status: u16,
    /// Discord's JSON error code in the answer.
    pub code: u32,
    /// How many requests.
    pub count: u32,
    /// Only requests whose path contains this.
    pub path_contains: String,
    /// Milliseconds before the answer.
    pub delay_ms: u64,
    /// Carry the request out all the same, and then answer so.
    pub after_applying: bool,
    /// `retry_after` of a 429, in milliseconds.
    pub retry_after_ms: u64,
    /// Scope of a 429: `user`, `global` or `shared`.
    pub scope: String,
}

impl Default for RestFault {
    fn default() -> Self {
        Self {
            status: 503,
            code: 0,
            count: 1,
            path_contains: String::new(),
            delay_ms: 0,
            after_applying: false,
            retry_after_ms: 1000,
            scope: "user".into(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) rest: Vec<RestFault>,
    /// Heartbeats are not acknowledged.
    pub(crate) half_open: bool,
    /// Dispatches that go out twice.
    pub(crate) duplicates: u32,
    /// Milliseconds that every dispatch is held back.
    pub(crate) delay_ms: u64,
    /// The next connections get this operation instead of HELLO.
    pub(crate) reconnect_before_hello: u32,
}

impl Faults {
    /// The fault for this request, used up by one.
    pub(crate) fn take(&mut self, path: &str) -> Option<RestFault> {
        let index = self.rest.iter().position(|fault| path.contains(&fault.path_contains))?;
        let fault = self.rest[index].clone();
        if self.rest[index].count <= 1 {
            self.rest.remove(index);
        } else {
            self.rest[index].count -= 1;
        }
        Some(fault)
    }
}
