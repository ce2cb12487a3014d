//! The binary at work: standalone against its own simulation, for what all roles serve, and an HTTP pod for what the
//! public is served.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A debug build on a busy machine is slow.
const START: Duration = Duration::from_secs(120);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Both processes; they end with the value.
pub(crate) struct Served {
    observed: Process,
    public: Process,
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Served {
    /// Starts both, and waits until they answer.
    pub(crate) fn start(program: &Path, work: &Path) -> Result<Self> {
        let plugins = work.join("no-plugins");
        std::fs::create_dir_all(&plugins)?;
        let address = free_address()?;
        let mut standalone = Command::new(program);
        standalone
            .args([
                "standalone",
                "--sim",
                "--sim-guilds",
                "1",
                "--listen",
                &address.to_string(),
            ])
            .arg("--data")
            .arg(work.join("data"))
            .arg("--plugins")
            .arg(plugins);
        let observed = Process::start(standalone, address, &work.join("standalone.log"))?;
        let (address, health) = (free_address()?, free_address()?);
        let mut http = Command::new(program);
        http.arg("http")
            .env("GUILDHALL_HTTP__LISTEN", address.to_string())
            .env("GUILDHALL_LISTEN", health.to_string())
            .env("GUILDHALL_HTTP__APPLICATION_ID", "\"1\"")
            .env("GUILDHALL_CLUSTER__CONFIG", "[\"http://127.0.0.1:1\"]")
            .env("GUILDHALL_CLUSTER_SECRET", SECRET)
            .env("GUILDHALL_SESSION_SECRET", SECRET)
            .env("DISCORD_CLIENT_SECRET", SECRET);
        let public = Process::start(http, address, &work.join("http.log"))?;
        Ok(Self { observed, public })
    }

    /// The status of a path that probes and Prometheus ask for.
    pub(crate) fn observed(&self, path: &str) -> Result<u16> {
        status(self.observed.address, path)
    }

    /// The status of a path that the public asks for.
    pub(crate) fn public(&self, path: &str) -> Result<u16> {
        status(self.public.address, path)
    }
}

impl Process {
    fn start(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(log)?)
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let mut process = Self { child, address };
        let deadline = Instant::now() + START;
        while status(address, "/").is_err() {
            if process.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!(
                    "{command:?} does not serve: {}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn status(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: guildhall\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).context("no status came")?;
    Ok(status.parse()?)
}
