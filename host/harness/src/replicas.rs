//! A fleet's bucket: what pods need to reach it, and disks that are lost.

use crate::fleet::Fleet;
use crate::litestream::litestream;
use crate::process::ProcessFigures;
use crate::s3::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use anyhow::{Context, Result, ensure};
use guildhall_replication::{Bucket, Credentials, Location};
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a killed process started may write for so long.
const BOUND: Duration = Duration::from_secs(10);

/// A bucket, and how pods use it.
pub struct Replicas {
    /// The server.
    pub server: S3Server,
    /// The key that pods have; the server's own is [`crate::SECRET_KEY`].
    pub key: String,
    /// More lines of `[replication]`.
    pub settings: String,
}

impl Fleet {
    /// What reaches the bucket, as variables: for pods, and for the commands that restore.
    pub fn replication_variables(&self) -> Result<Vec<(&'static str, String)>> {
        let Some(replicas) = &self.options.replicas else {
            return Ok(Vec::new());
        };
        Ok(vec![
            ("GUILDHALL_REPLICATION__URL", format!("s3://{BUCKET}/fleet")),
            ("GUILDHALL_REPLICATION__ENDPOINT", replicas.server.endpoint()),
            ("GUILDHALL_REPLICATION__PROGRAM", litestream()?.display().to_string()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", replicas.key.clone()),
        ])
    }

    /// The bucket's server.
    pub fn bucket(&self) -> Option<&S3Server> {
        self.options.replicas.as_ref().map(|replicas| &replicas.server)
    }

    /// A client of the bucket, for who restores out of it.
    pub fn bucket_client(&self) -> Result<Bucket> {
        let server = self.bucket().context("the fleet has no bucket")?;
        let credentials = Credentials {
            access_key_id: ACCESS_KEY.into(),
            secret_access_key: SECRET_KEY.into(),
        };
        let location = Location::new(
            &format!("s3://{BUCKET}/fleet"),
            Some(&server.endpoint()),
            "us-east-1",
            Some(credentials),
        )?;
        Ok(Bucket::new(&location)?)
    }

    /// Litestream, as the pods run it.
    pub fn litestream_program(&self) -> Result<PathBuf> {
        litestream()
    }

    async fn litestream_process(&self, name: &str) -> Result<u32> {
        let socket = self.volume(name).join("litestream.sock");
        let http = reqwest::Client::builder().no_proxy().unix_socket(socket).build()?;
        let info: serde_json::Value = http.get("http://litestream/info").send().await?.json().await?;
        let process = info["pid"].as_u64().context("Litestream tells no process")?;
        Ok(u32::try_from(process)?)
    }

    /// What the operating system says of a pod's Litestream.
    pub async fn litestream(&self, name: &str) -> Result<ProcessFigures> {
        ProcessFigures::of(self.litestream_process(name).await?)
    }

    /// Kills a pod's Litestream at once (SIGKILL).
    pub async fn kill_litestream(&self, name: &str) -> Result<()> {
        let process = self.litestream_process(name).await?;
        let process = Pid::from_raw(process.cast_signed()).context("Litestream tells no process")?;
        Ok(kill_process(process, Signal::KILL)?)
    }

    /// Kills a gateway pod at once, and its disk is gone.
    pub fn lose(&mut self, name: &str) -> Result<()> {
        self.kill(name)?;
        let deadline = Instant::now() + BOUND;
        // What it started is killed as well, and may write until it has ended.
        while let Err(error) = std::fs::remove_dir_all(self.volume(name)) {
            ensure!(
                Instant::now() < deadline,
                "the volume of {name} cannot be removed: {error}"
            );
        }
        Ok(())
    }
}
