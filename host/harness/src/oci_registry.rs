//! A registry for OCI artifacts on loopback: Docker's own, as Debian packages it. Whoever wants a damaged artifact edits its
//! files.

use crate::address::free_address;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The only user of a registry that asks who comes.
pub const REGISTRY_USER: &str = "author";
/// The user's password.
pub const REGISTRY_PASSWORD: &str = "registry password";
/// The same for the registry, as htpasswd writes it.
const HTPASSWD: &str = "author:$2y$05$abcdefghijklmnopqrstuucoBHxrOz1JPhvMP97TeQ3r1OHQFXeau\n";

/// Long enough for a busy machine.
const BOUND: Duration = Duration::from_secs(30);

/// A running registry. It and its artifacts end with this value.
pub struct OciRegistry {
    directory: TempDir,
    address: String,
    server: Child,
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        // It may have ended; there is nobody to tell.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl OciRegistry {
    /// Starts an empty one. With `secured`, only [`REGISTRY_USER`] may come in.
    pub async fn start(secured: bool) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let place = directory.path().display();
        let mut configuration = format!(
            "version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {place}/artifacts
http:
  addr: {address}
"
        );
        if secured {
            std::fs::write(directory.path().join("htpasswd"), HTPASSWD)?;
            configuration.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: registry\n    path: {place}/htpasswd\n"
            ));
        }
        let file = directory.path().join("registry.yml");
        std::fs::write(&file, configuration)?;
        let server = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("docker-registry cannot be started; install Debian's package `docker-registry`")?;
        let mut registry = Self {
            directory,
            address,
            server,
        };
        registry.wait_until_it_answers().await?;
        Ok(registry)
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}/v2/", self.address);
        let deadline = Instant::now() + BOUND;
        while http.get(&url).send().await.is_err() {
            if let Some(status) = self.server.try_wait()? {
                bail!("the registry has ended: {status}");
            }
            if Instant::now() > deadline {
                bail!("the registry does not answer at {url}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Where it listens: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The file that holds what has this digest (`sha256:…`).
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.directory
            .path()
            .join("artifacts/docker/registry/v2/blobs/sha256")
            .join(hex.get(..2).unwrap_or_default())
            .join(hex)
            .join("data")
    }
}
