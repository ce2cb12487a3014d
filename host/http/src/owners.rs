//! Requests to the pods that own guilds. A request for a guild that is on its way waits here for the new owner; one that
//! an owner may have carried out is not sent again unless that does no harm.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use guildhall_fleet::{AssignmentView, Changed, ClusterSecret, ConfigClient, EPOCH, GuildAssignment, pod_client};
use guildhall_model::GuildId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// An owner that sends nothing for so long has failed.
const SILENCE: Duration = Duration::from_secs(20);
/// Between two attempts while nothing changes.
const PAUSE: Duration = Duration::from_millis(50);

/// A client of all owners.
#[derive(Clone, Debug)]
pub struct Owners {
    view: Arc<AssignmentView>,
    client: ConfigClient,
    http: reqwest::Client,
    secret: ClusterSecret,
}

/// A request on its way to the owner of a guild.
pub(crate) struct Forward {
    pub(crate) guild: GuildId,
    pub(crate) method: Method,
    /// Below the guild: `/api/plugins`.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ForwardBody,
    /// Whether a second time does no harm.
    pub(crate) repeatable: bool,
    /// Whether a guild that has no owner yet is given one: the bot is known to be in it.
    pub(crate) assign: bool,
    /// How long the request may wait for an owner.
    pub(crate) until: Instant,
}

/// What is sent.
pub(crate) enum ForwardBody {
    /// Kept, and sent again where needed.
    Whole(Bytes),
    /// Passed on as it comes, once.
    Stream(Body),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// No pod has ever owned it.
    #[error("there is no guild {0} here")]
    UnknownGuild(GuildId),
    /// Nobody took it in time.
    #[error("the guild {0} is on its way to another pod; try again")]
    Away(GuildId),
    /// The owner broke off, and may have done what it was asked.
    #[error("the owner of guild {0} broke off; look whether it was done, and try again")]
    Broken(GuildId),
}

impl ForwardError {
    /// The status that says so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownGuild(_) => StatusCode::NOT_FOUND,
            Self::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Owners {
    /// A client that presents this secret and looks owners up in this view.
    pub fn new(view: Arc<AssignmentView>, client: ConfigClient, secret: ClusterSecret) -> reqwest::Result<Self> {
        let http = pod_client().read_timeout(SILENCE).build()?;
        Ok(Self {
            view,
            client,
            http,
            secret,
        })
    }

    /// Whether the fleet owns this guild.
    pub(crate) fn knows(&self, guild: GuildId) -> bool {
        self.view.guild(guild).is_some()
    }

    /// Sends the request to the guild's owner, and answers what that says; the body comes as the owner sends it.
    pub(crate) async fn send(&self, forward: Forward) -> Result<Response, ForwardError> {
        let Forward {
            guild,
            method,
            path,
            headers,
            mut body,
            repeatable,
            assign,
            until,
        } = forward;
        let mut held = false;
        loop {
            let mut changes = self.view.revision();
            changes.borrow_and_update();
            if let Some((url, epoch)) = self.owner(guild, assign).await? {
                let (now, streamed) = match &mut body {
                    ForwardBody::Whole(bytes) => (reqwest::Body::from(bytes.clone()), false),
                    ForwardBody::Stream(body) => {
                        let stream = std::mem::take(body).into_data_stream();
                        (reqwest::Body::wrap_stream(stream), true)
                    }
                };
                let sent = self
                    .http
                    .request(method.clone(), format!("{url}/internal/v1/guilds/{guild}{path}"))
                    .headers(headers.clone())
                    .bearer_auth(self.secret.to_send())
                    .header(EPOCH, epoch)
                    .body(now)
                    .send()
                    .await;
                match sent {
                    // The owner has done nothing: it is not the owner, or not now.
                    Ok(answer)
                        if matches!(
                            answer.status(),
                            StatusCode::MISDIRECTED_REQUEST | StatusCode::SERVICE_UNAVAILABLE
                        ) =>
                    {
                        if let Ok(current) = answer.json::<GuildAssignment>().await {
                            self.view.learn(Changed::Guild(current));
                        }
                        if streamed {
                            return Err(ForwardError::Away(guild));
                        }
                    }
                    Ok(answer) => return Ok(response(answer)),
                    Err(error) if streamed || !(error.is_connect() || repeatable) => {
                        tracing::warn!(%guild, %error, "an owner broke off");
                        return Err(ForwardError::Broken(guild));
                    }
                    Err(error) => tracing::debug!(%guild, %error, "an owner does not answer"),
                }
            }
            if !held {
                held = true;
                metrics::counter!("guildhall_http_held_total").increment(1);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ForwardError::Away(guild));
            }
            // Whichever comes first; a change is only a reason to look sooner.
            let _ = tokio::time::timeout(left.min(PAUSE), changes.changed()).await;
        }
    }

    /// The owner's address and epoch; none while there is none.
    async fn owner(&self, guild: GuildId, assign: bool) -> Result<Option<(String, i64)>, ForwardError> {
        let assignment = match self.view.guild(guild) {
            Some(known) => known,
            None => {
                let asked = if assign {
                    self.client.assign(guild).await
                } else {
                    self.client.guild(guild).await
                };
                match asked {
                    Ok(assignment) => {
                        self.view.learn(Changed::Guild(assignment.clone()));
                        assignment
                    }
                    Err(error) if error.code().is_some() => return Err(ForwardError::UnknownGuild(guild)),
                    Err(_) => return Ok(None),
                }
            }
        };
        let url = assignment.pod.and_then(|pod| self.view.url(&pod));
        Ok(url.map(|url| (url, assignment.epoch)))
    }
}

fn response(answer: reqwest::Response) -> Response {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for hop in HOP_BY_HOP {
        headers.remove(hop);
    }
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Headers that are about one connection (RFC 9110, 7.6.1).
const HOP_BY_HOP: [header::HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What of a client's headers an owner gets: what describes the body and the trace, nothing that says who asks.
pub(crate) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    const PASSED: [header::HeaderName; 6] = [
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        crate::request::REQUEST_ID,
        crate::request::TRACE_PARENT,
    ];
    PASSED
        .into_iter()
        .filter_map(|name| headers.get(&name).map(|value| (name, value.clone())))
        .collect()
}
