//! Random sequences of what pods, operators and accidents do, against a model of what must hold: one owner for each
//! guild and epoch, epochs only grow, no guild without an owner while a pod has room.

use crate::support::*;
use guildhall_config::{ConfigError, Service};
use guildhall_fleet::{AssignmentState, Changed, Grant, GuildAssignment, PodState};
use guildhall_model::GuildId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

const PODS: u32 = 5;
const GUILDS: u64 = 12;
const CAPACITY: u32 = 4;
const STEPS: usize = 150;
const SEEDS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_a_guild_has_one_owner_in_an_epoch() {
    let first = std::env::var("FLEET_SEED").ok().and_then(|seed| seed.parse().ok());
    let first: u64 = first.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        now.as_secs()
    });
    for seed in first..first + SEEDS {
        println!("FLEET_SEED={seed}");
        let database = TestDatabase::new().await;
        // Two replicas take the requests in turn.
        let replicas = [database.service(BOUND).await, database.service(BOUND).await];
        let mut random = StdRng::seed_from_u64(seed);
        let mut grants = BTreeMap::new();
        for step in 0..STEPS {
            let service = &replicas[step % 2];
            act(service, &mut random, &mut grants).await;
            check_now(service, step).await;
        }
        check_history(&database.address).await;
    }
}

/// One random act. Refusals are part of life; anything else than a refusal is a failure.
async fn act(service: &Service, random: &mut StdRng, grants: &mut BTreeMap<String, Grant>) {
    let pod = format!("pod-{}", random.random_range(0..PODS));
    let guild = guild(random.random_range(0..GUILDS));
    let outcome = match random.random_range(0..11) {
        0 => service.register(&registration(&pod, CAPACITY)).await.map(|grant| {
            grants.insert(pod, grant);
        }),
        1 => expire(service, &pod).await,
        2 => service.drain(&pod).await.map(drop),
        3 => match grants.get(&pod) {
            Some(grant) => service.leave(&pod, grant.incarnation).await.map(drop),
            None => Ok(()),
        },
        4 => service.move_guild(guild, &pod).await.map(drop),
        5 => service.pin(guild, &pod).await.map(drop),
        6 => service.rebalance(false).await.map(drop),
        7 => service.start_wanted_moves(3).await.map(drop),
        8 => service.assign(guild).await.map(drop),
        9 => renew(service, random, guild).await,
        _ => hand_over(service, random, guild, grants).await,
    };
    if let Err(ConfigError::Database(error)) = outcome {
        panic!("PostgreSQL refused: {error}");
    }
}

async fn expire(service: &Service, pod: &str) -> Result<(), ConfigError> {
    // Any number that is not the last heartbeat's ends nothing; 0 and 1 are often the last.
    service.expire(pod, 0).await?;
    service.expire(pod, 1).await.map(drop)
}

/// A file was delivered, in the right epoch or a late one.
async fn renew(service: &Service, random: &mut StdRng, guild: GuildId) -> Result<(), ConfigError> {
    let known = service.guild(guild).await?;
    let late = i64::from(random.random_bool(0.2));
    service.renew(guild, known.epoch - late, 0).await.map(drop)
}

/// The owner delivers, in the right epoch or a late one.
async fn hand_over(
    service: &Service,
    random: &mut StdRng,
    guild: GuildId,
    grants: &BTreeMap<String, Grant>,
) -> Result<(), ConfigError> {
    let known = service.guild(guild).await?;
    let late = i64::from(random.random_bool(0.2));
    if let Some((owner, grant)) = known.pod.as_ref().and_then(|owner| Some((owner, grants.get(owner)?))) {
        let by = handed_over(owner, grant, known.epoch - late);
        service.guild_handed_over(guild, &by).await?;
    }
    Ok(())
}

async fn check_now(service: &Service, step: usize) {
    service.place_unowned().await.expect("it works");
    let pods = service.overview().await.expect("it works").pods;
    let guilds = service.assignments(GuildId(0), 1000).await.expect("it works").guilds;
    let room = pods
        .iter()
        .any(|pod| pod.state == PodState::Active && pod.guilds < pod.capacity);
    for guild in &guilds {
        assert!(
            guild.pod.is_some() || !room,
            "step {step}: {guild:?} has no owner, and there is room in {pods:?}"
        );
        let state = |name: &Option<String>| {
            pods.iter()
                .find(|pod| Some(&pod.name) == name.as_ref())
                .map(|pod| pod.state)
        };
        assert_ne!(
            state(&guild.pod),
            Some(PodState::Offline),
            "step {step}: {guild:?} belongs to a dead pod"
        );
        if guild.state == AssignmentState::Moving {
            assert_eq!(
                state(&guild.target),
                Some(PodState::Active),
                "step {step}: {guild:?} moves to a dead pod"
            );
        }
    }
    for pod in &pods {
        let owned = guilds
            .iter()
            .filter(|guild| guild.pod.as_ref() == Some(&pod.name) || guild.target.as_ref() == Some(&pod.name));
        assert_eq!(owned.count() as u32, pod.guilds, "step {step}: {pod:?}");
        assert!(pod.guilds <= pod.capacity, "step {step}: {pod:?} is over its capacity");
    }
}

/// Every change, in the order of revisions, as watches are told.
async fn check_history(address: &str) {
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls)
        .await
        .expect("it works");
    tokio::spawn(connection);
    let rows = client
        .query("SELECT revision, now::text FROM changes ORDER BY revision", &[])
        .await
        .expect("it works");
    let mut last = BTreeMap::<GuildId, GuildAssignment>::new();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.get::<_, i64>(0), index as i64 + 1, "revisions have no gap");
        let Changed::Guild(now) = serde_json::from_str(row.get(1)).expect("it works") else {
            continue;
        };
        if let Some(before) = last.get(&now.guild) {
            assert!(now.epoch >= before.epoch, "an epoch shrank: {before:?} {now:?}");
            if now.pod != before.pod {
                assert!(now.epoch > before.epoch, "two owners in one epoch: {before:?} {now:?}");
            }
        }
        last.insert(now.guild, now);
    }
    assert!(!last.is_empty(), "something happened");
}
