//! The HTTP API, version 1, and its OpenAPI description. Every handler is one call of the service.

use crate::Service;
use crate::error::ConfigError;
use crate::watch::Changes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Json, Router};
use futures_util::stream::{self, Stream, StreamExt};
use guildhall_fleet::{
    AssignmentPage, AuditEntry, Flag, FlaggedUsers, Grant, GuildAssignment, HandedOver, Heartbeat, Order, Overview,
    PlannedMove, Pod, PositionReport, RebalanceRequest, Refusal, Registration, Renewal, ShardAssignment, Ticket,
    TicketRequest,
};
use guildhall_model::GuildId;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Larger bodies are refused.
const BODY: usize = 4 << 20;

type Answer<T> = Result<Json<T>, ConfigError>;

#[derive(Clone)]
struct Replica {
    service: Service,
    changes: Arc<Changes>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Guildhall config service",
    description = "Pods, leases, and who owns which guild and shard. Refusals are bodies of the schema Refusal."
))]
struct Description;

pub(crate) fn router(service: Service, changes: Arc<Changes>) -> Router {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(overview))
        .routes(routes!(register))
        .routes(routes!(pod, leave))
        .routes(routes!(heartbeat))
        .routes(routes!(drain))
        .routes(routes!(assignments))
        .routes(routes!(guild))
        .routes(routes!(assign))
        .routes(routes!(move_guild))
        .routes(routes!(pin, unpin))
        .routes(routes!(renew))
        .routes(routes!(guild_handed_over))
        .routes(routes!(move_shard))
        .routes(routes!(shard_handed_over))
        .routes(routes!(report_position))
        .routes(routes!(ticket))
        .routes(routes!(rebalance))
        .routes(routes!(audit))
        .routes(routes!(flag))
        .routes(routes!(flagged))
        .routes(routes!(forgive))
        .routes(routes!(watch))
        .with_state(Replica { service, changes })
        .split_for_parts();
    let description = Arc::new(description);
    router
        .route(
            "/openapi.json",
            axum::routing::get(move || async move { Json((*description).clone()) }),
        )
        .layer(DefaultBodyLimit::max(BODY))
}

fn guild_id(text: &str) -> Result<GuildId, ConfigError> {
    text.parse()
        .map_err(|_| ConfigError::Invalid(format!("{text:?} is not a guild's id: a number")))
}

/// All pods and shards.
#[utoipa::path(get, path = "/v1/overview", responses((status = 200, body = Overview)))]
async fn overview(State(replica): State<Replica>) -> Answer<Overview> {
    replica.service.overview().await.map(Json)
}

/// A pod presents itself; again after a restart.
#[utoipa::path(post, path = "/v1/pods", request_body = Registration,
    responses((status = 200, body = Grant), (status = 409, description = "The name is taken.", body = Refusal)))]
async fn register(State(replica): State<Replica>, Json(registration): Json<Registration>) -> Answer<Grant> {
    replica.service.register(&registration).await.map(Json)
}

/// One pod.
#[utoipa::path(get, path = "/v1/pods/{pod}", params(("pod" = String, Path)),
    responses((status = 200, body = Pod), (status = 404, body = Refusal)))]
async fn pod(State(replica): State<Replica>, Path(name): Path<String>) -> Answer<Pod> {
    replica.service.pod(&name).await.map(Json)
}

#[derive(Deserialize)]
struct Incarnation {
    incarnation: i64,
}

/// The pod has stopped; what it still owns goes to others.
#[utoipa::path(delete, path = "/v1/pods/{pod}", params(("pod" = String, Path), ("incarnation" = i64, Query)),
    responses((status = 200, body = Pod), (status = 410, description = "Another registration has replaced it.", body = Refusal)))]
async fn leave(
    State(replica): State<Replica>,
    Path(name): Path<String>,
    Query(query): Query<Incarnation>,
) -> Answer<Pod> {
    replica.service.leave(&name, query.incarnation).await.map(Json)
}

/// A pod renews its lease.
#[utoipa::path(post, path = "/v1/pods/{pod}/heartbeat", params(("pod" = String, Path)), request_body = Heartbeat,
    responses((status = 200, body = Grant), (status = 410, description = "The lease has ended.", body = Refusal)))]
async fn heartbeat(
    State(replica): State<Replica>,
    Path(name): Path<String>,
    Json(heartbeat): Json<Heartbeat>,
) -> Answer<Grant> {
    replica.service.heartbeat(&name, &heartbeat).await.map(Json)
}

/// Asks a pod to hand over everything.
#[utoipa::path(post, path = "/v1/pods/{pod}/drain", params(("pod" = String, Path)),
    responses((status = 200, body = Pod), (status = 404, body = Refusal), (status = 409, body = Refusal)))]
async fn drain(State(replica): State<Replica>, Path(name): Path<String>) -> Answer<Pod> {
    replica.service.drain(&name).await.map(Json)
}

#[derive(Deserialize)]
struct Page {
    after: Option<String>,
    limit: Option<u32>,
}

