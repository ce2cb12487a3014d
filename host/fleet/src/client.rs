//! Requests to the config service. Any replica will do: one that does not answer is left for the next.

use crate::secret::ClusterSecret;
use crate::wire::{
    AssignmentPage, Flag, FlaggedUsers, Grant, GuildAssignment, HandedOver, Heartbeat, Order, Overview, PlannedMove,
    PositionReport, RebalanceRequest, Refusal, Registration, Renewal, Ticket, TicketRequest,
};
use guildhall_model::{GuildId, UserId};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A replica that takes longer is left for the next.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a request.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The config service has refused it.
    #[error("{}", .refusal.message)]
    Refused {
        /// The status.
        status: StatusCode,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// No replica answers.
    #[error("no config service answers at {urls}: {source}")]
    Away {
        /// Those that were tried.
        urls: String,
        /// What the last one did.
        source: reqwest::Error,
    },
}

impl FleetError {
    /// The refusal's one word.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => Some(&refusal.code),
            Self::Away { .. } => None,
        }
    }
}

/// A client of all replicas.
#[derive(Clone, Debug)]
pub struct ConfigClient {
    http: reqwest::Client,
    urls: Arc<[String]>,
    /// The replica that answered last.
    current: Arc<AtomicUsize>,
    secret: ClusterSecret,
}

impl ConfigClient {
    /// A client of the replicas at these addresses (`http://host:port`), of which there is at least one.
    pub fn new(urls: &[String], secret: ClusterSecret) -> Self {
        // Without a proxy: the fleet talks within the cluster.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(PATIENCE)
            .build()
            .unwrap_or_default();
        Self {
            http,
            urls: urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
            current: Arc::default(),
            secret,
        }
    }

    /// The replicas' addresses.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Takes up a name; again after a restart.
    pub async fn register(&self, registration: &Registration) -> Result<Grant, FleetError> {
        self.send(Method::POST, "/v1/pods", Some(registration)).await
    }

    /// Renews the lease.
    pub async fn heartbeat(&self, pod: &str, heartbeat: &Heartbeat) -> Result<Grant, FleetError> {
        self.send(Method::POST, &format!("/v1/pods/{pod}/heartbeat"), Some(heartbeat))
            .await
    }

    /// Asks for everything of a pod to be moved away.
    pub async fn drain(&self, pod: &str) -> Result<serde_json::Value, FleetError> {
        self.send(Method::POST, &format!("/v1/pods/{pod}/drain"), None::<&()>)
            .await
    }

    /// The pod has stopped.
    pub async fn leave(&self, pod: &str, incarnation: i64) -> Result<serde_json::Value, FleetError> {
        let path = format!("/v1/pods/{pod}?incarnation={incarnation}");
        self.send(Method::DELETE, &path, None::<&()>).await
    }

    /// Who owns the guild; a new one is assigned.
    pub async fn assign(&self, guild: GuildId) -> Result<GuildAssignment, FleetError> {
        self.send(Method::POST, &format!("/v1/guilds/{guild}/assignment"), None::<&()>)
            .await
    }

    /// Who owns the guild.
    pub async fn guild(&self, guild: GuildId) -> Result<GuildAssignment, FleetError> {
        self.send(Method::GET, &format!("/v1/guilds/{guild}"), None::<&()>)
            .await
    }

