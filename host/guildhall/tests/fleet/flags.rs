//! Flags between guilds of different pods, through the config service.

use crate::support::*;
use guildhall_fleet::AssignmentState;
use guildhall_model::GuildId;
use guildhall_sim::{JournalEntry, Simulation};
use serde_json::{Value, json};

/// The owner uses `/setup`; answers when it is done.
async fn set_up(world: &World, guild: u64, shares: bool) {
    let simulation = &world.simulation;
    let (owner, channel) = (
        simulation.owner(guild).unwrap(),
        simulation.channel_id(guild, "general").unwrap(),
    );
    let share = json!({ "type": 5, "name": "share-flags", "value": shares });
    let command = json!({ "id": "1", "name": "setup", "type": 1, "options": [share] });
    let used = simulation.dispatch_interaction(guild, channel, owner, 2, &command);
    let token = used["token"].as_str().unwrap();
    wait("it is set up", async || {
        let is_answer = |entry: &JournalEntry| {
            let text = entry.body["data"]["content"].as_str().unwrap_or_default();
            entry.path.contains(token) && text.starts_with("**Set up**")
        };
        !simulation.requests(is_answer).is_empty()
    })
    .await;
}

async fn place(world: &World, guild: u64, pod: &str) {
    let (client, guild) = (world.fleet.client().unwrap(), GuildId(guild));
    wait("the guild is assigned", async || client.guild(guild).await.is_ok()).await;
    if client.guild(guild).await.unwrap().pod.as_deref() != Some(pod) {
        client.move_guild(guild, pod).await.unwrap();
    }
    wait("the guild is there", async || {
        let now = client.guild(guild).await.unwrap();
        now.state == AssignmentState::Active && now.pod.as_deref() == Some(pod)
    })
    .await;
}

/// Somebody writes into the honeypots of these guilds, and is a member of the others.
fn spam(simulation: &Simulation, flagging: &[u64], others: &[u64]) -> u64 {
    let spammer = simulation.newcomer(flagging[0]);
    for guild in flagging[1..].iter().chain(others) {
        simulation.join(*guild, spammer);
    }
    for guild in flagging {
        let honeypot = simulation.channel_id(*guild, "honeypot").unwrap();
        simulation.send_message(*guild, honeypot, spammer, "free stuff");
    }
    spammer
}

fn timeouts(simulation: &Simulation, guild: u64, user: u64) -> usize {
    let is_one = |entry: &JournalEntry| {
        entry.route == "edit-member" && entry.applied && entry.guild == Some(guild) && entry.user == Some(user)
    };
    simulation.requests(is_one).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_guilds_of_two_pods_flag_is_stopped_on_both_and_once() {
    let world = World::with_plugins(6, 2, &["onboarding", "spam_guard"]).await;
    let simulation = &world.simulation;
    let guilds = simulation.guild_ids();
    let [one, other, third, here, there, apart] = guilds[..] else {
        panic!("six guilds")
    };
    for (number, guild) in guilds.iter().enumerate() {
        place(&world, *guild, &format!("gateway-{}", number % 2)).await;
        set_up(&world, *guild, *guild != apart).await;
    }
    let flagging = [one, other, third];
    let spammer = spam(simulation, &flagging, &[here, there, apart]);
    for guild in [here, there] {
        wait("the user is timed out", async || {
            timeouts(simulation, guild, spammer) == 1
        })
        .await;
    }
    let named = |user: u64, guild: u64| {
        let name = simulation.guild_name(guild).unwrap();
        let told = simulation.direct_messages(user).into_iter();
        let about = told.filter(|message: &Value| message["content"].as_str().unwrap().contains(&name));
        about.count()
    };
    wait("the user is told", async || {
        named(spammer, here) == 1 && named(spammer, there) == 1
    })
    .await;
    let list = world.succeed(&["flags", "list"]).await;
    assert!(list.contains(&spammer.to_string()), "{list}");

    // The next owner of a guild tells it what is new to it, and nothing again.
    place(&world, here, "gateway-0").await;
    place(&world, there, "gateway-1").await;
    let second = spam(simulation, &flagging, &[here, there, apart]);
    for guild in [here, there] {
        wait("the second one is timed out", async || {
            timeouts(simulation, guild, second) == 1
        })
        .await;
        assert_eq!(
            (timeouts(simulation, guild, spammer), named(spammer, guild)),
            (1, 1),
            "once\n{}",
            world.fleet.logs()
        );
    }
    let flagged = [Some(spammer), Some(second)];
    let to_apart = |entry: &JournalEntry| entry.guild == Some(apart) && flagged.contains(&entry.user);
    assert!(
        simulation.requests(to_apart).is_empty(),
        "it takes no part\n{}",
        world.fleet.logs()
    );

    world.succeed(&["flags", "clear", &spammer.to_string()]).await;
    let list = world.succeed(&["flags", "list"]).await;
    assert!(
        !list.contains(&spammer.to_string()) && list.contains(&second.to_string()),
        "{list}"
    );
}