/// Assignments in the order of guild ids.
#[utoipa::path(get, path = "/v1/assignments",
    params(("after" = Option<String>, Query, description = "The page's `next`."), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = AssignmentPage)))]
async fn assignments(State(replica): State<Replica>, Query(page): Query<Page>) -> Answer<AssignmentPage> {
    let after = page.after.as_deref().map_or(Ok(GuildId(0)), guild_id)?;
    let limit = page.limit.unwrap_or(1000);
    replica.service.assignments(after, limit).await.map(Json)
}

/// Who owns the guild.
#[utoipa::path(get, path = "/v1/guilds/{guild}", params(("guild" = String, Path)),
    responses((status = 200, body = GuildAssignment), (status = 404, body = Refusal)))]
async fn guild(State(replica): State<Replica>, Path(guild): Path<String>) -> Answer<GuildAssignment> {
    replica.service.guild(guild_id(&guild)?).await.map(Json)
}

/// Who owns the guild; a new one is assigned.
#[utoipa::path(post, path = "/v1/guilds/{guild}/assignment", params(("guild" = String, Path)),
    responses((status = 200, body = GuildAssignment)))]
async fn assign(State(replica): State<Replica>, Path(guild): Path<String>) -> Answer<GuildAssignment> {
    replica.service.assign(guild_id(&guild)?).await.map(Json)
}

/// Moves a guild to another pod.
#[utoipa::path(post, path = "/v1/guilds/{guild}/move", params(("guild" = String, Path)), request_body = Order,
    responses((status = 200, body = GuildAssignment), (status = 404, body = Refusal), (status = 409, body = Refusal)))]
async fn move_guild(
    State(replica): State<Replica>,
    Path(guild): Path<String>,
    Json(order): Json<Order>,
) -> Answer<GuildAssignment> {
    replica
        .service
        .move_guild(guild_id(&guild)?, &order.pod)
        .await
        .map(Json)
}

/// Moves a guild where it is not there yet, and keeps it there.
#[utoipa::path(put, path = "/v1/guilds/{guild}/pin", params(("guild" = String, Path)), request_body = Order,
    responses((status = 200, body = GuildAssignment), (status = 404, body = Refusal), (status = 409, body = Refusal)))]
async fn pin(
    State(replica): State<Replica>,
    Path(guild): Path<String>,
    Json(order): Json<Order>,
) -> Answer<GuildAssignment> {
    replica.service.pin(guild_id(&guild)?, &order.pod).await.map(Json)
}

/// Lets a guild go where it is best.
#[utoipa::path(delete, path = "/v1/guilds/{guild}/pin", params(("guild" = String, Path)),
    responses((status = 200, body = GuildAssignment), (status = 404, body = Refusal)))]
async fn unpin(State(replica): State<Replica>, Path(guild): Path<String>) -> Answer<GuildAssignment> {
    replica.service.unpin(guild_id(&guild)?).await.map(Json)
}

/// Begins the guild's next epoch at the same pod, which takes up the file that was delivered to it for that epoch.
#[utoipa::path(post, path = "/v1/guilds/{guild}/renew", params(("guild" = String, Path)), request_body = Renewal,
    responses((status = 200, body = GuildAssignment), (status = 404, body = Refusal),
        (status = 409, description = "Another epoch has begun, or the guild is moving.", body = Refusal)))]
async fn renew(
    State(replica): State<Replica>,
    Path(guild): Path<String>,
    Json(renewal): Json<Renewal>,
) -> Answer<GuildAssignment> {
    replica
        .service
        .renew(guild_id(&guild)?, renewal.epoch, renewal.above)
        .await
        .map(Json)
}

/// The target has the guild's file.
#[utoipa::path(post, path = "/v1/guilds/{guild}/handed-over", params(("guild" = String, Path)), request_body = HandedOver,
    responses((status = 200, body = GuildAssignment), (status = 409, description = "Another epoch has begun.", body = Refusal)))]
async fn guild_handed_over(
    State(replica): State<Replica>,
    Path(guild): Path<String>,
    Json(by): Json<HandedOver>,
) -> Answer<GuildAssignment> {
    replica
        .service
        .guild_handed_over(guild_id(&guild)?, &by)
        .await
        .map(Json)
}

/// Moves a shard's session to another pod.
#[utoipa::path(post, path = "/v1/shards/{shard}/move", params(("shard" = u32, Path)), request_body = Order,
    responses((status = 200, body = ShardAssignment), (status = 404, body = Refusal), (status = 409, body = Refusal)))]
async fn move_shard(
    State(replica): State<Replica>,
    Path(shard): Path<u32>,
    Json(order): Json<Order>,
) -> Answer<ShardAssignment> {
    replica.service.move_shard(shard, &order.pod).await.map(Json)
}

/// The shard's session is closed and may be resumed by the target.
#[utoipa::path(post, path = "/v1/shards/{shard}/handed-over", params(("shard" = u32, Path)), request_body = HandedOver,
    responses((status = 200, body = ShardAssignment), (status = 409, body = Refusal)))]
