//! A temporary PostgreSQL: a cluster in a directory of its own, on loopback, gone with the value.

use crate::address::free_address;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a busy machine.
const BOUND: Duration = Duration::from_secs(60);

/// A running server. It ends with this process.
pub struct Postgres {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
    account: Option<Account>,
    server: Option<Child>,
}

/// PostgreSQL refuses to run as root: then it runs as this user.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.kill();
    }
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        let directory = tempfile::Builder::new().prefix("guildhall-postgres-").tempdir()?;
        let account = account(directory.path())?;
        if let Some(account) = account {
            std::os::unix::fs::chown(directory.path(), Some(account.user), Some(account.group))?;
        }
        let mut postgres = Self {
            port: free_address()?.parse::<SocketAddr>()?.port(),
            directory,
            programs,
            account,
            server: None,
        };
        let made = postgres
            .command("initdb")
            .args([
                "--username=guildhall",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(postgres.directory.path().join("cluster"))
            .output()
            .context("initdb cannot be started")?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        postgres.restart()?;
        Ok(postgres)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.stdin(Stdio::null()).current_dir(self.directory.path());
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }

    /// Empties the database.
    pub(crate) fn forget_everything(&self) -> Result<()> {
        let mut psql = self.command("psql");
        let emptied = psql
            .args([
                &self.address(),
                "-c",
                "DROP SCHEMA public CASCADE",
                "-c",
                "CREATE SCHEMA public",
            ])
            .output()
            .context("psql cannot be started")?;
        if !emptied.status.success() {
            bail!("psql failed: {}", String::from_utf8_lossy(&emptied.stderr));
        }
        Ok(())
    }

    /// Starts the server again, after it was killed, and waits until it answers.
    pub fn restart(&mut self) -> Result<()> {
        let log = self.directory.path().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let deadline = Instant::now() + BOUND;
        loop {
            // The processes of a killed server end a moment after it, and until then a new one refuses to start.
            let runs = match &mut self.server {
                Some(server) => server.try_wait()?.is_none(),
                None => false,
            };
            if !runs {
                self.spawn(&file)?;
            }
            let ready = self
                .command("pg_isready")
                .args([
                    "-h",
                    "127.0.0.1",
                    "-U",
                    "guildhall",
                    "-d",
                    "postgres",
                    "-p",
                    &self.port.to_string(),
                ])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "PostgreSQL does not answer: {}",
                    std::fs::read_to_string(&log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn spawn(&mut self, log: &std::fs::File) -> Result<()> {
        let server = self
            .command("postgres")
            .arg("-D")
            .arg(self.directory.path().join("cluster"))
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-k",
                "",
            ])
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            .spawn()
            .context("postgres cannot be started")?;
        self.server = Some(server);
        Ok(())
    }

    /// Kills the server at once (SIGKILL); its processes end with it.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    /// CPU time of all its processes, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let server = self.server.as_ref().context("the server does not run")?;
        crate::process::cpu_seconds_with_children(server.id())
    }

    /// Where the server is.
    pub fn address(&self) -> String {
        format!("postgres://guildhall@127.0.0.1:{}/postgres", self.port)
    }
}

fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps the server's programs out of PATH, by version.
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let complete = |place: &PathBuf| {
        ["initdb", "postgres", "pg_isready"]
            .iter()
            .all(|name| place.join(name).exists())
    };
    places
        .into_iter()
        .find(complete)
        .context("PostgreSQL's server is not installed; install Debian's package `postgresql`, or put initdb and postgres into PATH")
}

/// The owner of a directory that this process makes is root exactly when the process is.
fn account(directory: &Path) -> Result<Option<Account>> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata(directory)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some(Account {
            user: numbers.next()?.ok()?,
            group: numbers.next()?.ok()?,
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .map(Some)
        .context("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}
