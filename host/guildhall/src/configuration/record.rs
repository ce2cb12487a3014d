//! Who may record at a standalone pod: nobody, unless there is a secret for it.

use anyhow::{Context, Result};
use guildhall_fleet::ClusterSecret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// `guildhall record`. A fleet's pods take the cluster's secret instead.
#[derive(Clone, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Record {
    /// What a recorder must know to hear a standalone pod's guilds; better given as GUILDHALL_RECORD_SECRET. Without one nothing can be recorded there.
    pub(crate) secret: String,
    /// A file that holds the recorder's secret, one a line.
    pub(crate) secret_file: Option<PathBuf>,
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the secret.
        formatter.write_str("Record(…)")
    }
}

impl Record {
    /// The secret, from the file where one is named; none where nobody may record.
    pub(crate) fn secret(&self) -> Result<Option<ClusterSecret>> {
        let text = match &self.secret_file {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("record.secret_file = {:?} cannot be read", file.display()))?,
            None if self.secret.is_empty() => return Ok(None),
            None => self.secret.clone(),
        };
        let secret = ClusterSecret::parse(&text);
        Ok(Some(secret.context(
            "record.secret is no good: give it at least 16 characters, as from `openssl rand -hex 32`",
        )?))
    }
}
