//! REST: actions change the guild and are told to the gateway; limits, refusals and faults are Discord's.

use crate::client::*;
use guildhall_sim::{RestFault, Simulation};
use serde_json::{Value, json};

fn generous(config: &mut guildhall_sim::SimConfig) {
    config.global_limit = None;
    config.route_limits = false;
}

struct Place {
    simulation: Simulation,
    guild: u64,
    general: u64,
}

async fn place(change: impl FnOnce(&mut guildhall_sim::SimConfig)) -> Place {
    let simulation = simulation(change).await;
    let guild = simulation.guild_ids()[0];
    let general = simulation.channel_id(guild, "general").unwrap();
    Place {
        simulation,
        guild,
        general,
    }
}

impl Place {
    async fn request(&self, method: &str, path: &str, body: Value) -> Answer {
        request(&self.simulation, method, path, body).await
    }

    async fn send(&self, body: Value) -> Answer {
        self.request("POST", &format!("channels/{}/messages", self.general), body)
            .await
    }

    fn said(&self) -> u64 {
        self.simulation
            .send_message(self.guild, self.general, self.simulation.people(self.guild)[3], "said")
    }
}

#[tokio::test]
async fn every_moderation_action_is_applied_told_and_audited() {
    let place = place(generous).await;
    let (mut gateway, _) = Client::identified(&place.simulation).await;
    let (guild, people) = (place.guild, place.simulation.people(place.guild));
    let steps = [
        (
            "PATCH",
            format!("guilds/{guild}/members/{}", people[3]),
            json!({ "communication_disabled_until": null }),
            200,
            vec!["GUILD_MEMBER_UPDATE", "GUILD_AUDIT_LOG_ENTRY_CREATE"],
        ),
        (
            "DELETE",
            format!("guilds/{guild}/members/{}", people[3]),
            Value::Null,
            204,
            vec!["GUILD_MEMBER_REMOVE", "GUILD_AUDIT_LOG_ENTRY_CREATE"],
        ),
        (
            "PUT",
            format!("guilds/{guild}/bans/{}", people[4]),
            json!({ "delete_message_seconds": 60 }),
            204,
            vec!["GUILD_BAN_ADD", "GUILD_MEMBER_REMOVE", "GUILD_AUDIT_LOG_ENTRY_CREATE"],
        ),
        (
            "DELETE",
            format!("guilds/{guild}/bans/{}", people[4]),
            Value::Null,
            204,
            vec!["GUILD_BAN_REMOVE", "GUILD_AUDIT_LOG_ENTRY_CREATE"],
        ),
        (
            "POST",
            format!("channels/{}/threads", place.general),
            json!({ "name": "a thread", "type": 12 }),
            201,
            vec!["THREAD_CREATE"],
        ),
    ];
    for (method, path, body, status, events) in steps {
        let answer = place.request(method, &path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        for event in events {
            gateway.dispatch(event).await;
        }
    }
    let log = place
        .request(
            "GET",
            &format!("guilds/{guild}/audit-logs?limit=10&action_type=22"),
            Value::Null,
        )
        .await;
    assert_eq!(log.body["audit_log_entries"][0]["target_id"], people[4].to_string());
    assert_eq!(log.body["audit_log_entries"][0]["reason"], "because ä");
    assert_eq!(log.body["audit_log_entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_are_sent_edited_found_and_deleted_once() {
    let place = place(generous).await;
    let (mut gateway, _) = Client::identified(&place.simulation).await;
    let sent = place.send(json!({ "content": "hello" })).await;
    assert_eq!(sent.status, 200);
    gateway.dispatch("MESSAGE_CREATE").await;
    let path = format!(
        "channels/{}/messages/{}",
        place.general,
        sent.body["id"].as_str().unwrap()
    );
    assert_eq!(
        place.request("PATCH", &path, json!({ "content": "edited" })).await.body["content"],
        "edited"
    );
    gateway.dispatch("MESSAGE_UPDATE").await;
    assert_eq!(place.request("GET", &path, Value::Null).await.body["content"], "edited");
    assert_eq!(
        place
            .request("PUT", &format!("{path}/reactions/%F0%9F%91%8D/@me"), Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        gateway.dispatch("MESSAGE_REACTION_ADD").await["d"]["emoji"]["name"],
        "👍"
    );
    assert_eq!(place.request("DELETE", &path, Value::Null).await.status, 204);
    gateway.dispatch("MESSAGE_DELETE").await;
    let again = place.request("DELETE", &path, Value::Null).await;
    assert_eq!((again.status, &again.body["code"]), (404, &json!(10_008)));
}

#[tokio::test]
async fn history_is_newest_first_and_can_be_paged() {
    let place = place(generous).await;
    let ids: Vec<_> = (0..5).map(|_| place.said()).collect();
    let list = async |query: String| {
        let answer = place
            .request(
                "GET",
                &format!("channels/{}/messages?{query}", place.general),
                Value::Null,
            )
            .await;
        let ids = answer
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["id"].as_str().unwrap().parse().unwrap());
        ids.collect::<Vec<u64>>()
    };
    assert_eq!(list("limit=2".into()).await, [ids[4], ids[3]]);
    assert_eq!(list(format!("after={}&limit=2", ids[0])).await, [ids[2], ids[1]]);
    assert_eq!(list(format!("before={}&limit=50", ids[2])).await, [ids[1], ids[0]]);
}

#[tokio::test]
async fn history_leaves_out_what_is_deleted_and_what_only_the_gateway_says() {
    let place = place(generous).await;
    let (first, second) = (place.said(), place.said());
    place.simulation.delete_message(place.guild, place.general, second);
    let path = format!("channels/{}/messages?after=1", place.general);
    let listed = place.request("GET", &path, Value::Null).await.body;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], first.to_string());
    for key in ["guild_id", "member"] {
        assert!(listed[0].get(key).is_none(), "{key}: {listed}");
    }
}

#[tokio::test]
async fn who_may_not_see_a_channel_is_refused_and_who_may_not_read_its_history_gets_none() {
    for (permissions, status, code) in [(0, 403, json!(50_001)), (1 << 10, 200, Value::Null)] {
        let place = place(|config| {
            generous(config);
            (config.everyone_permissions, config.bot_permissions) = (0, permissions);
        })
        .await;
        place.said();
        let path = format!("channels/{}/messages", place.general);
        let answer = place.request("GET", &path, Value::Null).await;
        assert_eq!((answer.status, &answer.body["code"]), (status, &code));
        assert!(status == 403 || answer.body == json!([]), "{answer:?}");
    }
}

#[tokio::test]
async fn the_audit_log_after_an_entry_is_oldest_first_and_names_its_users() {
    let place = place(generous).await;
    let (guild, people) = (place.guild, place.simulation.people(place.guild));
    for user in &people[3..6] {
        place.simulation.ban(guild, people[1], *user);
    }
    let log = async |query: &str| {
        let path = format!("guilds/{guild}/audit-logs?{query}");
        place.request("GET", &path, Value::Null).await.body
    };
    let targets = |log: &Value| {
        let entries = log["audit_log_entries"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["target_id"].as_str().unwrap().parse().unwrap())
            .collect::<Vec<u64>>()
    };
    let newest_first = log("limit=2").await;
    assert_eq!(targets(&newest_first), [people[5], people[4]]);
    assert_eq!(newest_first["audit_log_entries"][0]["user_id"], people[1].to_string());
    let oldest = log("").await["audit_log_entries"][2]["id"].clone();
    let after = log(&format!("after={}&limit=1", oldest.as_str().unwrap())).await;
    assert_eq!(targets(&after), [people[4]]);
    let users = after["users"].as_array().unwrap();
    assert!(
        users.iter().any(|user| user["id"] == json!(people[4].to_string())),
        "{users:?}"
    );
}

#[tokio::test]
async fn bulk_deletion_takes_two_to_a_hundred_young_messages() {
    let place = place(generous).await;
    let path = format!("channels/{}/messages/bulk-delete", place.general);
    let (one, two) = (place.said().to_string(), place.said().to_string());
    assert_eq!(
        place.request("POST", &path, json!({ "messages": [one] })).await.body["code"],
        50_035
    );
    assert_eq!(
        place
            .request("POST", &path, json!({ "messages": [one, "175928847299117063"] }))
            .await
            .body["code"],
        50_034
    );
    assert_eq!(
        place
            .request("POST", &path, json!({ "messages": [one, two] }))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn an_enforced_nonce_answers_the_earlier_message() {
    let place = place(generous).await;
    let body = json!({ "content": "once", "nonce": "abc", "enforce_nonce": true });
    let (first, second) = (place.send(body.clone()).await, place.send(body).await);
    assert_eq!(first.body["id"], second.body["id"]);
    assert!(place.simulation.journal()[1].deduplicated);
    let other = place.send(json!({ "content": "once", "nonce": "abc" })).await;
    assert_ne!(other.body["id"], first.body["id"], "only where it is enforced");
    assert_eq!(
        place
            .send(json!({ "content": "x", "nonce": "n".repeat(26) }))
            .await
            .body["code"],
        50_035
    );
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_allowed_is_refused_with_discords_code() {
    let place = place(generous).await;
    let (guild, people) = (place.guild, place.simulation.people(place.guild));
    let moderator = people[1];
    for (method, path, body, status, code) in [
        ("GET", "channels/1/messages/1".to_owned(), Value::Null, 404, 10_003),
        ("PUT", "guilds/1/bans/1".to_owned(), json!({}), 404, 10_004),
        ("DELETE", format!("guilds/{guild}/members/1"), Value::Null, 404, 10_007),
        ("DELETE", format!("guilds/{guild}/bans/1"), Value::Null, 404, 10_026),
        (
            "DELETE",
            format!("guilds/{guild}/members/{}", people[0]),
            Value::Null,
            403,
            50_013,
        ),
        (
            "POST",
            format!("channels/{}/messages", place.general),
            json!({ "content": "" }),
            400,
            50_006,
        ),
        (
            "POST",
            format!("channels/{}/messages", place.general),
            json!({ "content": "x".repeat(2001) }),
            400,
            50_035,
        ),
        (
            "PATCH",
            format!("guilds/{guild}/members/{moderator}"),
            json!({ "communication_disabled_until": "2999-01-01T00:00:00Z" }),
            400,
            50_035,
        ),
    ] {
        let answer = place.request(method, &path, body).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
    let stranger = request_as(&place.simulation, "Bot wrong", "GET", "users/@me", Value::Null)
        .await
        .unwrap();
    assert_eq!(
        (stranger.status, &stranger.body["message"]),
        (401, &json!("401: Unauthorized"))
    );
}

#[tokio::test]
async fn a_bot_without_permissions_is_refused() {
    let place = place(|config| {
        generous(config);
        config.bot_permissions = 0;
    })
    .await;
    let path = format!(
        "guilds/{}/bans/{}",
        place.guild,
        place.simulation.people(place.guild)[3]
    );
    let answer = place.request("PUT", &path, json!({})).await;
    assert_eq!((answer.status, &answer.body["code"]), (403, &json!(50_013)));
}

#[tokio::test]
async fn answers_carry_the_buckets_headers_and_an_empty_bucket_is_a_429() {
    let place = place(|config| config.global_limit = None).await;
    for left in (0..5).rev() {
        let answer = place.send(json!({ "content": "hi" })).await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-remaining")),
            (200, left.to_string().as_str())
        );
        assert!(!answer.header("x-ratelimit-bucket").is_empty());
    }
    let limited = place.send(json!({ "content": "hi" })).await;
    assert_eq!((limited.status, limited.header("x-ratelimit-scope")), (429, "user"));
    assert!(limited.body["retry_after"].as_f64().unwrap() > 0.0);
    assert_eq!(limited.body["global"], false);
    let elsewhere = place.simulation.channel_id(place.guild, "memes").unwrap();
    let other = place
        .request(
            "POST",
            &format!("channels/{elsewhere}/messages"),
            json!({ "content": "hi" }),
        )
        .await;
    assert_eq!(other.status, 200, "another channel has its own");
}

#[tokio::test]
async fn the_bots_limit_is_over_everything_but_interactions() {
    let place = place(|config| {
        config.global_limit = Some(3);
        config.route_limits = false;
    })
    .await;
    for _ in 0..3 {
        assert_eq!(place.request("GET", "users/@me", Value::Null).await.status, 200);
    }
    let limited = place.request("GET", "users/@me", Value::Null).await;
    assert_eq!(
        (
            limited.status,
            limited.header("x-ratelimit-global"),
            &limited.body["global"]
        ),
        (429, "true", &json!(true))
    );
    let interaction = place
        .request("POST", "interactions/1/token/callback", json!({ "type": 5 }))
        .await;
    assert_eq!((interaction.status, &interaction.body["code"]), (404, &json!(10_062)));
}

#[tokio::test]
async fn too_many_invalid_requests_end_all_of_them() {
    let place = place(|config| {
        generous(config);
        config.invalid_request_limit = 3;
    })
    .await;
    for _ in 0..3 {
        request_as(&place.simulation, "Bot wrong", "GET", "users/@me", Value::Null)
            .await
            .unwrap();
    }
    let banned = place.request("GET", "users/@me", Value::Null).await;
    assert_eq!((banned.status, banned.body), (429, Value::Null), "a page, and no JSON");
}

#[tokio::test]
async fn faults_happen_on_demand() {
    let place = place(generous).await;
    let fault = |status| RestFault {
        status,
        ..RestFault::default()
    };
    for status in [401, 403, 404, 500, 503] {
        place.simulation.rest_fault(fault(status));
        assert_eq!(place.request("GET", "users/@me", Value::Null).await.status, status);
    }
    place.simulation.rest_fault(RestFault {
        status: 429,
        scope: "shared".into(),
        ..RestFault::default()
    });
    assert_eq!(
        place
            .request("GET", "users/@me", Value::Null)
            .await
            .header("x-ratelimit-scope"),
        "shared"
    );

    place.simulation.rest_fault(RestFault {
        status: 0,
        after_applying: true,
        path_contains: "messages".into(),
        ..RestFault::default()
    });
    let path = format!("channels/{}/messages", place.general);
    let bot = format!("Bot {}", place.simulation.token());
    let dropped = request_as(
        &place.simulation,
        &bot,
        "POST",
        &path,
        json!({ "content": "sent all the same" }),
    )
    .await;
    assert!(dropped.is_err(), "{dropped:?}");
    let listed = place.request("GET", &path, Value::Null).await;
    assert_eq!(listed.body[0]["content"], "sent all the same");

    let delay = std::time::Duration::from_millis(300);
    place.simulation.rest_fault(RestFault {
        status: 200,
        delay_ms: 300,
        ..RestFault::default()
    });
    let started = std::time::Instant::now();
    assert_eq!(place.request("GET", "users/@me", Value::Null).await.status, 200);
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn the_gateways_numbers_are_true() {
    let place = place(generous).await;
    let before = place.request("GET", "gateway/bot", Value::Null).await;
    let (_client, _) = Client::identified(&place.simulation).await;
    let after = place.request("GET", "gateway/bot", Value::Null).await;
    assert_eq!(before.body["session_start_limit"]["remaining"], 1000);
    assert_eq!(after.body["session_start_limit"]["remaining"], 999);
    assert_eq!(after.body["url"], place.simulation.gateway_url());
}

#[tokio::test]
async fn another_process_can_drive_it_and_read_the_journal() {
    let place = place(generous).await;
    place.send(json!({ "content": "hello" })).await;
    let base = format!("http://{}/sim", place.simulation.address());
    let journal: Value = reqwest::get(format!("{base}/journal"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (
            &journal[0]["route"],
            &journal[0]["applied"],
            &journal[0]["body"]["content"]
        ),
        (&json!("send-message"), &json!(true), &json!("hello"))
    );
    let load = json!({ "events": 100, "events_per_second": null, "reactions": 100, "edits": 100, "deletions": 100, "joins": 100, "raid_every": 20 });
    let report: Value = reqwest::Client::new()
        .post(format!("{base}/load"))
        .json(&load)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(report["events"], 100);
    let events = place.simulation.stats().events;
    for event in [
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_REACTION_ADD",
        "GUILD_MEMBER_ADD",
    ] {
        assert!(events.contains_key(event), "{event}: {events:?}");
    }
}

#[tokio::test]
async fn what_people_do_is_told_to_the_gateway_and_audited_where_discord_does() {
    let place = place(generous).await;
    let simulation = &place.simulation;
    let (mut gateway, _) = Client::identified(simulation).await;
    let (guild, people) = (place.guild, simulation.people(place.guild));
    let message = place.said();
    gateway.dispatch("MESSAGE_CREATE").await;
    simulation.edit_message(guild, message, "said otherwise");
    let edited = gateway.dispatch("MESSAGE_UPDATE").await["d"].clone();
    assert_eq!(edited["content"], "said otherwise");
    assert!(edited["edited_timestamp"].is_string(), "{edited}");
    let emoji = json!({ "id": null, "name": "👍" });
    simulation.react(guild, place.general, message, people[4], &emoji);
    let reaction = gateway.dispatch("MESSAGE_REACTION_ADD").await["d"].clone();
    assert_eq!(reaction["member"]["user"]["id"], people[4].to_string());
    assert_eq!(simulation.messages(place.general)[0]["reactions"][0]["count"], 1);

    simulation.delete_message_as(people[1], guild, place.general, message);
    gateway.dispatch("MESSAGE_DELETE").await;
    let audited = gateway.dispatch("GUILD_AUDIT_LOG_ENTRY_CREATE").await["d"].clone();
    let (by, of) = (people[1].to_string(), people[3].to_string());
    assert_eq!(
        (&audited["action_type"], &audited["user_id"], &audited["target_id"]),
        (&json!(72), &json!(by), &json!(of))
    );
    assert_eq!(audited["options"]["channel_id"], place.general.to_string());
    let log = place
        .request("GET", &format!("guilds/{guild}/audit-logs"), Value::Null)
        .await;
    assert_eq!(log.body["audit_log_entries"][0]["id"], audited["id"]);

    let newcomer = simulation.newcomer(guild);
    simulation.leave(guild, newcomer);
    gateway.dispatch("GUILD_MEMBER_REMOVE").await;
    simulation.join(guild, newcomer);
    let joined = gateway.dispatch("GUILD_MEMBER_ADD").await["d"].clone();
    assert_eq!(joined["user"]["id"], newcomer.to_string());
    simulation.add_bot(guild);
    let described = gateway.dispatch("GUILD_CREATE").await["d"].clone();
    assert!(
        described["members"][0]["joined_at"].as_str() >= joined["joined_at"].as_str(),
        "{described}"
    );
}
