//! Replicas together: leases, background work that moves, watches over HTTP, and a PostgreSQL that dies.

use crate::support::*;
use guildhall_config::{Background, BackgroundConfig, Changes, Database, Service, ServiceConfig};
use guildhall_fleet::{
    AssignmentState, AssignmentView, ClusterSecret, ConfigClient, PodState, TicketRequest, follow, require_secret,
};
use guildhall_harness::Postgres;
use guildhall_model::GuildId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const LEASE: Duration = Duration::from_secs(1);

/// A replica as the role runs it.
struct Replica {
    service: Service,
    background: Arc<Background>,
    url: String,
    stop: CancellationToken,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn secret() -> ClusterSecret {
    ClusterSecret::parse("the-secret-of-this-test").expect("it starts")
}

async fn replica(address: &str) -> Replica {
    let stop = CancellationToken::new();
    let database = Database::open(address, 4).await.expect("it starts");
    let changes = Changes::start(database.clone(), stop.clone()).await.expect("it starts");
    let config = ServiceConfig {
        lease: LEASE,
        ..ServiceConfig::default()
    };
    let service = Service::new(database, config);
    let background = Background::start(
        service.clone(),
        changes.clone(),
        BackgroundConfig::default(),
        stop.clone(),
    );
    let router = service
        .router(changes)
        .layer(axum::middleware::from_fn_with_state(secret(), require_secret));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("it starts");
    let url = format!("http://{}", listener.local_addr().expect("it starts"));
    tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .into_future(),
    );
    Replica {
        service,
        background,
        url,
        stop,
    }
}

