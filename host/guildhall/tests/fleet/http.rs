//! What the world outside sees: interactions, the guilds' API, and that both go on whatever moves behind them.

use crate::support::*;
use guildhall_fleet::AssignmentState;
use guildhall_model::GuildId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn setup_command(channel: u64) -> Value {
    json!({ "id": "1", "name": "honeypot-setup", "options": [{ "type": 7, "name": "channel", "value": channel.to_string() }] })
}

fn callbacks(world: &World, route: &str) -> usize {
    let journal = world.simulation.journal();
    journal
        .iter()
        .filter(|entry| entry.route == route && entry.applied)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn interactions_are_verified_answered_and_deferred_when_the_owner_is_slow() {
    let mut world = World::new(2, 2).await;
    let url = format!("{}/interactions", world.fleet.public()[0]);
    let simulation = &world.simulation;
    let ping = simulation.post_ping(&url, true).await;
    assert_eq!((ping.status, &ping.body["type"]), (Some(200), &json!(1)));
    assert_eq!(
        simulation.post_ping(&url, false).await.status,
        Some(401),
        "Discord tests this"
    );
    let unsigned = reqwest::Client::new().post(&url).body("{}").send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);

    let guild = simulation.guild_ids()[0];
    let (owner, channel) = (
        simulation.owner(guild).unwrap(),
        simulation.channel_id(guild, "general").unwrap(),
    );
    let used = (guild, channel, owner);
    let first = simulation
        .post_interaction(&url, used, 2, &setup_command(channel), true)
        .await;
    assert_eq!(first.status, Some(200), "{first:?}\n{}", world.fleet.logs());
    assert_eq!(first.body["type"], 4, "{first:?}\n{}", world.fleet.logs());
    assert!(first.body["data"]["content"].is_string(), "{first:?}");
    assert_eq!(
        callbacks(&world, "interaction-callback"),
        0,
        "the answer went back the way it came"
    );

    let client = world.fleet.client().unwrap();
    let pod = client.guild(GuildId(guild)).await.unwrap().pod.unwrap();
    world.fleet.suspend(&pod).unwrap();
    let slow = world
        .simulation
        .post_interaction(&url, used, 2, &setup_command(channel), true)
        .await;
    assert_eq!(
        slow.body["type"], 5,
        "deferred, within Discord's three seconds: {slow:?}"
    );
    world.fleet.wake(&pod).unwrap();
    let follows = world
        .simulation
        .wait_until(BOUND, |_| callbacks(&world, "webhook-edit") == 1)
        .await;
    assert!(follows, "what the plugin says follows\n{}", world.fleet.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_for_those_who_manage_the_guild_and_nothing_internal_is_public() {
    let world = World::new(2, 1).await;
    let (simulation, fleet) = (&world.simulation, &world.fleet);
    let [guild, other] = simulation.guild_ids()[..] else {
        panic!("two guilds")
    };
    let client = fleet.client().unwrap();
    for guild in [guild, other] {
        wait("the guild is assigned", async || {
            client.guild(GuildId(guild)).await.is_ok()
        })
        .await;
    }
    let owner = fleet.visitor(simulation.owner(guild).unwrap()).await.unwrap();
    let report: Value = owner
        .get(&format!("/api/guilds/{guild}"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(report["days"].as_array().unwrap().len(), 30, "{report}");
    let plugins: Vec<_> = report["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| &plugin["id"])
        .collect();
    assert_eq!(plugins, ["honeypot", "probe", "tally"], "{report}");

    let settings = format!("/api/guilds/{guild}/plugins/honeypot/settings");
    let saved = owner.put(&settings, &json!({ "channels": ["1"] })).await.unwrap();
    assert_eq!(saved.status(), StatusCode::OK);
    let wrong = owner.put(&settings, &json!({ "channels": 1 })).await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let complaint: Value = wrong.json().await.unwrap();
    assert!(
        complaint["complaints"][0].as_str().unwrap().contains("channels"),
        "{complaint}"
    );
    let plugins: Value = owner
        .get(&format!("/api/guilds/{guild}/plugins"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        plugins[0]["settings"],
        json!({ "channels": ["1"] }),
        "only what was right is kept"
    );

    let status = async |path: String| owner.get(&path).await.unwrap().status();
    assert_eq!(status(format!("/api/guilds/{other}")).await, StatusCode::FORBIDDEN);
    assert_eq!(status("/api/guilds/1".into()).await, StatusCode::FORBIDDEN);
    assert_eq!(status("/api/guilds/none".into()).await, StatusCode::BAD_REQUEST);
    let somebody = simulation
        .people(guild)
        .into_iter()
        .find(|person| Some(*person) != simulation.owner(guild));
    let member = fleet.visitor(somebody.unwrap()).await.unwrap();
    let refused = member.get(&format!("/api/guilds/{guild}")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "a member manages nothing");

    let bare = reqwest::Client::new();
    let public = &fleet.public()[0];
    let ask = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    let api = format!("{public}/api/guilds/{guild}");
    assert_eq!(ask(bare.get(&api)).await, StatusCode::UNAUTHORIZED);
    let forged = format!("{}x", owner.cookies());
    assert_eq!(
        ask(bare.get(&api).header("cookie", forged)).await,
        StatusCode::UNAUTHORIZED
    );
    let without_token = bare
        .put(format!("{public}{settings}"))
        .header("cookie", owner.cookies());
    assert_eq!(
        ask(without_token.body("{}")).await,
        StatusCode::FORBIDDEN,
        "a change carries the session's token"
    );
    let internal = format!("{public}/internal/v1/guilds/{guild}/api");
    assert_eq!(
        ask(bare.get(&internal).bearer_auth(fleet.secret())).await,
        StatusCode::NOT_FOUND,
        "nothing internal is reachable from outside"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_held_and_answered_while_guilds_move_and_pods_restart() {
    let mut world = World::new(4, 2).await;
    let guild = world.simulation.guild_ids()[0];
    let client = world.fleet.client().unwrap();
    let id = GuildId(guild);
    wait("the guild is assigned", async || client.guild(id).await.is_ok()).await;
    let visitor = world
        .fleet
        .visitor(world.simulation.owner(guild).unwrap())
        .await
        .unwrap();
    let (stop, path) = (CancellationToken::new(), format!("/api/guilds/{guild}"));
    let (simulation, fleet) = (&world.simulation, &mut world.fleet);
    let changes = async {
        for round in 0..20 {
            let to = if client.guild(id).await.unwrap().pod.as_deref() == Some("gateway-0") {
                "gateway-1"
            } else {
                "gateway-0"
            };
            client.move_guild(id, to).await.unwrap();
            wait("the guild is there", async || {
                let now = client.guild(id).await.unwrap();
                now.state == AssignmentState::Active && now.pod.as_deref() == Some(to)
            })
            .await;
            if round < 2 {
                let name = format!("http-{round}");
                assert!(fleet.stop(&name).await.unwrap().success());
                fleet.start_http(round).unwrap();
                fleet.wait_ready(&name).await.unwrap();
            }
        }
        // The config service is away: the last view serves.
        fleet.kill("config-0").unwrap();
        fleet.kill("config-1").unwrap();
        fleet.postgres().kill().unwrap();
        for _ in 0..20 {
            assert_eq!(visitor.get(&path).await.unwrap().status(), StatusCode::OK);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
    };
    let asking = visitor.keep_asking(&path, stop.clone());
    let (asked, (), _) = tokio::join!(asking, changes, simulation.run_load(traffic(300)));
    assert!(asked.failed.is_empty(), "{:?}\n{}", asked.failed, world.fleet.logs());
    assert!(asked.answered >= 5, "{}", asked.answered);
}
