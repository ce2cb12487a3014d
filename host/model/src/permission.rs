//! Whether this process may act. A pod of a fleet may while its lease holds; a process alone always may.

use std::fmt;
use std::sync::Arc;

/// Asked at every BEGIN and before every action is sent.
#[derive(Clone)]
pub struct Permission(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permission {
    /// Whatever this answers.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// Whether the process may act now.
    pub fn holds(&self) -> bool {
        (self.0)()
    }
}

impl Default for Permission {
    fn default() -> Self {
        Self::new(|| true)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Permission({})", self.holds())
    }
}
