//! The configuration: defaults, then a TOML file, then `GUILDHALL_…` variables, then flags. It is checked as a whole
//! before anything starts, and a complaint names the key and the fix.

mod http_requests;
mod record;
mod replication;
mod updates;

use anyhow::{Context, Result, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use guildhall_distribution::{PublicKey, SignatureError};
use guildhall_engine::CallLimits;
use guildhall_fleet::{ClusterSecret, ConfigClient};
use guildhall_gateway::OperatorSettings;
use guildhall_http::SessionKeys;
use guildhall_model::GuildId;
use guildhall_store::StoreLimits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use http_requests::HttpRequests;
pub(crate) use record::Record;
pub(crate) use replication::Replication;
use updates::Updates;

/// Variables of ours that are not keys, or are named otherwise.
const NO_KEYS: &[&str] = &[
    "log",
    "log_format",
    "cluster_secret",
    "record_secret",
    "session_secret",
    "registry_user",
    "registry_password",
];

/// Everything that an operator can set.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Configuration {
    /// Where guilds' files, compiled plugins and session positions are kept.
    pub(crate) data: PathBuf,
    /// The directory whose `.wasm` files run, and into which `guildhall plugin install` installs.
    pub(crate) plugins: PathBuf,
    /// Public keys, as `guildhall plugin keygen` prints them. Where there is one, only plugins that are signed with one of
    /// them are installed.
    pub(crate) plugin_keys: Vec<String>,
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub(crate) listen: SocketAddr,
    /// Seconds that a stopping pod waits for Discord to take its last actions.
    pub(crate) drain_seconds: u64,
    pub(crate) discord: Discord,
    pub(crate) workers: Workers,
    pub(crate) store: Store,
    pub(crate) calls: Calls,
    pub(crate) http_requests: HttpRequests,
    pub(crate) cluster: Cluster,
    pub(crate) config_service: ConfigService,
    pub(crate) replication: Replication,
    pub(crate) record: Record,
    pub(crate) http: Http,
    pub(crate) tracing: Tracing,
    pub(crate) updates: Updates,
    /// Settings for every guild that has none of its own, by plugin.
    pub(crate) settings: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// Settings for one guild, by guild id and plugin.
    pub(crate) guild_settings: BTreeMap<String, BTreeMap<String, serde_json::Map<String, serde_json::Value>>>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Discord {
    /// The bot's token. Better given as DISCORD_TOKEN than written into a file.
    pub(crate) token: String,
    /// Shards; none asks Discord.
    pub(crate) shards: Option<NonZeroU32>,
    /// Requests per second that this pod may send, of the 50 that the bot has; none for no limit of our own.
    pub(crate) requests_per_second: Option<NonZeroU32>,
    /// Requests under way at once.
    pub(crate) concurrent_requests: NonZeroUsize,
    /// Milliseconds after which an interaction that no plugin has answered is deferred; 0 for never. Discord waits for 3000.
    pub(crate) defer_interactions_ms: u64,
    /// `host:port` of a simulation or proxy that speaks plain HTTP; none for Discord itself.
    pub(crate) rest: Option<String>,
    /// `ws://…` of a simulation or proxy; none for Discord itself.
    pub(crate) gateway: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Workers {
    /// Threads; none for one per core.
    pub(crate) threads: Option<NonZeroUsize>,
    /// Guild files open at once.
    pub(crate) open_files: NonZeroUsize,
    /// Events that may wait per thread.
    pub(crate) waiting: NonZeroUsize,
    /// Events of one transaction.
    pub(crate) batch: NonZeroUsize,
    /// Failed calls in a row after which a plugin is switched off in a guild.
    pub(crate) failures: NonZeroU32,
    /// MiB of memory that instances of JavaScript and Python may take between two batches; 0 for fresh ones each time.
    pub(crate) warm_mib: u32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Store {
    /// MiB of one guild's file.
    pub(crate) quota_mib: NonZeroU32,
    /// Whether every commit is synced to the disk.
    pub(crate) synchronous_full: bool,
    /// KiB of page cache of one open file.
    pub(crate) cache_kib: NonZeroU32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Calls {
    /// Milliseconds that a plugin's call may take, its SQL included.
    pub(crate) deadline_ms: NonZeroU32,
    /// MiB of memory of one instance.
    pub(crate) memory_mib: NonZeroU32,
    /// Actions of one call.
    pub(crate) actions: NonZeroUsize,
}

/// What the roles of a fleet share. Standalone needs none of it.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cluster {
    /// The config service's replicas: `http://host:port`.
    pub(crate) config: Vec<String>,
    /// Authenticates the roles to each other; better given as GUILDHALL_CLUSTER_SECRET. The first of several is sent, all are accepted.
    pub(crate) secret: String,
    /// A file that holds the secret, one a line.
    pub(crate) secret_file: Option<PathBuf>,
    /// This pod's name, unique in the fleet.
    pub(crate) pod: String,
    /// Where this pod listens for the other roles: an address of the cluster's own network.
    pub(crate) listen: SocketAddr,
    /// Where the other roles reach it; none for `listen`.
    pub(crate) url: Option<String>,
    /// Guilds that this pod may own.
    pub(crate) capacity: NonZeroU32,
    /// A directory in which the data directories of all pods are found by their names, for files of pods that are gone.
    pub(crate) volumes: Option<PathBuf>,
    /// Seconds that a stopping pod takes for handing everything over.
    pub(crate) hand_over_seconds: u64,
}

/// `guildhall config`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigService {
    /// `postgres://user@host:port/name`; better given as DATABASE_URL.
    pub(crate) database: String,
    /// Where the API is served: an address of the cluster's own network.
    pub(crate) listen: SocketAddr,
    /// Shards of the bot.
    pub(crate) shards: NonZeroU32,
    /// Milliseconds that a pod's lease holds.
    pub(crate) lease_ms: NonZeroU32,
    /// Guilds on the move at once.
    pub(crate) moves_at_once: NonZeroUsize,
    /// How far from the average a pod's load may be before a rebalance moves anything, as a share of it.
    pub(crate) hysteresis: f64,
}

/// `guildhall http`.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// Where the public is served.
    pub(crate) listen: SocketAddr,
    /// Where browsers reach it: `https://guildhall.example`.
    pub(crate) url: String,
    /// The application's id at Discord.
    pub(crate) application_id: String,
    /// The application's public key, with which Discord signs interactions; none for no interactions over HTTP.
    pub(crate) public_key: String,
    /// The application's OAuth2 secret; better given as DISCORD_CLIENT_SECRET.
    pub(crate) client_secret: String,
    /// Seals sessions; better given as GUILDHALL_SESSION_SECRET. The first of several seals, all open.
    pub(crate) session_secret: String,
    /// A file that holds the session's secret, one a line.
    pub(crate) session_secret_file: Option<PathBuf>,
}

/// Where traces go.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tracing {
    /// An OpenTelemetry collector that takes OTLP over HTTP: `http://host:4318`; none for no traces. Also given as
    /// OTEL_EXPORTER_OTLP_ENDPOINT.
    pub(crate) endpoint: Option<String>,
    /// The share of events and requests that are followed, from 0 to 1.
    pub(crate) sample: f64,
}

