//! A fleet of real processes on loopback: PostgreSQL, config replicas, gateway pods and HTTP pods. Each can be killed, stopped,
//! suspended and started again.

use crate::address::free_address;
use crate::guild_files::{GuildFiles, Tally};
use crate::nginx::Nginx;
use crate::postgres::Postgres;
use crate::proxy::Proxy;
use crate::replicas::Replicas;
use crate::visitor::Visitor;
use anyhow::{Context, Result, bail, ensure};
use guildhall_fleet::{ClusterSecret, ConfigClient, GuildAssignment};
use guildhall_sim::{CLIENT_SECRET, Simulation};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Long enough for a busy machine.
const BOUND: Duration = Duration::from_secs(60);
const SECRET: &str = "the-secret-of-a-temporary-fleet";
const SESSION: &str = "what-seals-the-sessions-of-a-temporary-fleet";

/// How a fleet is started.
pub struct FleetOptions {
    /// The `guildhall` binary.
    pub binary: PathBuf,
    /// Components of every gateway pod.
    pub plugins: Vec<PathBuf>,
    /// Config replicas.
    pub config_replicas: usize,
    /// Gateway pods, named `gateway-0` and so on.
    pub gateways: usize,
    /// HTTP pods, named `http-0` and so on.
    pub http_pods: usize,
    /// Whether nginx stands before them, where it is installed.
    pub nginx: bool,
    /// Whether gateway pods reach each other and the config service through proxies that the test holds.
    pub proxied: bool,
    /// The collector that traces go to, all of them.
    pub traces: Option<String>,
    /// Milliseconds of a lease.
    pub lease_ms: u64,
    /// Shards of the bot.
    pub shards: u32,
    /// Requests per second of all pods together; Discord's own limit is 50.
    pub requests_per_second: u32,
    /// Guilds that have a file of about so many bytes before the fleet begins.
    pub seeded: Vec<(u64, usize)>,
    /// Where guilds are replicated; then pods reach the seeded files, and no other volume.
    pub replicas: Option<Replicas>,
}

/// A gateway pod's connections, where the fleet is proxied.
pub struct Links {
    /// From everybody to the pod.
    pub to_pod: Proxy,
    /// From the pod to each replica.
    pub to_config: Vec<Proxy>,
}

/// The running fleet. Everything ends with it.
pub struct Fleet {
    pub(crate) options: FleetOptions,
    /// Declared before what the processes use, so that they end first.
    processes: BTreeMap<String, Process>,
    postgres: Postgres,
    directory: TempDir,
    /// Where pods look for the files of pods that are gone.
    volumes: PathBuf,
    discord: String,
    token: String,
    replicas: Vec<String>,
    /// Where the HTTP pods serve the public: `host:port`.
    public: Vec<String>,
    /// Where browsers reach the portal.
    portal: String,
    /// The application, as the portal is told of it.
    application: String,
    nginx: Option<Nginx>,
    links: BTreeMap<String, Links>,
}

struct Process {
    /// Leads a process group, in which its own children are.
    child: Child,
    /// Health, readiness and metrics.
    address: String,
}

