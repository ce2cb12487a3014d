//! A bucket that goes away, damaged objects, wrong keys, and a pod that wakes after its guilds were restored elsewhere.

use crate::support::*;
use std::path::{Path, PathBuf};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_away_moderation_goes_on_and_afterwards_all_is_there() {
    let mut world = World::replicated(30, 2, "").await;
    let (simulation, fleet) = (&world.simulation, &world.fleet);
    let outage = async {
        wait_messages(simulation, 200).await;
        fleet.bucket().unwrap().set_here(false);
        let during = simulation.stats().events["MESSAGE_CREATE"];
        // Messages of the outage are applied in the outage.
        fleet.wait_tally(during + 300).await.unwrap();
        wait("the lag shows", async || lag(&world, "gateway-0").await > 2.0).await;
        fleet.bucket().unwrap().set_here(true);
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1500)), outage);
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    // Now it can be lost.
    let client = world.fleet.client().unwrap();
    world.fleet.lose("gateway-0").unwrap();
    wait_given_up(&client, "gateway-0").await;
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_hands_everything_over_while_the_bucket_is_away() {
    let mut world = World::replicated(30, 2, "").await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let stop = async {
        wait_messages(simulation, 200).await;
        fleet.bucket().unwrap().set_here(false);
        wait_messages(simulation, 400).await;
        let status = fleet.stop("gateway-0").await.unwrap();
        assert!(status.success(), "{}", fleet.log("gateway-0"));
        fleet.bucket().unwrap().set_here(true);
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1200)), stop);
    world.assert_all_once().await;
    assert_eq!(world.simulation.stats().identifies, 1, "the session is resumed");
    wait("everything is in the bucket", async || {
        lag(&world, "gateway-1").await == 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_litestream_that_dies_is_started_again_and_goes_on() {
    let mut world = World::replicated(10, 2, "sync_ms = 200\n").await;
    let (simulation, fleet) = (&world.simulation, &world.fleet);
    let kills = async {
        for round in 1..=3 {
            wait_messages(simulation, round * 200).await;
            fleet.kill_litestream("gateway-0").await.unwrap();
            wait("it runs again", async || fleet.litestream("gateway-0").await.is_ok()).await;
        }
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1200)), kills);
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    let client = world.fleet.client().unwrap();
    world.fleet.lose("gateway-0").unwrap();
    wait_given_up(&client, "gateway-0").await;
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_holds_actions_until_their_rows_are_in_the_bucket() {
    let world = World::replicated(30, 1, "gate = true\n").await;
    let (simulation, fleet) = (&world.simulation, &world.fleet);
    simulation.run_load(traffic(100)).await;
    world.assert_all_once().await;
    fleet.bucket().unwrap().set_here(false);
    simulation
        .run_load(guildhall_sim::LoadConfig {
            seed: 2,
            ..traffic(300)
        })
        .await;
    let messages = simulation.stats().events["MESSAGE_CREATE"];
    fleet.wait_tally(messages).await.unwrap();
    let waiting = simulation.latencies().waiting;
    assert!(waiting > 0, "their answers are held");
    fleet.bucket().unwrap().set_here(true);
    world.assert_all_once().await;
}

/// Every object of this guild's newest epoch, the oldest first.
fn objects(world: &World, guild: u64) -> Vec<PathBuf> {
    let below = world
        .fleet
        .bucket()
        .unwrap()
        .objects()
        .join(format!("fleet/guilds/{guild}"));
    let mut epochs: Vec<_> = below
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    epochs.sort();
    let mut objects: Vec<_> = epochs
        .pop()
        .unwrap()
        .join("0000")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    objects.sort();
    objects
}

fn flip_a_bit(object: &Path) {
    let mut bytes = std::fs::read(object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(object, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_costs_what_followed_it_and_no_other_guild() {
    let mut world = World::replicated(10, 2, "sync_ms = 200\n").await;
    world.simulation.run_load(traffic(900)).await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    let client = world.fleet.client().unwrap();
    let assignments = world.fleet.assignments().await.unwrap();
    let victim = assignments
        .iter()
        .find(|guild| guild.pod.as_deref() == Some("gateway-0"))
        .unwrap();
    let objects = objects(&world, victim.guild.0);
    assert!(objects.len() > 3, "{objects:?}");
    // Late enough that what follows is lost, early enough that Discord has sent it before what it would send again.
    flip_a_bit(&objects[objects.len() / 2]);
    let truncated = objects.last().unwrap();
    std::fs::File::options()
        .write(true)
        .open(truncated)
        .unwrap()
        .set_len(100)
        .unwrap();
    let before = world.fleet.tally().await.unwrap();
    world.fleet.lose("gateway-0").unwrap();
    wait_given_up(&client, "gateway-0").await;
    wait("the damaged guild is taken up", async || {
        let log = world.fleet.log("gateway-1");
        log.contains("restored to the last good point")
    })
    .await;
    wait("all guilds are taken up", async || {
        let tally = world.fleet.tally().await;
        tally.is_ok_and(|tally| tally.messages > before.messages - 200)
    })
    .await;
    let after = world.fleet.tally().await.unwrap();
    assert!(after.messages < before.messages, "the end of one guild is gone");
    // And all of them go on.
    let messages = after.messages;
    world
        .simulation
        .run_load(guildhall_sim::LoadConfig {
            seed: 3,
            ..traffic(100)
        })
        .await;
    world.fleet.wait_tally(messages + 100).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_wakes_cannot_damage_what_was_restored_elsewhere() {
    let mut world = World::replicated(30, 2, "sync_ms = 200\n").await;
    let sleeper = world.session_pod().await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let client = fleet.client().unwrap();
    let sleep = async {
        wait_messages(simulation, 300).await;
        // With its Litestream, as a machine that pauses.
        fleet.suspend(&sleeper).unwrap();
        wait_given_up(&client, &sleeper).await;
        wait_messages(simulation, 900).await;
        fleet.wake(&sleeper).unwrap();
        let status = fleet.wait_end(&sleeper).await.unwrap();
        assert!(!status.success(), "it says that it lost its guilds");
        fleet.start_gateway(&sleeper).unwrap();
        fleet.wait_ready(&sleeper).await.unwrap();
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1500)), sleep);
    world.assert_all_once().await;
    wait_all_replicated(&world, 2).await;
    // What the bucket has of the owner since is whole: the owner may be lost.
    let other = if sleeper == "gateway-0" {
        "gateway-1"
    } else {
        "gateway-0"
    };
    world.fleet.lose(other).unwrap();
    wait_given_up(&client, other).await;
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_told_and_stop_nothing() {
    let world = World::replicated_with_key(5, 1, "", "wrong").await;
    world.simulation.run_load(traffic(100)).await;
    world.assert_all_once().await;
    wait("the log names the bucket's refusal", async || {
        let log = world.fleet.log("gateway-0");
        log.contains("not in the bucket yet") && (log.contains("SignatureDoesNotMatch") || log.contains("403"))
    })
    .await;
    wait("the lag shows", async || lag(&world, "gateway-0").await > 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_that_are_written_stay_registered() {
    let world = World::replicated(30, 1, "hot_files = 8\nsync_ms = 200\n").await;
    world.simulation.run_load(traffic(900)).await;
    world.assert_all_once().await;
    wait_all_replicated(&world, 1).await;
    let registered = async || {
        world
            .fleet
            .metric("gateway-0", "guildhall_replicated_files")
            .await
            .unwrap()
    };
    wait("some are registered, and not all", async || {
        (1.0..=8.0).contains(&registered().await)
    })
    .await;
    let mut guilds = 0;
    for guild in world.simulation.guild_ids() {
        guilds += usize::from(!objects(&world, guild).is_empty());
    }
    assert_eq!(guilds, 30, "all are in the bucket");
}