async fn shard_handed_over(
    State(replica): State<Replica>,
    Path(shard): Path<u32>,
    Json(by): Json<HandedOver>,
) -> Answer<ShardAssignment> {
    replica.service.shard_handed_over(shard, &by).await.map(Json)
}

/// Keeps how far a shard's session is committed.
#[utoipa::path(put, path = "/v1/shards/{shard}/position", params(("shard" = u32, Path)), request_body = PositionReport,
    responses((status = 200), (status = 409, body = Refusal)))]
async fn report_position(
    State(replica): State<Replica>,
    Path(shard): Path<u32>,
    Json(report): Json<PositionReport>,
) -> Answer<serde_json::Value> {
    replica.service.report_position(shard, &report).await?;
    Ok(Json(serde_json::Value::Null))
}

/// Asks for a turn to IDENTIFY.
#[utoipa::path(post, path = "/v1/identify-tickets", request_body = TicketRequest,
    responses((status = 200, body = Ticket), (status = 410, body = Refusal)))]
async fn ticket(State(replica): State<Replica>, Json(request): Json<TicketRequest>) -> Answer<Ticket> {
    replica.service.ticket(&request).await.map(Json)
}

/// Spreads guilds evenly, or tells what would move.
#[utoipa::path(post, path = "/v1/rebalance", request_body = RebalanceRequest, responses((status = 200, body = Vec<PlannedMove>)))]
async fn rebalance(State(replica): State<Replica>, Json(request): Json<RebalanceRequest>) -> Answer<Vec<PlannedMove>> {
    replica.service.rebalance(request.dry_run).await.map(Json)
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<u32>,
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/v1/audit", params(("limit" = Option<u32>, Query)), responses((status = 200, body = Vec<AuditEntry>)))]
async fn audit(State(replica): State<Replica>, Query(query): Query<Limit>) -> Answer<Vec<AuditEntry>> {
    let limit = query.limit.unwrap_or(100).min(10_000);
    replica.service.audit(limit).await.map(Json)
}

/// A guild flags a user; answers whether it was taken.
#[utoipa::path(post, path = "/v1/guilds/{guild}/flags", params(("guild" = String, Path)), request_body = Flag,
    responses((status = 200, body = bool)))]
async fn flag(State(replica): State<Replica>, Path(guild): Path<String>, Json(flag): Json<Flag>) -> Answer<bool> {
    let taken = replica.service.flag(guild_id(&guild)?, flag.user, &flag.reason).await;
    taken.map(Json)
}

/// Users whom enough guilds have flagged lately.
#[utoipa::path(get, path = "/v1/flagged", responses((status = 200, body = FlaggedUsers)))]
async fn flagged(State(replica): State<Replica>) -> Answer<FlaggedUsers> {
    replica.service.flagged().await.map(Json)
}

/// Forgets every flag of a user.
#[utoipa::path(delete, path = "/v1/flagged/{user}", params(("user" = String, Path)), responses((status = 200)))]
async fn forgive(State(replica): State<Replica>, Path(user): Path<String>) -> Answer<serde_json::Value> {
    let unreadable = |_| ConfigError::Invalid(format!("{user:?} is not a user's id: a number"));
    replica.service.forgive(user.parse().map_err(unreadable)?).await?;
    Ok(Json(serde_json::Value::Null))
}

#[derive(Deserialize)]
struct After {
    after: i64,
}

/// Every change after a revision, as server-sent events that carry the schema Change.
#[utoipa::path(get, path = "/v1/watch", params(("after" = i64, Query)),
    responses((status = 200, content_type = "text/event-stream"), (status = 410, description = "Too long ago.", body = Refusal)))]
async fn watch(
    State(replica): State<Replica>,
    Query(query): Query<After>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ConfigError> {
    let revision = replica.changes.revision();
    // The first page tells at once whether the revision is still known.
    let first = replica.changes.after(query.after).await?;
    let after = first.last().map_or(query.after, |change| change.revision);
    let following = stream::unfold(
        (replica.changes, revision, after),
        |(changes, mut revision, after)| async move {
            loop {
                if revision.wait_for(|newest| *newest > after).await.is_err() {
                    return None;
                }
                match changes.after(after).await {
                    Ok(page) if page.is_empty() => tokio::time::sleep(Duration::from_millis(100)).await,
                    Ok(page) => {
                        let after = page.last().map_or(after, |change| change.revision);
                        return Some((page, (changes, revision, after)));
                    }
                    // The watcher comes again, here or at another replica.
                    Err(_) => return None,
                }
            }
        },
    );
    let events = stream::iter([first])
        .chain(following)
        .flat_map(stream::iter)
        .map(|change| {
            let event = Event::default().id(change.revision.to_string());
            // A change was read from JSON, so it can be written.
            Ok(event.json_data(&*change).unwrap_or_default())
        });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(5))))
}
