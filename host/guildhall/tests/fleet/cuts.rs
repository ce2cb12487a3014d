//! Connections that fail, and handoffs that are interrupted at every step by the death of either side.

use crate::support::*;
use guildhall_fleet::AssignmentState;
use guildhall_harness::{Flow, Links};
use guildhall_model::GuildId;
use std::collections::HashMap;
use std::time::Duration;

/// How far a handoff has come when a pod dies.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The guild has stopped, and its file is not on its way.
    BeforeTheFile,
    /// Half of the file is at the target.
    InTheFile,
    /// The file is delivered, and the config service does not know.
    BeforeTheFlip,
    /// The target is the owner, and does not know.
    AfterTheFlip,
}

fn links<'world>(world: &'world World, pod: &str) -> &'world Links {
    world.fleet.links(pod).expect("the fleet is proxied")
}

fn let_pass(world: &World, pod: &str, flow: Flow) {
    let links = links(world, pod);
    links.to_pod.set_flow(flow);
    links.to_config.iter().for_each(|proxy| proxy.set_flow(flow));
}

/// Waits until the handoff has come so far and can come no further.
async fn reach(world: &World, step: Step, guild: GuildId, source: &str, target: &str) {
    let client = world.fleet.client().unwrap();
    let epoch = client.guild(guild).await.unwrap().epoch;
    match step {
        Step::BeforeTheFile => links(world, target).to_pod.set_flow(Flow::Nothing),
        Step::InTheFile => links(world, target)
            .to_pod
            .set_flow(Flow::Requests(SEEDED_BYTES as u64 / 2)),
        Step::BeforeTheFlip => {
            for proxy in &links(world, source).to_config {
                proxy.set_flow(Flow::Requests(0));
            }
        }
        Step::AfterTheFlip => {
            for proxy in &links(world, target).to_config {
                proxy.set_flow(Flow::Nothing);
            }
        }
    }
    client.move_guild(guild, target).await.unwrap();
    let delivered = world
        .fleet
        .volume(target)
        .join(format!("incoming/{guild}.{}.db", epoch + 1));
    wait("the handoff has come so far", async || match step {
        Step::BeforeTheFile => client.guild(guild).await.unwrap().state == AssignmentState::Moving,
        Step::InTheFile => links(world, target).to_pod.passed() >= SEEDED_BYTES as u64 / 2,
        Step::BeforeTheFlip => delivered.exists(),
        Step::AfterTheFlip => client.guild(guild).await.unwrap().pod.as_deref() == Some(target),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handoff_that_is_interrupted_at_any_step_ends_with_one_owner_and_no_loss() {
    let mut world = World::proxied(30, 3).await;
    let guild = GuildId(world.simulation.guild_ids()[0]);
    let client = world.fleet.client().unwrap();
    wait("the guild is assigned", async || client.guild(guild).await.is_ok()).await;
    let steps = [
        Step::BeforeTheFile,
        Step::InTheFile,
        Step::BeforeTheFlip,
        Step::AfterTheFlip,
    ];
    let mut owners = HashMap::new();
    for (step, source_dies) in steps.into_iter().flat_map(|step| [(step, true), (step, false)]) {
        let source = client.guild(guild).await.unwrap().pod.unwrap();
        let target = (0..3)
            .map(|number| format!("gateway-{number}"))
            .find(|pod| *pod != source)
            .unwrap();
        let victim = if source_dies { &source } else { &target };
        // A second of ordinary life, with the accident in its middle.
        let load = guildhall_sim::LoadConfig {
            seed: owners.len() as u64,
            ..traffic(300)
        };
        let before = world
            .simulation
            .stats()
            .events
            .get("MESSAGE_CREATE")
            .copied()
            .unwrap_or(0);
        let fleet_before = &world;
        let accident = async {
            wait_messages(&fleet_before.simulation, before + 60).await;
            reach(fleet_before, step, guild, &source, &target).await;
        };
        let (_, ()) = tokio::join!(world.simulation.run_load(load), accident);
        world.fleet.kill(victim).unwrap();
        for pod in [&source, &target] {
            let_pass(&world, pod, Flow::All);
        }
        world.fleet.start_gateway(victim).unwrap();
        world.fleet.wait_ready(victim).await.unwrap();
        wait("the guild has a living owner", async || {
            let now = client.guild(guild).await.unwrap();
            now.state == AssignmentState::Active && now.pod.is_some()
        })
        .await;
        world.assert_all_once().await;
        let now = client.guild(guild).await.unwrap();
        let known = owners.entry(now.epoch).or_insert_with(|| now.pod.clone());
        assert_eq!(
            *known, now.pod,
            "one owner in an epoch: {step:?}, source dies: {source_dies}"
        );
        // A pod whose lease ended while it was cut off has ended itself.
        for number in 0..3 {
            let pod = format!("gateway-{number}");
            if world.fleet.has_ended(&pod).unwrap() {
                world.fleet.start_gateway(&pod).unwrap();
                world.fleet.wait_ready(&pod).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_while_two_pods_cannot_reach_each_other() {
    let world = World::proxied(30, 2).await;
    let session = world.session_pod().await;
    let other = if session == "gateway-0" {
        "gateway-1"
    } else {
        "gateway-0"
    };
    let cut = async {
        wait_messages(&world.simulation, 200).await;
        links(&world, other).to_pod.set_flow(Flow::Nothing);
        wait_messages(&world.simulation, 600).await;
        // Both have their leases: nobody else takes their guilds.
        tokio::time::sleep(Duration::from_millis(500)).await;
        links(&world, other).to_pod.set_flow(Flow::All);
    };
    let (_, ()) = tokio::join!(world.simulation.run_load(traffic(1200)), cut);
    world.assert_all_once().await;
    let guilds = world.fleet.assignments().await.unwrap();
    assert!(guilds.iter().any(|guild| guild.pod.as_deref() == Some(other)));
    assert!(guilds.iter().all(|guild| guild.epoch == 1), "nothing moved: {guilds:?}");
}
