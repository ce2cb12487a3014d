//! Flags of users: how many guilds it takes, what one guild may do, and for how long everybody is told.

use crate::support::*;
use guildhall_config::Service;
use guildhall_fleet::AuditEntry;
use guildhall_model::{FlaggedEverywhere, GuildId, UserId};

const USER: UserId = UserId(7);

async fn flag(service: &Service, number: u64, user: UserId) -> bool {
    service.flag(guild(number), user, "spam, 19 points").await.unwrap()
}

async fn flagged(service: &Service) -> Vec<FlaggedEverywhere> {
    service.flagged().await.unwrap().users
}

/// The audit trail of a user, oldest first.
async fn audit(service: &Service, user: UserId) -> Vec<AuditEntry> {
    let mut trail = service.audit(1000).await.unwrap();
    trail.retain(|entry| entry.subject == user.to_string());
    trail.reverse();
    trail
}

/// Lets time pass: what was written before happened so much earlier.
async fn pass(database: &TestDatabase, hours: u32) {
    let (client, connection) = tokio_postgres::connect(&database.address, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    for table in ["flags", "flagged"] {
        let sql = format!("UPDATE {table} SET at = at - interval '{hours} hours'");
        client.batch_execute(&sql).await.unwrap();
    }
}

#[tokio::test]
async fn the_third_guild_makes_it_known_and_the_audit_trail_says_who_and_why() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    for number in [1, 1, 2, 2] {
        assert!(
            flag(&service, number, USER).await,
            "the same flag again is the same flag"
        );
    }
    assert!(flag(&service, 1, UserId(8)).await);
    assert_eq!(flagged(&service).await, [], "two guilds are not enough");
    assert!(flag(&service, 3, USER).await);
    let known = flagged(&service).await;
    assert_eq!((known.len(), known[0].user, known[0].guilds), (1, USER, 3));

    let trail = audit(&service, USER).await;
    let what: Vec<_> = trail.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(what, ["flag", "flag", "flag", "flag", "flag", "flagged"]);
    assert_eq!(trail[4].detail, format!("guild {}: spam, 19 points", guild(3)));
    assert_eq!(trail[5].detail, "by 3 guilds: all that take part are told");
}

#[tokio::test]
async fn it_is_told_once_a_day_however_many_flag_and_forgotten_after_a_month() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    for number in 1..=3 {
        flag(&service, number, USER).await;
    }
    let told = flagged(&service).await;
    flag(&service, 4, USER).await;
    assert_eq!(flagged(&service).await, told, "a fourth guild is no news within a day");

    pass(&database, 25).await;
    assert_eq!(flagged(&service).await, [], "it is told for a day");
    flag(&service, 5, USER).await;
    let again = flagged(&service).await;
    assert_eq!((again.len(), again[0].guilds), (1, 5));
    assert!(
        again[0].revision > told[0].revision,
        "a later telling has a later revision"
    );

    pass(&database, 24 * 31).await;
    flag(&service, 1, USER).await;
    flag(&service, 2, USER).await;
    assert_eq!(flagged(&service).await, [], "flags of last month do not count");
    let tellings = audit(&service, USER).await;
    assert_eq!(tellings.iter().filter(|entry| entry.what == "flagged").count(), 2);
}

#[tokio::test]
async fn a_guild_that_runs_wild_is_bounded_and_moves_no_other() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    for user in 1000..1100 {
        assert!(flag(&service, 1, UserId(user)).await);
    }
    assert!(
        !flag(&service, 1, USER).await,
        "more than a hundred a day are not taken"
    );
    assert!(
        flag(&service, 1, UserId(1000)).await,
        "one that counts already may be renewed"
    );
    flag(&service, 2, USER).await;
    flag(&service, 3, USER).await;
    assert_eq!(flagged(&service).await, [], "what was refused does not count");
    let refused = audit(&service, USER).await;
    assert_eq!(refused[0].what, "flag-refused");
    assert!(
        refused[0]
            .detail
            .starts_with(&format!("guild {} has flagged 100 users today", guild(1))),
        "{}",
        refused[0].detail
    );
    pass(&database, 25).await;
    assert!(flag(&service, 1, USER).await, "the next day is another one");
    assert_eq!(flagged(&service).await.len(), 1);
}

#[tokio::test]
async fn a_forgiven_user_begins_anew() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    for number in 1..=3 {
        flag(&service, number, USER).await;
        flag(&service, number, UserId(8)).await;
    }
    assert_eq!(flagged(&service).await.len(), 2);
    service.forgive(USER).await.unwrap();
    let left: Vec<_> = flagged(&service).await.iter().map(|known| known.user).collect();
    assert_eq!(left, [UserId(8)]);
    flag(&service, 1, USER).await;
    flag(&service, 2, USER).await;
    assert_eq!(flagged(&service).await.len(), 1, "earlier flags are forgotten");
    flag(&service, 3, USER).await;
    let known = flagged(&service).await;
    assert_eq!(
        known.last().map(|known| known.user),
        Some(USER),
        "and three new ones count"
    );
    let trail = audit(&service, USER).await;
    let forgiven = trail.iter().find(|entry| entry.what == "forgive").unwrap();
    assert_eq!(forgiven.detail, "every flag is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn guilds_that_flag_at_the_same_moment_through_two_replicas_are_all_counted() {
    let database = TestDatabase::new().await;
    let replicas = [database.service(BOUND).await, database.service(BOUND).await];
    for round in 0..10 {
        let user = UserId(100 + round);
        let mut flags = tokio::task::JoinSet::new();
        for number in 1..=3_usize {
            let service = replicas[number % 2].clone();
            flags.spawn(async move { flag(&service, number as u64, user).await });
        }
        assert!(flags.join_all().await.into_iter().all(|taken| taken));
    }
    let known = flagged(&replicas[0]).await;
    assert_eq!(known.len(), 10, "each is known once: {known:?}");
    assert!(known.iter().all(|known| known.guilds == 3));
    let order: Vec<_> = known.iter().map(|known| known.revision).collect();
    assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
}

#[tokio::test]
async fn the_largest_ids_are_kept_as_they_are() {
    let database = TestDatabase::new().await;
    let service = database.service(BOUND).await;
    let user = UserId(u64::MAX);
    for number in [u64::MAX, u64::MAX - 1, 1] {
        assert!(service.flag(GuildId(number), user, "").await.unwrap());
    }
    assert_eq!(flagged(&service).await[0].user, user);
}
