//! What is asked wrongly gets a clear answer, and harms nothing.

use crate::support::*;
use guildhall_config::{ConfigError, Database, OpenError};
use guildhall_fleet::{AssignmentState, Heartbeat, PodState};

#[tokio::test]
async fn unknown_names_are_said_to_be_unknown() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    register(&service, "a", 10).await;
    assert!(matches!(service.pod("b").await, Err(ConfigError::UnknownPod(name)) if name == "b"));
    assert!(matches!(
        service.guild(guild(1)).await,
        Err(ConfigError::UnknownGuild(_))
    ));
    assert!(matches!(
        service.move_guild(guild(1), "a").await,
        Err(ConfigError::UnknownGuild(_))
    ));
    service.assign(guild(1)).await.unwrap();
    assert!(matches!(
        service.move_guild(guild(1), "b").await,
        Err(ConfigError::UnknownPod(_))
    ));
    assert!(matches!(
        service.move_shard(99, "a").await,
        Err(ConfigError::UnknownShard(99))
    ));
}

#[tokio::test]
async fn a_taken_name_is_refused_while_its_pod_lives() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let first = register(&service, "a", 10).await;
    let mut impostor = registration("a", 10);
    impostor.identity = "another volume".into();
    assert!(matches!(
        service.register(&impostor).await,
        Err(ConfigError::NameTaken(_))
    ));
    beat(&service, "a", &first).await;
    service.leave("a", first.incarnation).await.unwrap();
    let second = service.register(&impostor).await.unwrap();
    let late = Heartbeat {
        incarnation: first.incarnation,
        ..Heartbeat::default()
    };
    assert!(matches!(
        service.heartbeat("a", &late).await,
        Err(ConfigError::LeaseEnded { .. })
    ));
    beat(&service, "a", &second).await;
}

#[tokio::test]
async fn a_move_needs_a_living_target_with_room_and_one_at_a_time() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let a = register(&service, "a", 10).await;
    for number in 0..2 {
        service.assign(guild(number)).await.unwrap();
    }
    register(&service, "small", 1).await;
    let dead = register(&service, "dead", 10).await;
    service.leave("dead", dead.incarnation).await.unwrap();
    assert!(matches!(
        service.move_guild(guild(0), "dead").await,
        Err(ConfigError::PodUnavailable { state: "offline", .. })
    ));
    let moving = service.move_guild(guild(0), "small").await.unwrap();
    assert_eq!((moving.state, moving.epoch), (AssignmentState::Moving, 1));
    assert!(matches!(
        service.move_guild(guild(0), "small").await,
        Err(ConfigError::AlreadyMoving(_))
    ));
    assert!(matches!(
        service.move_guild(guild(1), "small").await,
        Err(ConfigError::PodFull {
            guilds: 1,
            capacity: 1,
            ..
        })
    ));
    assert!(matches!(
        service.guild_handed_over(guild(0), &handed_over("a", &a, 7)).await,
        Err(ConfigError::StaleEpoch { epoch: 7, .. })
    ));
    let moved = service
        .guild_handed_over(guild(0), &handed_over("a", &a, 1))
        .await
        .unwrap();
    assert_eq!((moved.pod.as_deref(), moved.epoch), (Some("small"), 2));
    let again = service
        .guild_handed_over(guild(0), &handed_over("a", &a, 1))
        .await
        .unwrap();
    assert_eq!(again, moved, "an answer that was lost is asked for again");
}

#[tokio::test]
async fn a_move_to_a_pod_that_dies_ends_where_it_began_in_a_new_epoch() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let a = register(&service, "a", 10).await;
    service.assign(guild(0)).await.unwrap();
    let b = register(&service, "b", 10).await;
    service.move_guild(guild(0), "b").await.unwrap();
    service.leave("b", b.incarnation).await.unwrap();
    let back = service.guild(guild(0)).await.unwrap();
    assert_eq!(
        (back.pod.as_deref(), back.epoch, back.state),
        (Some("a"), 2, AssignmentState::Active)
    );
    let late = service.guild_handed_over(guild(0), &handed_over("a", &a, 1)).await;
    assert!(matches!(late, Err(ConfigError::StaleEpoch { .. })), "{late:?}");
}

#[tokio::test]
async fn a_renewal_begins_the_next_epoch_at_the_same_pod_and_only_once() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    assert!(matches!(
        service.renew(guild(0), 1, 0).await,
        Err(ConfigError::UnknownGuild(_))
    ));
    register(&service, "a", 10).await;
    service.assign(guild(0)).await.unwrap();
    register(&service, "b", 10).await;
    let renewed = service.renew(guild(0), 1, 0).await.unwrap();
    assert_eq!((renewed.pod.as_deref(), renewed.epoch), (Some("a"), 2));
    assert_eq!(service.guild(guild(0)).await.unwrap(), renewed);
    assert!(matches!(
        service.renew(guild(0), 1, 0).await,
        Err(ConfigError::StaleEpoch { epoch: 1, current }) if current.epoch == 2
    ));
    let audit = service.audit(1).await.unwrap();
    assert_eq!(
        (audit[0].what.as_str(), audit[0].detail.as_str()),
        ("renew", "a, epoch 2")
    );
    service.move_guild(guild(0), "b").await.unwrap();
    assert!(matches!(
        service.renew(guild(0), 2, 0).await,
        Err(ConfigError::AlreadyMoving(_))
    ));
}

#[tokio::test]
async fn a_pod_that_dies_in_a_move_is_followed_by_the_target() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let a = register(&service, "a", 10).await;
    service.assign(guild(0)).await.unwrap();
    register(&service, "b", 10).await;
    register(&service, "c", 10).await;
    service.move_guild(guild(0), "c").await.unwrap();
    let gone = service.leave("a", a.incarnation).await.unwrap();
    assert_eq!(gone.state, PodState::Offline);
    let after = service.guild(guild(0)).await.unwrap();
    assert_eq!((after.pod.as_deref(), after.epoch), (Some("c"), 2));
}

#[tokio::test]
async fn a_newer_schema_and_another_shard_count_are_refused() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    register(&service, "a", 10).await;
    let other = Database::open(&database.address, 8).await;
    assert!(
        matches!(other, Err(OpenError::ShardCount { found: 4, wanted: 8 })),
        "{other:?}"
    );
    let (client, connection) = tokio_postgres::connect(&database.address, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             SELECT 999, 'of_the_future', applied_on, checksum FROM refinery_schema_history LIMIT 1",
        )
        .await
        .unwrap();
    let newer = Database::open(&database.address, 4).await;
    assert!(matches!(newer, Err(OpenError::Newer)), "{newer:?}");
}
