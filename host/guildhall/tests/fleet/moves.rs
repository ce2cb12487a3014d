//! Planned moves under load: of guilds, of the session, of everything.

use crate::support::*;
use guildhall_fleet::AssignmentState;
use guildhall_model::GuildId;

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
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let restarts = async {
        for number in 0..3 {
            let name = format!("gateway-{number}");
            let status = fleet.stop(&name).await.unwrap();
            assert!(status.success(), "{name}: {status}\n{}", fleet.log(&name));
            fleet.start_gateway(&name).unwrap();
            fleet.wait_ready(&name).await.unwrap();
        }
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(2400)), restarts);
    assert_eq!(
        world.simulation.stats().identifies,
        1,
        "sessions move by RESUME\n{}",
        world.fleet.logs()
    );
    world.assert_all_once().await;
}
