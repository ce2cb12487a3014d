//! Unplanned: pods that die or sleep, replicas and a database that go away.

use crate::support::*;
use guildhall_fleet::PodState;
use guildhall_sim::RestFault;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pod_is_followed_by_another_from_its_volume() {
    let mut world = World::new(30, 2).await;
    let victim = world.session_pod().await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let kill = async {
        wait_messages(simulation, 300).await;
        fleet.kill(&victim).unwrap();
        let client = fleet.client().unwrap();
        wait("its guilds are another's", async || {
            let guilds = client.assignments(None, 100).await.unwrap().guilds;
            guilds
                .iter()
                .all(|guild| guild.pod.as_ref().is_some_and(|pod| *pod != victim))
        })
        .await;
        fleet.start_gateway(&victim).unwrap();
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1800)), kill);
    assert_eq!(
        world.simulation.stats().identifies,
        1,
        "the session is resumed\n{}",
        world.fleet.logs()
    );
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_sleeps_past_its_lease_does_nothing_when_it_wakes() {
    let mut world = World::new(30, 2).await;
    let sleeper = world.session_pod().await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let sleep = async {
        wait_messages(simulation, 300).await;
        fleet.suspend(&sleeper).unwrap();
        let client = fleet.client().unwrap();
        wait("its lease has ended", async || {
            let pods = client.overview().await.unwrap().pods;
            pods.iter()
                .any(|pod| pod.name == sleeper && pod.state == PodState::Offline)
        })
        .await;
        fleet.wake(&sleeper).unwrap();
        let status = fleet.wait_end(&sleeper).await.unwrap();
        assert!(!status.success(), "it says that it lost its guilds");
        let log = fleet.log(&sleeper);
        assert!(log.contains("belong to others"), "{log}");
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1800)), sleep);
    world.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderation_goes_on_while_the_config_service_and_its_database_are_away() {
    let mut world = World::new(30, 2).await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let outage = async {
        wait_messages(simulation, 200).await;
        fleet.kill("config-0").unwrap();
        fleet.postgres().kill().unwrap();
        fleet.postgres().restart().unwrap();
        fleet.restart_replica("config-0").unwrap();
        fleet.wait_ready("config-0").await.unwrap();
    };
    let (_, ()) = tokio::join!(simulation.run_load(traffic(1500)), outage);
    world.assert_all_once().await;
    for guild in world.fleet.assignments().await.unwrap() {
        assert_eq!(guild.epoch, 1, "nothing moved: {guild:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_dies_while_it_catches_up_is_followed_by_another() {
    let mut world = World::new(12, 2).await;
    let victim = world.session_pod().await;
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let say = |channel: &str, count: usize| {
        for guild in simulation.guild_ids() {
            let channel = simulation.channel_id(guild, channel).unwrap();
            let author = simulation.people(guild)[4];
            for _ in 0..count {
                simulation.send_message(guild, channel, author, "said");
            }
        }
    };
    say("general", 3);
    fleet.wait_tally(36).await.unwrap();
    simulation.invalidate_sessions(false);
    for channel in ["general", "memes", "help"] {
        say(channel, 120);
    }
    simulation.rest_fault(RestFault {
        status: 200,
        count: 100_000,
        delay_ms: 50,
        path_contains: "/messages".into(),
        ..RestFault::default()
    });
    let asked = simulation.wait_until(BOUND, |simulation| {
        let journal = simulation.journal();
        journal.iter().filter(|entry| entry.route == "list-messages").count() >= 12
    });
    assert!(asked.await, "{}", fleet.logs());
    fleet.kill(&victim).unwrap();
    let client = fleet.client().unwrap();
    wait("its guilds are another's", async || {
        let guilds = client.assignments(None, 100).await.unwrap().guilds;
        guilds
            .iter()
            .all(|guild| guild.pod.as_ref().is_some_and(|pod| *pod != victim))
    })
    .await;
    say("general", 2);
    world.assert_all_once().await;
}
