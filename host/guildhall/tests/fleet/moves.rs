//! Planned moves under load: of guilds, of the session, of everything.

use crate::support::*;
use guildhall_fleet::AssignmentState;
use guildhall_model::GuildId;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn guilds_move_to_and_fro_under_load_and_nobody_notices() {
    let world = World::new(4, 2).await;
    let client = world.fleet.client().unwrap();
    let moves = async {
        for round in 0..6 {
            let guild = GuildId(world.simulation.guild_ids()[round % 4]);
            wait("the guild is assigned", async || client.guild(guild).await.is_ok()).await;
            let owner = client.guild(guild).await.unwrap().pod.unwrap();
            let to = if owner == "gateway-0" { "gateway-1" } else { "gateway-0" };
            client.move_guild(guild, to).await.unwrap();
            wait("the guild is there", async || {
                let now = client.guild(guild).await.unwrap();
                now.state == AssignmentState::Active && now.pod.as_deref() == Some(to)
            })
            .await;
        }
    };
    let (report, ()) = tokio::join!(world.simulation.run_load(traffic(1500)), moves);
    assert!(report.messages > 1000);
    assert_eq!(world.simulation.stats().identifies, 1);
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_spends_no_identify_and_loses_nothing() {
    let mut world = World::new(6, 3).await;
    let stop = CancellationToken::new();
    let asking = world.keep_asking(&stop).await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let restarts = async {
        for number in 0..2 {
            wait_messages(simulation, number as u64 * 200).await;
            let name = format!("http-{number}");
            assert!(fleet.stop(&name).await.unwrap().success());
            fleet.start_http(number).unwrap();
            fleet.wait_ready(&name).await.unwrap();
        }
        for number in 0..3 {
            wait_messages(simulation, (number + 2) * 200).await;
            let name = format!("gateway-{number}");
            let status = fleet.stop(&name).await.unwrap();
            assert!(status.success(), "{name}: {status}\n{}", fleet.log(&name));
            fleet.start_gateway(&name).unwrap();
            fleet.wait_ready(&name).await.unwrap();
        }
        stop.cancel();
    };
    let (_, (), asked) = tokio::join!(simulation.run_load(traffic(2400)), restarts, asking);
    assert!(asked.failed.is_empty(), "{:?}\n{}", asked.failed, world.fleet.logs());
    assert!(asked.answered > 10, "{}", asked.answered);
    assert_eq!(
        world.simulation.stats().identifies,
        1,
        "sessions move by RESUME\n{}",
        world.fleet.logs()
    );
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_grows_and_shrinks_under_load() {
    let mut world = World::new(20, 3).await;
    let stop = CancellationToken::new();
    let asking = world.keep_asking(&stop).await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let scaling = async {
        wait_messages(simulation, 200).await;
        let client = fleet.client().unwrap();
        for name in ["gateway-3", "gateway-4"] {
            fleet.start_gateway(name).unwrap();
            fleet.wait_ready(name).await.unwrap();
        }
        assert!(
            !client.rebalance(false).await.unwrap().is_empty(),
            "there is something to move"
        );
        for name in ["gateway-3", "gateway-4"] {
            wait("the new pod has its share", async || {
                let pods = client.overview().await.unwrap().pods;
                pods.iter().any(|pod| pod.name == name && pod.guilds > 0)
            })
            .await;
        }
        for name in ["gateway-0", "gateway-1", "gateway-2"] {
            let status = fleet.stop(name).await.unwrap();
            assert!(status.success(), "{name}: {status}\n{}", fleet.log(name));
        }
        stop.cancel();
    };
    let (_, (), asked) = tokio::join!(simulation.run_load(traffic(2400)), scaling, asking);
    assert!(asked.failed.is_empty(), "{:?}\n{}", asked.failed, world.fleet.logs());
    assert_eq!(world.simulation.stats().identifies, 1);
    for guild in world.fleet.assignments().await.unwrap() {
        let owner = guild.pod.as_deref();
        assert!(owner == Some("gateway-3") || owner == Some("gateway-4"), "{guild:?}");
    }
    world.assert_all_once().await;
}
