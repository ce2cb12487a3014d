//! Users whom several guilds have flagged.

use crate::UserId;
use serde::{Deserialize, Serialize};

/// A user whom enough guilds have flagged lately.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FlaggedEverywhere {
    /// Grows with every such user; one user's newest counts.
    pub revision: i64,
    /// The user.
    pub user: UserId,
    /// In how many guilds.
    pub guilds: u32,
}