impl Process {
    /// Sends a signal to the process and its children.
    fn signal_all(&self, signal: Signal) -> rustix::io::Result<()> {
        match Pid::from_raw(self.child.id().cast_signed()) {
            Some(group) => kill_process_group(group, signal),
            None => Ok(()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // They may have ended; there is nobody to tell.
        let _ = self.signal_all(Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Fleet {
    /// Starts everything against this simulation and waits until it is ready.
    pub async fn start(options: FleetOptions, simulation: &Simulation) -> Result<Self> {
        let postgres = Postgres::start()?;
        let directory = tempfile::tempdir()?;
        std::fs::create_dir(directory.path().join("volumes"))?;
        let plugins = directory.path().join("plugins");
        std::fs::create_dir(&plugins)?;
        for plugin in &options.plugins {
            let name = plugin.file_name().context("a plugin is a file")?;
            std::fs::copy(plugin, plugins.join(name)).with_context(|| format!("{}", plugin.display()))?;
        }
        let volumes = directory.path().join(match options.replicas {
            Some(_) => "seeds",
            None => "volumes",
        });
        seed(&volumes.join("seeded/guilds"), &options.seeded)?;
        let (replicas, gateways, http_pods) = (options.config_replicas, options.gateways, options.http_pods);
        let public = (0..http_pods).map(|_| free_address()).collect::<Result<Vec<_>>>()?;
        let nginx = (options.nginx && !public.is_empty() && Nginx::is_installed())
            .then(|| Nginx::start(&directory.path().join("nginx"), &free_address()?, &public))
            .transpose()?;
        let portal = nginx
            .as_ref()
            .map(Nginx::address)
            .or(public.first().map(String::as_str));
        let portal = portal.map(|address| format!("http://{address}")).unwrap_or_default();
        let mut fleet = Self {
            options,
            processes: BTreeMap::new(),
            postgres,
            directory,
            volumes,
            discord: format!(
                "[discord]\nrest = {:?}\ngateway = {:?}\n",
                simulation.address().to_string(),
                simulation.gateway_url()
            ),
            token: simulation.token(),
            replicas: Vec::new(),
            application: format!(
                "application_id = \"{}\"\npublic_key = {:?}\nclient_secret = {CLIENT_SECRET:?}\nsession_secret = {SESSION:?}\n",
                simulation.bot(),
                simulation.public_key(),
            ),
            public,
            portal,
            nginx,
            links: BTreeMap::new(),
        };
        for number in 0..replicas {
            let address = fleet.start_replica(&format!("config-{number}"))?;
            fleet.replicas.push(format!("http://{address}"));
        }
        for number in 0..replicas {
            fleet.wait_ready(&format!("config-{number}")).await?;
        }
        if fleet.options.proxied {
            for number in 0..gateways {
                let mut to_config = Vec::new();
                for replica in &fleet.replicas {
                    to_config.push(Proxy::start(replica.trim_start_matches("http://")).await?);
                }
                let to_pod = Proxy::start("127.0.0.1:1").await?;
                fleet
                    .links
                    .insert(format!("gateway-{number}"), Links { to_pod, to_config });
            }
        }
        for number in 0..gateways {
            fleet.start_gateway(&format!("gateway-{number}"))?;
        }
        for number in 0..http_pods {
            fleet.start_http(number)?;
        }
        for number in 0..gateways {
            fleet.wait_ready(&format!("gateway-{number}")).await?;
        }
        for number in 0..http_pods {
            fleet.wait_ready(&format!("http-{number}")).await?;
        }
        Ok(fleet)
    }

    fn start_replica(&mut self, name: &str) -> Result<String> {
        let api = free_address()?;
        self.configure_replica(name, &api)?;
        self.spawn(name, "config")?;
        Ok(api)
    }

    fn configure_replica(&mut self, name: &str, api: &str) -> Result<()> {
        let configuration = format!(
            "[discord]\nrequests_per_second = {}\n[config_service]\nlisten = {api:?}\nlease_ms = {}\nshards = {}\n",
            self.options.requests_per_second, self.options.lease_ms, self.options.shards
        );
        self.configure(name, &configuration)
    }

    /// Starts a gateway pod; again on its own volume when it was there before.
    pub fn start_gateway(&mut self, name: &str) -> Result<()> {
        let listen = free_address()?;
        let (mut replicas, mut url) = (self.replicas.clone(), format!("http://{listen}"));
        if let Some(links) = self.links.get(name) {
            links.to_pod.set_target(&listen);
            url = format!("http://{}", links.to_pod.address());
            let proxies = links.to_config.iter();
            replicas = proxies.map(|proxy| format!("http://{}", proxy.address())).collect();
        }
        let configuration = format!(
            "data = {:?}\nplugins = {:?}\n{}[cluster]\nconfig = {replicas:?}\npod = {name:?}\nlisten = {listen:?}\nurl = {url:?}\nvolumes = {:?}\nhand_over_seconds = 20\n",
            self.volume(name),
            self.directory.path().join("plugins"),
            self.discord,
            self.volumes,
        );
        let settings = self
            .options
            .replicas
            .as_ref()
            .map(|replicas| replicas.settings.as_str());
        let replication = settings.map(|settings| format!("[replication]\n{settings}"));
        self.configure(name, &format!("{configuration}{}", replication.unwrap_or_default()))?;
        self.spawn(name, "gateway")
    }

    /// A figure without labels of a process.
    pub async fn metric(&self, name: &str, metric: &str) -> Result<f64> {
        let address = self.address(name).with_context(|| format!("{name} is not running"))?;
        let text = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        Ok(value.map_or(Ok(0.0), str::parse)?)
    }

    /// Starts an HTTP pod, at its address.
    pub fn start_http(&mut self, number: usize) -> Result<()> {
        let name = format!("http-{number}");
        let listen = self.public.get(number).context("there are not so many HTTP pods")?;
        let configuration = format!(
            "{}[cluster]\nconfig = {:?}\n[http]\nlisten = {listen:?}\nurl = {:?}\n{}",
            self.discord, self.replicas, self.portal, self.application
        );
        self.configure(&name, &configuration)?;
        self.spawn(&name, "http")
    }

    /// Where the HTTP pods serve the public: `http://host:port`, one each.
    pub fn public(&self) -> Vec<String> {
        self.public.iter().map(|address| format!("http://{address}")).collect()
    }

    /// Somebody who has signed in at the HTTP pods.
    pub async fn visitor(&self, user: u64) -> Result<Visitor> {
        Visitor::sign_in(&self.public(), user).await
    }

    /// Where browsers reach the portal: nginx, or else the first HTTP pod.
    pub fn portal(&self) -> &str {
        &self.portal
    }

    /// Whether nginx stands before the HTTP pods.
    pub fn has_nginx(&self) -> bool {
        self.nginx.is_some()
    }

    fn configure(&self, name: &str, configuration: &str) -> Result<()> {
        let health = free_address()?;
        let traces = self.options.traces.as_ref();
        let traces = traces.map(|endpoint| format!("[tracing]\nendpoint = {endpoint:?}\nsample = 1.0\n"));
        std::fs::write(self.file(name, "health"), &health)?;
        // Keys of the file's top come before its tables.
        std::fs::write(
            self.file(name, "toml"),
            format!("listen = {health:?}\n{configuration}{}", traces.unwrap_or_default()),
        )?;
        Ok(())
    }

    fn spawn(&mut self, name: &str, role: &str) -> Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.file(name, "log"))?;
        let child = Command::new(&self.options.binary)
            .args([role, "--config"])
            .arg(self.file(name, "toml"))
            .env("DISCORD_TOKEN", &self.token)
            .env("DATABASE_URL", self.postgres.address())
            .env("GUILDHALL_CLUSTER_SECRET", SECRET)
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .envs(self.replication_variables()?)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started; build it first", self.options.binary.display()))?;
        let address = std::fs::read_to_string(self.file(name, "health"))?;
        self.processes.insert(name.to_owned(), Process { child, address });
        Ok(())
    }

    /// Starts a config replica again, at its address.
    pub fn restart_replica(&mut self, name: &str) -> Result<()> {
        self.spawn(name, "config")
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.{extension}"))
    }

    /// The config service begins with an empty database.
    pub async fn forget_everything(&mut self) -> Result<()> {
        let names: Vec<_> = (0..self.replicas.len())
            .map(|number| format!("config-{number}"))
            .collect();
        names.iter().try_for_each(|name| self.kill(name))?;
        self.postgres.forget_everything()?;
        for name in &names {
            self.restart_replica(name)?;
        }
        for name in &names {
            self.wait_ready(name).await?;
        }
        Ok(())
    }

    /// A gateway pod's connections; none where the fleet is not proxied.
    pub fn links(&self, name: &str) -> Option<&Links> {
        self.links.get(name)
    }

    /// A gateway pod's data.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.directory.path().join("volumes").join(name)
    }

    fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes
            .get_mut(name)
            .with_context(|| format!("{name} is not running"))
    }

    /// Waits until the process answers that it is ready.
    pub async fn wait_ready(&mut self, name: &str) -> Result<()> {
        let deadline = Instant::now() + BOUND;
        loop {
            let log = self.log(name);
            let process = self.process(name)?;
            if let Some(status) = process.child.try_wait()? {
                bail!("{name} ended before it was ready ({status}): {log}");
            }
            let ready = reqwest::get(format!("http://{}/readyz", process.address)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{name} was not ready within {BOUND:?}: {log}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills a process at once (SIGKILL).
    pub fn kill(&mut self, name: &str) -> Result<()> {
        // Dropping it kills it.
        self.process(name)?;
        self.processes.remove(name);
        Ok(())
    }

    /// Suspends a process and its children (SIGSTOP).
    pub fn suspend(&mut self, name: &str) -> Result<()> {
        Ok(self.process(name)?.signal_all(Signal::STOP)?)
    }

    /// Lets a suspended process go on (SIGCONT).
    pub fn wake(&mut self, name: &str) -> Result<()> {
        Ok(self.process(name)?.signal_all(Signal::CONT)?)
    }

    /// Asks a process to end (SIGTERM) and waits until it has.
    pub async fn stop(&mut self, name: &str) -> Result<ExitStatus> {
        if let Some(process) = Pid::from_raw(self.process(name)?.child.id().cast_signed()) {
            kill_process(process, Signal::TERM)?;
        }
        self.wait_end(name).await
    }

    /// Whether a process has ended by itself.
    pub fn has_ended(&mut self, name: &str) -> Result<bool> {
        Ok(self.process(name)?.child.try_wait()?.is_some())
    }

    /// Waits until a process has ended.
    pub async fn wait_end(&mut self, name: &str) -> Result<ExitStatus> {
        let deadline = Instant::now() + BOUND;
        loop {
            if let Some(status) = self.process(name)?.child.try_wait()? {
                self.processes.remove(name);
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "{name} did not end within {BOUND:?}: {}",
                self.log(name)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The database.
    pub fn postgres(&mut self) -> &mut Postgres {
        &mut self.postgres
    }

    /// What a process has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name, "log")).unwrap_or_default()
    }

    /// What all processes have logged, for a test that fails.
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        let mut names: Vec<_> = std::fs::read_dir(self.directory.path())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log").map(str::to_owned))
            .collect();
        names.sort();
        for name in names {
            logs.push_str(&format!("== {name}\n{}", self.log(&name)));
        }
        logs
    }

    /// Where the config replicas are.
    pub fn replicas(&self) -> &[String] {
        &self.replicas
    }

    /// What authenticates the roles to each other.
    pub fn secret(&self) -> &str {
        SECRET
    }

    /// Where a process tells its health and metrics.
    pub fn address(&self, name: &str) -> Option<&str> {
        self.processes.get(name).map(|process| process.address.as_str())
    }

    /// A client of the config service.
    pub fn client(&self) -> Result<ConfigClient> {
        Ok(ConfigClient::new(&self.replicas, ClusterSecret::parse(SECRET)?))
    }

    /// Every guild's assignment.
    pub async fn assignments(&self) -> Result<Vec<GuildAssignment>> {
        Ok(self.client()?.assignments(None, 10_000).await?.guilds)
    }

    /// What the `tally` plugin counted in the files of the guilds' owners, each read from a copy.
    pub async fn tally(&self) -> Result<Tally> {
        let copies = tempfile::tempdir()?;
        for assignment in self.assignments().await? {
            let Some(pod) = &assignment.pod else { continue };
            let name = format!("{}.db", assignment.guild);
            copy_database(&self.volume(pod).join("guilds").join(&name), &copies.path().join(&name))?;
        }
        GuildFiles::open(copies.path())?.tally()
    }

    /// Waits until the owners' files hold so many messages.
    pub async fn wait_tally(&self, messages: u64) -> Result<Tally> {
        let deadline = Instant::now() + BOUND;
        loop {
            // A file may be on its way between two pods.
            let tally = self.tally().await;
            if let Ok(tally) = &tally
                && tally.messages >= messages
            {
                return Ok(*tally);
            }
            ensure!(
                Instant::now() < deadline,
                "{tally:?} instead of {messages} messages within {BOUND:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Files as an earlier pod would have left them: whoever takes the guild up recovers them from its volume.
fn seed(guilds: &Path, files: &[(u64, usize)]) -> Result<()> {
    std::fs::create_dir_all(guilds)?;
    for (guild, bytes) in files {
        let connection = rusqlite::Connection::open(guilds.join(format!("{guild}.db")))?;
        connection.execute_batch(
            "PRAGMA synchronous = OFF;
             CREATE TABLE seeded_rows (id INTEGER PRIMARY KEY, content BLOB);",
        )?;
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO seeded_rows SELECT i, randomblob(1000) FROM n",
            [bytes.div_ceil(1000)],
        )?;
    }
    Ok(())
}

/// Through SQLite itself: a file in use is more than its bytes.
fn copy_database(from: &Path, to: &Path) -> Result<()> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = rusqlite::Connection::open_with_flags(from, flags)
        .with_context(|| format!("{} cannot be opened", from.display()))?;
    connection.execute("VACUUM INTO ?1", [to.display().to_string()])?;
    Ok(())
}
