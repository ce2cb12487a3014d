//! A pod: a child process that is ready, and ends when it is told to or dropped.

use crate::address::free_address;
use crate::plugins::target_directory;
use crate::process::ProcessFigures;
use anyhow::{Context, Result, bail};
use guildhall_sim::Simulation;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a pod is started.
pub struct PodOptions {
    /// The `guildhall` binary.
    pub binary: PathBuf,
    /// Components that are in its plugins directory from the start.
    pub plugins: Vec<PathBuf>,
    /// More of its configuration file, in TOML.
    pub configuration: String,
    /// Whether its log is shown.
    pub show_log: bool,
    /// The size of a disk of its own for its data, lost when the process ends; none for the machine's disk.
    pub disk_bytes: Option<u64>,
}

/// A running pod with directories of its own.
pub struct Pod {
    options: PodOptions,
    directory: TempDir,
    token: String,
    address: String,
    child: Child,
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may have ended; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pod {
    /// Starts a pod against this simulation and waits until it is ready.
    pub async fn start(options: PodOptions, simulation: &Simulation) -> Result<Self> {
        Self::start_at(
            options,
            &simulation.address().to_string(),
            &simulation.gateway_url(),
            &simulation.token(),
        )
        .await
    }

    /// The same, with the machine code that earlier pods of this build directory have made of the same components: many plugins
    /// take long to compile.
    pub async fn start_warm(options: PodOptions, simulation: &Simulation) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let (kept, data) = (
            target_directory().join("compiled-plugins"),
            directory.path().join("data"),
        );
        std::fs::create_dir_all(&kept)?;
        std::fs::create_dir(&data)?;
        std::os::unix::fs::symlink(std::fs::canonicalize(kept)?, data.join("compiled-plugins"))?;
        Self::start_in(
            directory,
            options,
            &simulation.address().to_string(),
            &simulation.gateway_url(),
            &simulation.token(),
        )
        .await
    }

    /// A pod for a simulation in another process.
    pub async fn start_at(options: PodOptions, rest: &str, gateway: &str, token: &str) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, options, rest, gateway, token).await
    }

    async fn start_in(directory: TempDir, options: PodOptions, rest: &str, gateway: &str, token: &str) -> Result<Self> {
        let plugins = directory.path().join("plugins");
        std::fs::create_dir(&plugins)?;
        for plugin in &options.plugins {
            let name = plugin.file_name().context("a plugin is a file")?;
            std::fs::copy(plugin, plugins.join(name))
                .with_context(|| format!("{} cannot be read", plugin.display()))?;
        }
        let address = free_address()?;
        let configuration = format!(
            "data = {:?}\nplugins = {plugins:?}\nlisten = {address:?}\n{}\n[discord]\nrest = {rest:?}\ngateway = {gateway:?}\n{}",
            directory.path().join("data"),
            // Keys of the file's top come before its tables.
            options.configuration.split("[").next().unwrap_or_default(),
            discord_and_rest(&options.configuration),
        );
        std::fs::write(directory.path().join("guildhall.toml"), configuration)?;
        let child = spawn(&options, directory.path(), token)?;
        let mut pod = Self {
            options,
            directory,
            token: token.to_owned(),
            address,
            child,
        };
        pod.wait_ready().await?;
        Ok(pod)
    }

    /// Starts the process again on the same files, after it was killed or stopped.
    pub async fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.options, self.directory.path(), &self.token)?;
        self.wait_ready().await
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the pod ended before it was ready ({status})");
            }
            let ready = reqwest::get(format!("http://{}/readyz", self.address)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the pod was not ready within 30 seconds");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The plugins directory.
    pub fn plugins(&self) -> PathBuf {
        self.directory.path().join("plugins")
    }

    /// Its data as the process sees it, also on a disk of its own.
    pub fn data(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        let data = self.directory.path().join("data");
        root.join(data.strip_prefix("/").unwrap_or(&data))
    }

    /// The directory of the guilds' files.
    pub fn guilds(&self) -> PathBuf {
        self.directory.path().join("data/guilds")
    }

    /// Where its endpoints are: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// A metric's value, by its whole name with labels; 0 for one that is not there yet.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let text = reqwest::get(format!("http://{}/metrics", self.address))
            .await?
            .text()
            .await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(Ok(0.0), |value| {
            value.parse().with_context(|| format!("{name} is {value:?}"))
        })
    }

    /// Waits until a metric is at least so large.
    pub async fn wait_metric(&self, name: &str, at_least: f64, bound: Duration) -> Result<()> {
        let deadline = Instant::now() + bound;
        loop {
            let value = self.metric(name).await?;
            if value >= at_least {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{name} is {value} after {bound:?}, and not {at_least}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// CPU time and memory.
    pub fn figures(&self) -> Result<ProcessFigures> {
        ProcessFigures::of(self.child.id())
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills the process at once (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop (SIGTERM) and waits until it has.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let status = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        anyhow::ensure!(status.success(), "the pod cannot be asked to stop");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            anyhow::ensure!(Instant::now() < deadline, "the pod did not stop within 60 seconds");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The keys of a `[discord]` table stay in ours; other tables follow.
fn discord_and_rest(configuration: &str) -> String {
    let tables = configuration.find('[').map_or("", |at| &configuration[at..]);
    tables
        .strip_prefix("[discord]\n")
        .map_or_else(|| tables.to_owned(), str::to_owned)
}

fn spawn(options: &PodOptions, directory: &Path, token: &str) -> Result<Child> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("log"))?;
    let mut command = match options.disk_bytes {
        None => Command::new(&options.binary),
        Some(bytes) => on_own_disk(&options.binary, &directory.join("data"), bytes)?,
    };
    command
        .args(["standalone", "--config"])
        .arg(directory.join("guildhall.toml"))
        .env("DISCORD_TOKEN", token)
        .stdout(Stdio::null())
        .stderr(if options.show_log {
            Stdio::inherit()
        } else {
            Stdio::from(log)
        })
        .spawn()
        .with_context(|| format!("{} cannot be started; build it first", options.binary.display()))
}

/// The command in a mount namespace of its own, with a file system of this size over its data.
fn on_own_disk(binary: &Path, data: &Path, bytes: u64) -> Result<Command> {
    std::fs::create_dir_all(data)?;
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size={bytes} tmpfs \"$1\" && shift && exec \"$@\""
        ))
        .arg("sh")
        .args([data, binary]);
    Ok(command)
}