impl Default for Tracing {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample: 0.01,
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the secrets.
        write!(formatter, "Http {{ listen: {}, url: {:?} }}", self.listen, self.url)
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8083)),
            url: "http://127.0.0.1:8083".into(),
            application_id: String::new(),
            public_key: String::new(),
            client_secret: String::new(),
            session_secret: String::new(),
            session_secret_file: None,
        }
    }
}

impl Http {
    /// What sessions are sealed with, from the file where one is named.
    pub(crate) fn session_keys(&self) -> Result<SessionKeys> {
        let text = match &self.session_secret_file {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("http.session_secret_file = {:?} cannot be read", file.display()))?,
            None => self.session_secret.clone(),
        };
        SessionKeys::parse(&text).context(
            "sessions cannot be sealed: set GUILDHALL_SESSION_SECRET to at least 32 characters, as from `openssl rand -hex 32`",
        )
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the secret.
        write!(formatter, "Cluster {{ pod: {:?}, listen: {} }}", self.pod, self.listen)
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            config: Vec::new(),
            secret: String::new(),
            secret_file: None,
            pod: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            url: None,
            capacity: NonZeroU32::MIN.saturating_add(999),
            volumes: None,
            hand_over_seconds: 60,
        }
    }
}

impl Default for ConfigService {
    fn default() -> Self {
        Self {
            database: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8082)),
            shards: NonZeroU32::MIN,
            lease_ms: NonZeroU32::MIN.saturating_add(9_999),
            moves_at_once: NonZeroUsize::MIN.saturating_add(15),
            hysteresis: 0.1,
        }
    }
}

impl Cluster {
    /// The secret, from the file where one is named.
    pub(crate) fn secret(&self) -> Result<ClusterSecret> {
        let text = match &self.secret_file {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("cluster.secret_file = {:?} cannot be read", file.display()))?,
            None => self.secret.clone(),
        };
        Ok(ClusterSecret::parse(&text)?)
    }

    /// A client of the config service.
    pub(crate) fn client(&self) -> Result<ConfigClient> {
        if self.config.is_empty() {
            bail!("cluster.config is empty: name the config service's replicas, as [\"http://config:8082\"]");
        }
        for url in &self.config {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                bail!("cluster.config: {url:?} must be written as http://host:port");
            }
        }
        Ok(ConfigClient::new(&self.config, self.secret()?))
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data: "data".into(),
            plugins: "plugins".into(),
            plugin_keys: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            drain_seconds: 20,
            discord: Discord::default(),
            workers: Workers::default(),
            store: Store::default(),
            calls: Calls::default(),
            http_requests: HttpRequests::default(),
            cluster: Cluster::default(),
            config_service: ConfigService::default(),
            replication: Replication::default(),
            record: Record::default(),
            http: Http::default(),
            tracing: Tracing::default(),
            updates: Updates::default(),
            settings: BTreeMap::new(),
            guild_settings: BTreeMap::new(),
        }
    }
}