async fn wait(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_pod_loses_its_guilds_also_when_the_replica_that_watched_it_dies() {
    let database = TestDatabase::new().await;
    let (one, other) = (replica(&database.address).await, replica(&database.address).await);
    wait("one leads", async || {
        one.background.is_leading() != other.background.is_leading()
    })
    .await;
    let (leader, follower) = if one.background.is_leading() {
        (one, other)
    } else {
        (other, one)
    };
    let a = register(&leader.service, "a", 10).await;
    leader.service.assign(guild(0)).await.unwrap();
    let b = register(&leader.service, "b", 10).await;
    drop(leader);
    wait("the other one leads", async || follower.background.is_leading()).await;
    wait("a is offline", async || {
        beat(&follower.service, "b", &b).await;
        follower.service.pod("a").await.unwrap().state == PodState::Offline
    })
    .await;
    let after = follower.service.guild(guild(0)).await.unwrap();
    assert_eq!(
        (after.pod.as_deref(), after.epoch, after.previous.as_deref()),
        (Some("b"), 2, Some("a"))
    );
    let shards = follower.service.overview().await.unwrap().shards;
    assert!(
        shards.iter().all(|shard| shard.pod.as_deref() == Some("b")),
        "{shards:?}"
    );
    let late = follower
        .service
        .guild_handed_over(guild(0), &handed_over("a", &a, 1))
        .await;
    assert!(late.is_err(), "a zombie hands nothing over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_pod_is_emptied_and_a_watch_tells_every_step() {
    let database = TestDatabase::new().await;
    let replica = replica(&database.address).await;
    let client = ConfigClient::new(std::slice::from_ref(&replica.url), secret());
    let view = Arc::new(AssignmentView::default());
    let stop = CancellationToken::new();
    let (following, followed, until) = (view.clone(), client.clone(), stop.clone());
    tokio::spawn(async move { follow(&following, &followed, None, until).await });
    let a = client.register(&registration("a", 100)).await.unwrap();
    for number in 0..40 {
        client.assign(guild(number)).await.unwrap();
    }
    let b = client.register(&registration("b", 100)).await.unwrap();
    client.drain("a").await.unwrap();
    // The pod's part: it hands over whatever the watch says is moving.
    wait("a owns nothing", async || {
        beat(&replica.service, "a", &a).await;
        beat(&replica.service, "b", &b).await;
        for moving in view.guilds_of("a") {
            if moving.state == AssignmentState::Moving {
                let by = handed_over("a", &a, moving.epoch);
                client.guild_handed_over(moving.guild, &by).await.unwrap();
            }
        }
        for shard in view.shards() {
            if shard.pod.as_deref() == Some("a") && shard.target.is_some() {
                // The view may be a moment behind.
                let _ = client
                    .shard_handed_over(shard.shard, &handed_over("a", &a, shard.epoch))
                    .await;
            }
        }
        view.guilds_of("b").len() == 40 && view.shards().iter().all(|shard| shard.pod.as_deref() == Some("b"))
    })
    .await;
    client.leave("a", a.incarnation).await.unwrap();
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_goes_on_when_postgresql_dies_and_comes_back() {
    let mut postgres = Postgres::start().unwrap();
    let replica = replica(&postgres.address()).await;
    let client = ConfigClient::new(std::slice::from_ref(&replica.url), secret());
    let view = Arc::new(AssignmentView::default());
    let (following, followed) = (view.clone(), client.clone());
    tokio::spawn(async move { follow(&following, &followed, None, CancellationToken::new()).await });
    let a = client.register(&registration("a", 10)).await.unwrap();
    client.assign(guild(0)).await.unwrap();
    wait("the view has it", async || view.guild(guild(0)).is_some()).await;
    postgres.kill().unwrap();
    let refused = client.assign(guild(1)).await.unwrap_err();
    assert_eq!(refused.code(), None, "nobody answers: {refused}");
    assert!(view.guild(guild(0)).is_some(), "the last view serves");
    postgres.restart().unwrap();
    wait("it answers again", async || {
        replica
            .service
            .heartbeat(
                "a",
                &guildhall_fleet::Heartbeat {
                    incarnation: a.incarnation,
                    ..Default::default()
                },
            )
            .await
            .is_ok()
    })
    .await;
    wait("the watch goes on", async || {
        let _ = replica
            .service
            .heartbeat(
                "a",
                &guildhall_fleet::Heartbeat {
                    incarnation: a.incarnation,
                    ..Default::default()
                },
            )
            .await;
        client.assign(guild(1)).await.is_ok() && view.guild(guild(1)).is_some()
    })
    .await;
    let known = client.guild(guild(0)).await.unwrap();
    assert_eq!(
        (known.pod.as_deref(), known.epoch),
        (Some("a"), 1),
        "an outage of the database moves nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_the_secret_are_refused_and_the_api_describes_itself() {
    let database = TestDatabase::new().await;
    let replica = replica(&database.address).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = |path: &str| http.get(format!("{}{path}", replica.url));
    assert_eq!(get("/v1/overview").send().await.unwrap().status(), 401);
    let wrong = get("/v1/overview")
        .bearer_auth("the-secret-of-another")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let description: serde_json::Value = get("/openapi.json")
        .bearer_auth(secret().to_send())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for path in [
        "/v1/pods",
        "/v1/pods/{pod}/heartbeat",
        "/v1/guilds/{guild}/move",
        "/v1/watch",
        "/v1/rebalance",
    ] {
        assert!(description["paths"].get(path).is_some(), "{path} is not described");
    }
    let missing = get("/v1/guilds/77")
        .bearer_auth(secret().to_send())
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
    let refusal: serde_json::Value = missing.json().await.unwrap();
    assert_eq!(refusal["code"], "unknown_guild");
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_to_identify_are_shared_and_the_last_ones_are_kept() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let other = database.service(BOUND).await;
    let grant = register(&service, "a", 10).await;
    let request = |shard, remaining| TicketRequest {
        pod: "a".into(),
        incarnation: grant.incarnation,
        shard,
        max_concurrency: 2,
        total: 1000,
        remaining,
        reset_after_ms: 3_600_000,
        period_ms: 5000,
    };
    assert_eq!(service.ticket(&request(0, 1000)).await.unwrap().wait_ms, 0);
    assert_eq!(other.ticket(&request(1, 1000)).await.unwrap().wait_ms, 0, "another key");
    let second = other.ticket(&request(2, 1000)).await.unwrap().wait_ms;
    assert!((3000..=5000).contains(&second), "the key of shard 0 waits: {second}");
    let kept = service.ticket(&request(3, 50)).await.unwrap().wait_ms;
    assert!(kept > 3_000_000, "the budget's rest waits for its reset: {kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebalance_fills_a_new_pod_and_a_dry_run_moves_nothing() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    register(&service, "a", 100).await;
    for number in 0..30 {
        service.assign(guild(number)).await.unwrap();
    }
    register(&service, "b", 100).await;
    let planned = service.rebalance(true).await.unwrap();
    assert_eq!(planned.len(), 15);
    assert_eq!(
        service.start_wanted_moves(100).await.unwrap(),
        0,
        "a dry run wants nothing"
    );
    assert_eq!(service.rebalance(false).await.unwrap(), planned);
    assert_eq!(service.start_wanted_moves(4).await.unwrap(), 4);
    assert_eq!(
        service.start_wanted_moves(4).await.unwrap(),
        0,
        "no more than 4 at once"
    );
    let page = service.assignments(GuildId(0), 20).await.unwrap();
    let rest = service
        .assignments(page.next.unwrap().parse().unwrap(), 20)
        .await
        .unwrap();
    assert_eq!((page.guilds.len(), rest.guilds.len(), rest.next), (20, 10, None));
    assert!(
        service
            .audit(10)
            .await
            .unwrap()
            .iter()
            .any(|entry| entry.what == "rebalance")
    );
}
