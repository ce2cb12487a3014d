//! Accidents and orders in a random sequence, from a printed seed, under load.

use crate::support::*;
use guildhall_model::GuildId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const GATEWAYS: usize = 3;
/// Accidents of one seed.
const ACCIDENTS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_fleet_nothing_is_lost_and_nothing_happens_twice() {
    let (mut double_owner, mut failed_requests) = (0, 0);
    for seed in seeds() {
        println!("FLEET_SEED={seed}");
        let (double, failed) = one(seed).await;
        double_owner += double;
        failed_requests += failed;
    }
    // Losses and repetitions end the run above.
    let seeds = seeds().count();
    println!("fleet: seeds={seeds} lost=0 duplicated=0 double_owner={double_owner} failed_requests={failed_requests}");
    assert_eq!(double_owner, 0);
}

/// Answers how often a guild had two owners in one epoch, and how many requests were not answered.
async fn one(seed: u64) -> (usize, usize) {
    let mut world = World::new(30, GATEWAYS).await;
    let client = world.fleet.client().unwrap();
    let owners = OwnerWatch::start(&world.fleet);
    let stop = CancellationToken::new();
    let asking = world.keep_asking(&stop).await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let guilds = Arc::new(simulation.guild_ids());
    let accidents = async {
        let mut random = StdRng::seed_from_u64(seed);
        for round in 1..=ACCIDENTS {
            wait_messages(simulation, round as u64 * 300).await;
            let pod = format!("gateway-{}", random.random_range(0..GATEWAYS));
            // Guilds are on the move while it happens.
            for _ in 0..4 {
                let guild = GuildId(guilds[random.random_range(0..guilds.len())]);
                let to = format!("gateway-{}", random.random_range(0..GATEWAYS));
                // Refusals are part of it: a guild that moves already, or a pod that is gone.
                let _ = client.move_guild(guild, &to).await;
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
            match random.random_range(0..6) {
                0 | 1 => {
                    println!("{pod} is killed");
                    fleet.kill(&pod).unwrap();
                    fleet.start_gateway(&pod).unwrap();
                    fleet.wait_ready(&pod).await.unwrap();
                }
                2 => {
                    println!("{pod} sleeps");
                    fleet.suspend(&pod).unwrap();
                    wait("its lease has ended", async || {
                        let pods = client
                            .overview()
                            .await
                            .map(|overview| overview.pods)
                            .unwrap_or_default();
                        pods.iter()
                            .any(|known| known.name == pod && known.state == guildhall_fleet::PodState::Offline)
                    })
                    .await;
                    fleet.wake(&pod).unwrap();
                    fleet.wait_end(&pod).await.unwrap();
                    fleet.start_gateway(&pod).unwrap();
                    fleet.wait_ready(&pod).await.unwrap();
                }
                3 => {
                    println!("{pod} is restarted");
                    fleet.stop(&pod).await.unwrap();
                    fleet.start_gateway(&pod).unwrap();
                    fleet.wait_ready(&pod).await.unwrap();
                }
                4 => {
                    println!("PostgreSQL is killed");
                    fleet.postgres().kill().unwrap();
                    fleet.postgres().restart().unwrap();
                }
                _ => {
                    println!("config-0 is killed");
                    fleet.kill("config-0").unwrap();
                    fleet.restart_replica("config-0").unwrap();
                    fleet.wait_ready("config-0").await.unwrap();
                }
            }
        }
    };
    let load = guildhall_sim::LoadConfig {
        events_per_second: Some(200),
        ..traffic(1400)
    };
    let asking = tokio::spawn(asking);
    let (_, ()) = tokio::join!(simulation.run_load(load), accidents);
    world.assert_all_once().await;
    stop.cancel();
    let asked = asking.await.unwrap();
    for failed in &asked.failed {
        println!("not answered: {failed}");
    }
    (owners.double_owners().await, asked.failed.len())
}