    /// A page of assignments after this guild.
    pub async fn assignments(&self, after: Option<&str>, limit: u32) -> Result<AssignmentPage, FleetError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.send(
            Method::GET,
            &format!("/v1/assignments?limit={limit}{after}"),
            None::<&()>,
        )
        .await
    }

    /// All pods and shards.
    pub async fn overview(&self) -> Result<Overview, FleetError> {
        self.send(Method::GET, "/v1/overview", None::<&()>).await
    }

    /// Moves a guild to a pod.
    pub async fn move_guild(&self, guild: GuildId, to: &str) -> Result<GuildAssignment, FleetError> {
        let order = Order { pod: to.to_owned() };
        self.send(Method::POST, &format!("/v1/guilds/{guild}/move"), Some(&order))
            .await
    }

    /// Moves a guild to a pod and keeps it there; `None` lets it go where it is best.
    pub async fn pin(&self, guild: GuildId, to: Option<&str>) -> Result<GuildAssignment, FleetError> {
        let path = format!("/v1/guilds/{guild}/pin");
        match to {
            Some(pod) => {
                self.send(Method::PUT, &path, Some(&Order { pod: pod.to_owned() }))
                    .await
            }
            None => self.send(Method::DELETE, &path, None::<&()>).await,
        }
    }

    /// Begins the guild's next epoch, one above `above`, at the pod that owns it in this one.
    pub async fn renew(&self, guild: GuildId, epoch: i64, above: i64) -> Result<GuildAssignment, FleetError> {
        self.send(
            Method::POST,
            &format!("/v1/guilds/{guild}/renew"),
            Some(&Renewal { epoch, above }),
        )
        .await
    }

    /// The guild's file is at the target.
    pub async fn guild_handed_over(&self, guild: GuildId, by: &HandedOver) -> Result<GuildAssignment, FleetError> {
        self.send(Method::POST, &format!("/v1/guilds/{guild}/handed-over"), Some(by))
            .await
    }

    /// The shard's session is closed, and may be resumed by the target.
    pub async fn shard_handed_over(&self, shard: u32, by: &HandedOver) -> Result<serde_json::Value, FleetError> {
        self.send(Method::POST, &format!("/v1/shards/{shard}/handed-over"), Some(by))
            .await
    }

    /// Keeps how far a session is committed, for the case that this pod dies.
    pub async fn report_position(&self, shard: u32, report: &PositionReport) -> Result<serde_json::Value, FleetError> {
        self.send(Method::PUT, &format!("/v1/shards/{shard}/position"), Some(report))
            .await
    }

    /// Asks for a turn to IDENTIFY.
    pub async fn ticket(&self, request: &TicketRequest) -> Result<Ticket, FleetError> {
        self.send(Method::POST, "/v1/identify-tickets", Some(request)).await
    }

    /// A guild flags a user; answers whether it was taken.
    pub async fn flag(&self, guild: GuildId, flag: &Flag) -> Result<bool, FleetError> {
        self.send(Method::POST, &format!("/v1/guilds/{guild}/flags"), Some(flag))
            .await
    }

    /// Users whom enough guilds have flagged lately.
    pub async fn flagged(&self) -> Result<FlaggedUsers, FleetError> {
        self.send(Method::GET, "/v1/flagged", None::<&()>).await
    }

    /// Forgets every flag of a user.
    pub async fn forgive(&self, user: UserId) -> Result<serde_json::Value, FleetError> {
        self.send(Method::DELETE, &format!("/v1/flagged/{user}"), None::<&()>)
            .await
    }

    /// Spreads guilds evenly, or tells what would move.
    pub async fn rebalance(&self, dry_run: bool) -> Result<Vec<PlannedMove>, FleetError> {
        self.send(Method::POST, "/v1/rebalance", Some(&RebalanceRequest { dry_run }))
            .await
    }

    /// Opens the watch of changes after this revision.
    pub(crate) async fn watch(&self, after: i64) -> Result<Response, FleetError> {
        self.request(Method::GET, &format!("/v1/watch?after={after}"), None::<&()>, None)
            .await
    }

    async fn send<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, FleetError> {
        let answer = self.request(method, path, body, Some(PATIENCE)).await?;
        answer.json().await.map_err(|source| self.away(source))
    }

    async fn request<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
        patience: Option<Duration>,
    ) -> Result<Response, FleetError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut tried = 0;
        loop {
            let replica = (first + tried) % self.urls.len();
            tried += 1;
            match self.request_from(replica, method.clone(), path, body, patience).await {
                Ok(answer) => {
                    self.current.store(replica, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(FleetError::Away { .. }) if tried < self.urls.len() => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn request_from<B: Serialize>(
        &self,
        replica: usize,
        method: Method,
        path: &str,
        body: Option<&B>,
        patience: Option<Duration>,
    ) -> Result<Response, FleetError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.urls[replica]))
            .bearer_auth(self.secret.to_send());
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(patience) = patience {
            request = request.timeout(patience);
        }
        let answer = request.send().await.map_err(|source| self.away(source))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // A replica that has lost its database says so by 503; another may have not.
        if status.is_server_error()
            && let Err(source) = answer.error_for_status_ref()
        {
            return Err(self.away(source));
        }
        let text = answer.text().await.map_err(|source| self.away(source))?;
        let refusal = serde_json::from_str(&text).unwrap_or_else(|_| Refusal {
            code: "unknown".into(),
            message: format!("the config service answered {status}: {text}"),
            assignment: None,
        });
        Err(FleetError::Refused {
            status,
            refusal: Box::new(refusal),
        })
    }

    fn away(&self, source: reqwest::Error) -> FleetError {
        FleetError::Away {
            urls: self.urls.join(", "),
            source,
        }
    }
}
