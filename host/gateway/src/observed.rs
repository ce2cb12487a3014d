//! What plugins do, call by call, where somebody looks: tests and replays. A pod's workers do not.

use guildhall_engine::CallFailure;
use guildhall_model::{EventKind, SqlError};
use std::time::Duration;

/// Calls and statements, in order.
#[derive(Debug, Default)]
pub struct Observed {
    /// Every call.
    pub calls: Vec<ObservedCall>,
    /// Every statement of a plugin.
    pub statements: Vec<ObservedStatement>,
    /// How many of both belong to batches that are done: an attempt that is undone runs again.
    done: (usize, usize),
}

/// A call of a plugin.
#[derive(Clone, Debug)]
pub struct ObservedCall {
    /// The plugin's id.
    pub plugin: String,
    /// What it was called for.
    pub kind: EventKind,
    /// How long it took, its SQL included.
    pub took: Duration,
    /// Why it failed, if it did.
    pub failure: Option<CallFailure>,
}

/// A statement of a plugin.
#[derive(Clone, Debug)]
pub struct ObservedStatement {
    /// The plugin's id.
    pub plugin: String,
    /// The statement.
    pub sql: String,
    /// Why it failed, if it did.
    pub failure: Option<SqlError>,
}

impl Observed {
    pub(crate) fn begin_attempt(&mut self) {
        self.calls.truncate(self.done.0);
        self.statements.truncate(self.done.1);
    }

    pub(crate) fn end_batch(&mut self) {
        self.done = (self.calls.len(), self.statements.len());
    }
}
