//! Guilds that come back from the bucket by hand, and a fleet whose database is lost.

use crate::support::*;
use guildhall_model::GuildId;
use guildhall_sim::LoadConfig;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Messages of a guild's file.
const MESSAGES: &str = "tally_messages";

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_is_brought_back_to_a_moment_into_a_file_and_in_place() {
    let world = World::replicated(5, 2, "").await;
    world.simulation.run_load(traffic(200)).await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    let guild = world.simulation.guild_ids()[0];
    let live = world.volume_of(guild).await.join(format!("guilds/{guild}.db"));
    let then = count(&live, MESSAGES);
    // Litestream tells moments to the millisecond, and what comes next must be later than this one.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    tokio::time::sleep(Duration::from_millis(50)).await;
    world
        .simulation
        .run_load(LoadConfig {
            seed: 2,
            ..traffic(200)
        })
        .await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    let now = count(&live, MESSAGES);
    assert!(now > then, "{now} {then}");
    let id = guild.to_string();
    let directory = tempfile::tempdir().unwrap();

    // Into a file: the live guild stays.
    let file = directory.path().join("then.db");
    let path = file.to_str().unwrap();
    world
        .succeed(&["guild", "restore", &id, "--at", &asked, "--to", path])
        .await;
    assert_eq!(count(&file, MESSAGES), then);
    assert_eq!(count(&live, MESSAGES), now);
    let again = world.refuse(&["guild", "restore", &id, "--to", path]).await;
    assert!(again.contains("exists"), "{again}");

    // Nothing was written since.
    let newest = directory.path().join("now.db");
    let newest_path = newest.to_str().unwrap();
    world
        .succeed(&["guild", "restore", &id, "--at", "0s", "--to", newest_path])
        .await;
    assert_eq!(count(&newest, MESSAGES), now);

    // Before the first backup.
    let early = directory.path().join("early.db");
    let early = early.to_str().unwrap();
    let told = world
        .refuse(&["guild", "restore", &id, "--at", "2020-01-01T00:00:00Z", "--to", early])
        .await;
    assert!(
        told.contains("no backup of 2020-01-01") && told.contains("the first one"),
        "{told}"
    );
    let told = world.refuse(&["guild", "restore", "77", "--to", early]).await;
    assert!(told.contains("not in the bucket"), "{told}");
    let told = world
        .refuse(&["guild", "restore", &id, "--at", "yesterday", "--to", early])
        .await;
    assert!(told.contains("2026-11-25T12:00:00Z"), "{told}");

    // In place: what it replaces is kept.
    let epoch = world.epoch(guild).await;
    world.succeed(&["guild", "restore", &id, "--at", &asked]).await;
    assert_eq!(world.epoch(guild).await, epoch + 1);
    assert_eq!(count(&live, MESSAGES), then);
    let replaced = directory.path().join("replaced.export");
    world
        .succeed(&["guild", "export", &id, "--replaced", "--to", replaced.to_str().unwrap()])
        .await;
    let told = world.succeed(&["guild", "verify", replaced.to_str().unwrap()]).await;
    let told = told
        .lines()
        .find(|line| line.starts_with(MESSAGES))
        .unwrap_or_default()
        .to_owned();
    assert_eq!(told.split_whitespace().last(), Some(now.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_are_kept_while_they_may_be_asked_for_and_then_collected() {
    let world = World::replicated(3, 2, "").await;
    let guild = world.simulation.guild_ids()[0];
    let client = world.fleet.client().unwrap();
    for round in 1..=3 {
        world
            .simulation
            .run_load(LoadConfig {
                seed: round,
                ..traffic(60)
            })
            .await;
        world.assert_all_once().await;
        wait_all_replicated(&world, 2).await;
        if round < 3 {
            let owner = client.guild(GuildId(guild)).await.unwrap().pod;
            let to = if owner.as_deref() == Some("gateway-0") {
                "gateway-1"
            } else {
                "gateway-0"
            };
            world.succeed(&["guild", "move", &guild.to_string(), "--to", to]).await;
        }
    }
    let bucket = world.fleet.bucket_client().unwrap();
    let (hour, guild) = (Duration::from_secs(3600), GuildId(guild));
    let now = u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let epochs = bucket.ready_epochs(guild).await.unwrap();
    assert!(epochs.len() >= 3, "{epochs:?}");
    assert_eq!(bucket.collect(guild, now, hour).await.unwrap(), 0);
    assert_eq!(bucket.ready_epochs(guild).await.unwrap(), epochs);
    assert_eq!(
        bucket.collect(guild, now + 7_200_000, hour).await.unwrap(),
        epochs.len() - 1
    );
    assert_eq!(bucket.ready_epochs(guild).await.unwrap(), epochs[..1]);
    // What is left is whole.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guild.db");
    world
        .succeed(&["guild", "restore", &guild.to_string(), "--to", file.to_str().unwrap()])
        .await;
    let live = world.volume_of(guild.0).await.join(format!("guilds/{guild}.db"));
    assert_eq!(count(&file, MESSAGES), count(&live, MESSAGES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_brings_guilds_back_beside_the_live_ones_and_tells_what_it_took() {
    let world = World::replicated(5, 1, "").await;
    world.simulation.run_load(traffic(100)).await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 1).await;
    let told = world.succeed(&["backup", "drill", "--sample", "3"]).await;
    assert!(told.contains("backup drill: guilds=3 wrong=0"), "{told}");
    let told = world.succeed(&["backup", "status", "--json"]).await;
    let pods: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(pods[0]["guilds"], 5, "{told}");
    assert_eq!(pods[0]["ready"], 5, "{told}");
    // What cannot be brought back is told, and the command fails.
    let guild = world.simulation.guild_ids()[0];
    let objects = world
        .fleet
        .bucket()
        .unwrap()
        .objects()
        .join(format!("fleet/guilds/{guild}"));
    std::fs::remove_dir_all(objects).unwrap();
    let told = world.refuse(&["backup", "drill", "--sample", "5"]).await;
    assert!(told.contains(&guild.to_string()), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_database_is_lost_begins_anew_from_the_bucket() {
    let mut world = World::replicated(10, 2, "").await;
    world.simulation.run_load(traffic(200)).await;
    world.assert_all_once().await;
    // So that epochs in the bucket are higher than those that begin anew.
    let client = world.fleet.client().unwrap();
    for guild in world.fleet.assignments().await.unwrap() {
        let to = if guild.pod.as_deref() == Some("gateway-0") {
            "gateway-1"
        } else {
            "gateway-0"
        };
        client.move_guild(guild.guild, to).await.unwrap();
    }
    wait("all have moved", async || {
        let guilds = world.fleet.assignments().await.unwrap();
        guilds.iter().all(|guild| guild.epoch >= 2 && guild.target.is_none())
    })
    .await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    for pod in ["gateway-0", "gateway-1"] {
        world.fleet.lose(pod).unwrap();
    }
    world.fleet.forget_everything().await.unwrap();
    for pod in ["gateway-0", "gateway-1"] {
        world.fleet.start_gateway(pod).unwrap();
        world.fleet.wait_ready(pod).await.unwrap();
    }
    wait("there is a new session", async || {
        world.simulation.stats().identifies > 1
    })
    .await;
    world
        .simulation
        .run_load(LoadConfig {
            seed: 2,
            ..traffic(200)
        })
        .await;
    world.assert_all_once().await;
    for guild in world.fleet.assignments().await.unwrap() {
        assert!(guild.epoch > 2, "a higher epoch than the bucket's: {guild:?}");
    }
}