impl Default for Discord {
    fn default() -> Self {
        Self {
            token: String::new(),
            shards: None,
            // Discord's window of 50 a second is not aligned to ours.
            requests_per_second: NonZeroU32::new(45),
            concurrent_requests: NonZeroUsize::MIN.saturating_add(63),
            defer_interactions_ms: 2000,
            rest: None,
            gateway: None,
        }
    }
}

impl Discord {
    /// How long an interaction waits for a plugin; none for as long as Discord does.
    pub(crate) fn defer_interactions(&self) -> Option<Duration> {
        (self.defer_interactions_ms > 0).then(|| Duration::from_millis(self.defer_interactions_ms))
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            threads: None,
            open_files: NonZeroUsize::MIN.saturating_add(1023),
            waiting: NonZeroUsize::MIN.saturating_add(2047),
            batch: NonZeroUsize::MIN.saturating_add(63),
            failures: NonZeroU32::MIN.saturating_add(19),
            warm_mib: 64,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            quota_mib: NonZeroU32::MIN.saturating_add(63),
            synchronous_full: false,
            cache_kib: NonZeroU32::MIN.saturating_add(31),
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            deadline_ms: NonZeroU32::MIN.saturating_add(499),
            memory_mib: NonZeroU32::MIN.saturating_add(63),
            actions: NonZeroUsize::MIN.saturating_add(99),
        }
    }
}

impl Configuration {
    /// Reads and checks. `flags` are those that were given, as a partial configuration.
    pub(crate) fn load(file: Option<&Path>, flags: &serde_json::Value) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            if !file.is_file() {
                bail!("--config {}: there is no such file", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let configuration: Self =
            figment
                .merge(Env::prefixed("GUILDHALL_").ignore(NO_KEYS).split("__"))
                .merge(Env::raw().only(&["DISCORD_TOKEN"]).map(|_| "discord.token".into()))
                .merge(
                    Env::raw()
                        .only(&["GUILDHALL_CLUSTER_SECRET"])
                        .map(|_| "cluster.secret".into()),
                )
                .merge(
                    Env::raw()
                        .only(&["GUILDHALL_RECORD_SECRET"])
                        .map(|_| "record.secret".into()),
                )
                .merge(
                    Env::raw()
                        .only(&["GUILDHALL_SESSION_SECRET"])
                        .map(|_| "http.session_secret".into()),
                )
                .merge(
                    Env::raw()
                        .only(&["DISCORD_CLIENT_SECRET"])
                        .map(|_| "http.client_secret".into()),
                )
                .merge(
                    Env::raw()
                        .only(&["OTEL_EXPORTER_OTLP_ENDPOINT"])
                        .map(|_| "tracing.endpoint".into()),
                )
                .merge(Env::raw().only(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]).map(
                    |name| match name.as_str() {
                        "AWS_ACCESS_KEY_ID" => "replication.access_key_id".into(),
                        _ => "replication.secret_access_key".into(),
                    },
                ))
                .merge(
                    Env::raw()
                        .only(&["DATABASE_URL"])
                        .map(|_| "config_service.database".into()),
                )
                .merge(Serialized::defaults(flags))
                .extract()
                .context("the configuration is not right")?;
        configuration.check()?;
        Ok(configuration)
    }

    /// What only pods need.
    pub(crate) fn check_pod(&self) -> Result<()> {
        if !self.plugins.is_dir() {
            bail!(
                "plugins = {:?}: there is no such directory; make it, or set `plugins` to the one with the .wasm files",
                self.plugins.display().to_string()
            );
        }
        Ok(())
    }

