//! What can be wrong with the catalogue. Every message says what to do; nothing was changed by any of them.

use crate::Digest;
use std::path::PathBuf;

/// Why the catalogue cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The disk.
    #[error("{}: {what}: {source}", .path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What was to be done.
        what: &'static str,
        /// What happened.
        source: std::io::Error,
    },
    /// It is not what this crate writes.
    #[error("{} is not a file of Guildhall's plugins ({reason}); bring back the last good copy of it", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A later version wrote it.
    #[error("{} has format {found}, and this binary knows {known}; use the newer version of Guildhall", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: u32,
        /// In this binary.
        known: u32,
    },
    /// A component is not the one that was installed.
    #[error("{} is not the component that was installed: its SHA-256 is {found}; install it again", .path.display())]
    Tampered {
        /// The component's file.
        path: PathBuf,
        /// What the file holds.
        found: Digest,
    },
}
