//! Pods that die with their disks, at random moments under load, from a printed seed.

use crate::support::*;
use guildhall_model::GuildId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

const GATEWAYS: usize = 3;
/// Disks that are lost in one seed.
const LOSSES: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_lost_with_its_disk_loses_no_event_and_repeats_none() {
    let mut double_owner = 0;
    for seed in seeds() {
        println!("FLEET_SEED={seed}");
        double_owner += one(seed).await;
    }
    // Losses and repetitions end the run above.
    println!(
        "durability: seeds={} lost=0 duplicated=0 double_owner={double_owner}",
        seeds().count()
    );
    assert_eq!(double_owner, 0);
}

/// Answers how often a guild had two owners in one epoch.
async fn one(seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let gate = random.random_bool(0.3);
    println!("gate = {gate}");
    let mut world = World::replicated(30, GATEWAYS, &format!("gate = {gate}\nsync_ms = 500\n")).await;
    let client = world.fleet.client().unwrap();
    let owners = OwnerWatch::start(&world.fleet);
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let guilds = simulation.guild_ids();
    let losses = async {
        for round in 1..=LOSSES {
            wait_messages(simulation, round as u64 * 500).await;
            let pod = format!("gateway-{}", random.random_range(0..GATEWAYS));
            // Sometimes guilds are on the move while it happens.
            for _ in 0..random.random_range(0..5) {
                let guild = GuildId(guilds[random.random_range(0..guilds.len())]);
                let to = format!("gateway-{}", random.random_range(0..GATEWAYS));
                // Refusals are part of it: a guild that moves already, or a pod that is gone.
                let _ = client.move_guild(guild, &to).await;
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
            println!("{pod} is lost");
            fleet.lose(&pod).unwrap();
            // At once, or when others have its guilds.
            if random.random_bool(0.5) {
                wait_given_up(&client, &pod).await;
            }
            fleet.start_gateway(&pod).unwrap();
            fleet.wait_ready(&pod).await.unwrap();
        }
    };
    let load = guildhall_sim::LoadConfig {
        seed,
        events_per_second: Some(200),
        ..traffic(1800)
    };
    let (_, ()) = tokio::join!(simulation.run_load(load), losses);
    world.assert_all_once().await;
    assert_eq!(
        world.simulation.stats().identifies,
        1,
        "the session is resumed\n{}",
        world.fleet.logs()
    );
    owners.double_owners().await
}