    /// Whether there is a bot.
    pub(crate) fn check_token(&self) -> Result<()> {
        if self.discord.token.is_empty() {
            bail!(
                "there is no bot token: set DISCORD_TOKEN, or use `standalone --sim` to try Guildhall without Discord"
            );
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if let Some(gateway) = &self.discord.gateway
            && !gateway.starts_with("ws://")
            && !gateway.starts_with("wss://")
        {
            bail!("discord.gateway = {gateway:?}: write it as ws://host:port or wss://host:port");
        }
        if let Some(rest) = &self.discord.rest
            && rest.contains('/')
        {
            bail!("discord.rest = {rest:?}: write it as host:port, without http://");
        }
        if self.discord.defer_interactions_ms > 2500 {
            bail!(
                "discord.defer_interactions_ms = {}: the most is 2500, as Discord waits for 3000; 0 is never",
                self.discord.defer_interactions_ms
            );
        }
        self.http_requests.check()?;
        if !(0.0..=1.0).contains(&self.tracing.sample) {
            bail!("tracing.sample = {}: it is a share, from 0 to 1", self.tracing.sample);
        }
        self.updates.check()?;
        self.trusted_plugin_keys().context("plugin_keys")?;
        self.replication.location()?;
        for guild in self.guild_settings.keys() {
            if guild.parse::<GuildId>().is_err() {
                bail!("guild_settings.{guild:?}: the key must be a guild's id, a number");
            }
        }
        Ok(())
    }

    /// Whose plugins may be installed; everybody's where it is empty.
    pub(crate) fn trusted_plugin_keys(&self) -> Result<Vec<PublicKey>, SignatureError> {
        self.plugin_keys.iter().map(|key| key.parse()).collect()
    }

    pub(crate) fn operator_settings(&self) -> OperatorSettings {
        let json = |settings: &BTreeMap<String, serde_json::Map<_, _>>| {
            settings
                .iter()
                .map(|(plugin, settings)| (plugin.clone(), serde_json::Value::Object(settings.clone()).to_string()))
                .collect::<BTreeMap<_, _>>()
        };
        let guilds = self
            .guild_settings
            .iter()
            .filter_map(|(guild, settings)| Some((guild.parse().ok()?, json(settings))))
            .collect();
        OperatorSettings {
            defaults: json(&self.settings),
            guilds,
            ..OperatorSettings::default()
        }
    }

    pub(crate) fn store_limits(&self) -> StoreLimits {
        StoreLimits {
            quota_bytes: u64::from(self.store.quota_mib.get()) << 20,
            synchronous_full: self.store.synchronous_full,
            cache_kib: self.store.cache_kib.get(),
            // Litestream moves the WAL into the file.
            checkpoint_pages: if self.replication.url.is_some() {
                0
            } else {
                StoreLimits::default().checkpoint_pages
            },
            ..StoreLimits::default()
        }
    }

    pub(crate) fn call_limits(&self) -> CallLimits {
        CallLimits {
            deadline: Duration::from_millis(self.calls.deadline_ms.get().into()),
            memory_bytes: (self.calls.memory_mib.get() as usize) << 20,
            actions: self.calls.actions.get(),
            ..CallLimits::default()
        }
    }

    pub(crate) fn threads(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.threads.unwrap_or_else(cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn load(toml: &str) -> Result<Configuration> {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("guildhall.toml");
        std::fs::write(&file, toml).expect("a file");
        Configuration::load(Some(&file), &json!({ "plugins": directory.path() }))
    }

    fn complaint(toml: &str) -> String {
        format!("{:#}", load(toml).expect_err("this configuration is wrong"))
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let configuration = load("[workers]\nbatch = 7\n[settings.spam-guard]\nlow = 5").expect("it is right");
        assert_eq!(configuration.workers.batch.get(), 7);
        assert_eq!(configuration.workers.failures.get(), 20);
        assert_eq!(configuration.operator_settings().defaults["spam-guard"], "{\"low\":5}");
    }

    #[test]
    fn a_complaint_names_the_key_and_what_it_wants() {
        let unknown = complaint("[workers]\nbacth = 7");
        assert!(unknown.contains("bacth") && unknown.contains("batch"), "{unknown}");
        let zero = complaint("[store]\nquota_mib = 0");
        assert!(zero.contains("store.quota_mib"), "{zero}");
        let address = complaint("listen = \"here\"");
        assert!(address.contains("listen"), "{address}");
        let gateway = complaint("[discord]\ngateway = \"http://x\"");
        assert!(
            gateway.contains("discord.gateway") && gateway.contains("ws://"),
            "{gateway}"
        );
        let guild = complaint("[guild_settings.mine.honeypot]\nresponse = \"ban\"");
        assert!(
            guild.contains("guild_settings") && guild.contains("a guild's id"),
            "{guild}"
        );
    }

    #[test]
    fn a_missing_file_or_directory_is_named() {
        let missing = Configuration::load(Some(Path::new("no/such.toml")), &json!({})).expect_err("it is not there");
        assert!(missing.to_string().contains("no/such.toml"), "{missing}");
        let plugins = Configuration::load(None, &json!({ "plugins": "no/such" })).expect("the keys are right");
        let plugins = plugins.check_pod().expect_err("it is not there");
        assert!(plugins.to_string().contains("no/such"), "{plugins}");
    }
}
