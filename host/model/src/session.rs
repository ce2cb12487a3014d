//! Where an event stands in its gateway session.

use serde::{Deserialize, Serialize};

/// A position in one gateway session. Sequences of different sessions cannot be compared: a new session
/// starts again at 1 (Discord, Gateway, Resuming).
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct SessionPosition {
    /// Discord's session id; for events that the host makes itself, a name that no session has.
    pub session: std::sync::Arc<str>,
    /// The dispatch's `s`.
    pub sequence: u64,
}
