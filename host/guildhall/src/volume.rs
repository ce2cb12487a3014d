//! A pod's volume: one process at a time uses it.

use anyhow::{Context, Result};
use std::path::Path;

/// The file by which a fleet knows a volume; a standalone pod's has none.
pub(crate) const IDENTITY: &str = "identity";

/// Takes the volume until the answer is dropped: two processes on it would be one pod twice.
pub(crate) fn lock(data: &Path) -> Result<std::fs::File> {
    std::fs::create_dir_all(data).with_context(|| format!("data = {:?} cannot be made", data.display()))?;
    let file = std::fs::File::create(data.join("lock"))?;
    file.try_lock()
        .with_context(|| format!("data = {:?} is used by another process", data.display()))?;
    Ok(file)
}
