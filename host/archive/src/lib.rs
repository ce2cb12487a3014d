//! A guild as one portable file: a zstd-compressed tar of `manifest.json` and `guild.db`. It is written under another name
//! until it is whole, and read with every check before anybody uses what is in it. The crate knows no pods and no network,
//! and changes no guild.

mod error;
mod manifest;
mod read;
mod write;

pub use error::{ReadError, WriteError};
pub use manifest::{FORMAT, Manifest};
pub use read::{Unpacked, read};
pub use write::write;

/// The entries, in this order.
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "guild.db";
