//! The gateway: sessions, sequences, replay, close codes, budgets, compression.

use crate::client::*;
use guildhall_sim::Simulation;
use serde_json::{Value, json};
use std::io::Read;
use tokio_tungstenite::tungstenite::Message;

fn say(simulation: &Simulation, content: &str) -> u64 {
    let guild = simulation.guild_ids()[0];
    let channel = simulation.channel_id(guild, "general").unwrap();
    simulation.send_message(guild, channel, simulation.people(guild)[3], content)
}

#[tokio::test]
async fn a_guild_says_what_was_sent_last_in_each_channel() {
    let simulation = simulation(|config| config.guilds = 1).await;
    let guild = simulation.guild_ids()[0];
    let general = simulation.channel_id(guild, "general").unwrap();
    let last = simulation.send_message(guild, general, simulation.people(guild)[3], "said");
    simulation.delete_message(guild, general, last);
    let mut client = Client::connect(&simulation).await;
    client.identify(&simulation, INTENTS, (0, 1)).await;
    client.dispatch("READY").await;
    let described = client.dispatch("GUILD_CREATE").await;
    for channel in described["d"]["channels"].as_array().unwrap() {
        let expected = (channel["id"] == json!(general.to_string())).then(|| json!(last.to_string()));
        assert_eq!(channel["last_message_id"], expected.unwrap_or(Value::Null), "{channel}");
    }
}

#[tokio::test]
async fn a_session_begins_with_ready_and_the_guilds_one_by_one() {
    let simulation = simulation(|config| config.guilds = 2).await;
    let mut client = Client::connect(&simulation).await;
    client.identify(&simulation, INTENTS, (0, 1)).await;
    let ready = client.dispatch("READY").await;
    assert_eq!(ready["s"], 1);
    assert!(
        client.last_text.starts_with(r#"{"t":"READY","s":1,"op":0,"d":"#),
        "the order of keys is Discord's"
    );
    assert!(
        ready["d"]["guilds"]
            .as_array()
            .unwrap()
            .iter()
            .all(|guild| guild["unavailable"] == true)
    );
    assert_eq!(ready["d"]["resume_gateway_url"], simulation.gateway_url());
    for sequence in 2..=3 {
        let guild = client.dispatch("GUILD_CREATE").await;
        assert_eq!(guild["s"], sequence);
        let typed =
            serde_json::from_value::<twilight_model::gateway::payload::incoming::GuildCreate>(guild["d"].clone());
        typed.expect("a strict client can read it");
    }
    say(&simulation, "hello");
    let message = client.dispatch("MESSAGE_CREATE").await;
    assert_eq!((&message["s"], &message["d"]["content"]), (&json!(4), &json!("hello")));
    serde_json::from_value::<twilight_model::gateway::payload::incoming::MessageCreate>(message["d"].clone()).unwrap();
}

#[tokio::test]
async fn heartbeats_are_acknowledged_unless_the_connection_is_half_open() {
    let simulation = simulation(|_| {}).await;
    let (mut client, _) = Client::identified(&simulation).await;
    client.send(json!({ "op": 1, "d": 4 })).await;
    assert_eq!(client.payload().await["op"], 11);
    simulation.set_half_open(true);
    client.send(json!({ "op": 1, "d": 4 })).await;
    say(&simulation, "still there");
    client.dispatch("MESSAGE_CREATE").await;
}

#[tokio::test]
async fn what_a_client_must_not_do_is_closed_with_its_code() {
    let simulation = simulation(|_| {}).await;
    for (payload, code) in [
        ("{\"op\":77,\"d\":null}".to_owned(), 4001),
        ("no JSON".to_owned(), 4002),
        (json!({ "op": 1, "d": "x".repeat(5000) }).to_string(), 4002),
        (json!({ "op": 3, "d": {} }).to_string(), 4003),
        (
            json!({ "op": 2, "d": { "token": "wrong", "intents": 0, "properties": {} } }).to_string(),
            4004,
        ),
        (
            json!({ "op": 2, "d": { "token": simulation.token(), "intents": 0, "shard": [2, 2] } }).to_string(),
            4010,
        ),
        (
            json!({ "op": 2, "d": { "token": simulation.token(), "intents": 1_u64 << 40 } }).to_string(),
            4013,
        ),
    ] {
        let mut client = Client::connect(&simulation).await;
        client.send_text(&payload).await;
        assert_eq!(client.closed().await, Some(code), "{payload}");
    }
    let (mut twice, _) = Client::identified(&simulation).await;
    twice.identify(&simulation, INTENTS, (0, 1)).await;
    assert_eq!(twice.closed().await, Some(4005));
}

#[tokio::test]
async fn more_than_120_payloads_a_minute_are_too_many() {
    let simulation = simulation(|_| {}).await;
    let mut client = Client::connect(&simulation).await;
    for _ in 0..121 {
        client.send(json!({ "op": 1, "d": null })).await;
    }
    assert_eq!(client.closed().await, Some(4008));
}

#[tokio::test]
async fn a_resume_replays_what_was_missed_and_then_says_so_with_a_sequence() {
    let simulation = simulation(|_| {}).await;
    let (client, ready) = Client::identified(&simulation).await;
    simulation.drop_connections();
    drop(client);
    say(&simulation, "one");
    say(&simulation, "two");
    let mut client = Client::resume(&simulation, &ready["session_id"], 4).await;
    for (sequence, content) in [(5, "one"), (6, "two")] {
        let message = client.dispatch("MESSAGE_CREATE").await;
        assert_eq!(
            (&message["s"], &message["d"]["content"]),
            (&json!(sequence), &json!(content))
        );
    }
    assert_eq!(client.dispatch("RESUMED").await["s"], 7);
    say(&simulation, "three");
    assert_eq!(client.dispatch("MESSAGE_CREATE").await["s"], 8);
}

#[tokio::test]
async fn a_resume_that_cannot_be_is_refused_as_discord_does() {
    let simulation = simulation(|_| {}).await;
    let mut unknown = Client::resume(&simulation, &json!("no such session"), 1).await;
    let answer = unknown.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));

    let (client, ready) = Client::identified(&simulation).await;
    drop(client);
    let mut ahead = Client::resume(&simulation, &ready["session_id"], 1000).await;
    assert_eq!(ahead.closed().await, Some(4007));
}

#[tokio::test]
async fn the_replay_buffer_is_bounded_and_what_fell_out_ends_the_session() {
    let simulation = simulation(|config| config.guilds = 1).await;
    let (client, ready) = Client::identified(&simulation).await;
    simulation.drop_connections();
    drop(client);
    // 75 events per guild, and never fewer than 100.
    for _ in 0..101 {
        say(&simulation, "flood");
    }
    let mut client = Client::resume(&simulation, &ready["session_id"], 2).await;
    let answer = client.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));
}

#[tokio::test]
async fn a_heartbeat_trims_the_buffer_only_where_that_is_switched_on() {
    for trims in [false, true] {
        let simulation = simulation(|config| config.trim_at_heartbeat = trims).await;
        let (mut client, ready) = Client::identified(&simulation).await;
        client.send(json!({ "op": 1, "d": 4 })).await;
        assert_eq!(client.payload().await["op"], 11);
        drop(client);
        let mut client = Client::resume(&simulation, &ready["session_id"], 2).await;
        assert_eq!(client.payload().await["op"], if trims { 9 } else { 0 });
    }
}

#[tokio::test]
async fn two_codes_end_the_session_and_others_keep_it() {
    for (code, survives) in [(1000, false), (1001, false), (4000, true), (4900, true)] {
        let simulation = simulation(|_| {}).await;
        let (client, ready) = Client::identified(&simulation).await;
        client.close(code).await;
        assert!(
            simulation
                .wait_until(BOUND, |simulation| simulation.stats().sockets == 0)
                .await
        );
        let mut client = Client::resume(&simulation, &ready["session_id"], 4).await;
        let answer = client.payload().await;
        assert_eq!(answer["op"], if survives { 0 } else { 9 }, "{code}: {answer}");
    }
}

#[tokio::test]
async fn a_session_without_a_socket_times_out() {
    let simulation = simulation(|config| config.session_timeout_ms = 0).await;
    let (client, ready) = Client::identified(&simulation).await;
    drop(client);
    assert!(
        simulation
            .wait_until(BOUND, |simulation| simulation.stats().sockets == 0)
            .await
    );
    assert_eq!(
        Client::resume(&simulation, &ready["session_id"], 4)
            .await
            .payload()
            .await["op"],
        9
    );
}

#[tokio::test]
async fn a_resume_of_a_living_session_takes_it_over_or_is_refused() {
    for allowed in [true, false] {
        let simulation = simulation(|config| config.resume_on_live = allowed).await;
        let (mut old, ready) = Client::identified(&simulation).await;
        let mut new = Client::resume(&simulation, &ready["session_id"], 4).await;
        assert_eq!(new.payload().await["op"], if allowed { 0 } else { 9 });
        if allowed {
            assert_eq!(old.closed().await, Some(4000));
        }
    }
}

#[tokio::test]
async fn the_same_shard_connected_twice_gets_every_event_twice_each_with_its_own_sequence() {
    let simulation = simulation(|config| config.max_concurrency = 1).await;
    let (mut first, _) = Client::identified(&simulation).await;
    say(&simulation, "to one");
    first.dispatch("MESSAGE_CREATE").await;
    let (mut second, _) = Client::identified(&simulation).await;
    say(&simulation, "to both");
    assert_eq!(first.dispatch("MESSAGE_CREATE").await["s"], 6);
    assert_eq!(second.dispatch("MESSAGE_CREATE").await["s"], 5);
}

#[tokio::test]
async fn op_7_and_op_9_come_at_any_time_also_before_hello() {
    let simulation = simulation(|_| {}).await;
    simulation.reconnect_before_hello(1);
    let mut early = Client::connect_raw(&simulation, "").await;
    assert_eq!(early.payload().await["op"], 7);
    assert_eq!(early.payload().await["op"], 10);
    let (mut client, _) = Client::identified(&simulation).await;
    simulation.request_reconnect();
    assert_eq!(client.payload().await["op"], 7);
    simulation.invalidate_sessions(true);
    let resumable = client.payload().await;
    assert_eq!((&resumable["op"], &resumable["d"]), (&json!(9), &json!(true)));
}

#[tokio::test]
async fn one_identify_per_key_and_period_and_an_end_to_the_budget() {
    let paced = simulation(|config| config.identify_period_ms = 60_000).await;
    let (_first, _) = Client::identified(&paced).await;
    let mut second = Client::connect(&paced).await;
    second.identify(&paced, INTENTS, (0, 1)).await;
    let answer = second.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));

    let spent = simulation(|config| config.identify_limit = 1).await;
    let token = spent.token();
    let (mut first, _) = Client::identified(&spent).await;
    let mut second = Client::connect(&spent).await;
    second.identify(&spent, INTENTS, (0, 1)).await;
    assert_eq!(second.closed().await, Some(4004));
    assert_eq!(first.closed().await, Some(4004), "every session ends");
    assert_ne!(spent.token(), token, "and the token is reset");
}

#[tokio::test]
async fn a_shard_carries_its_guilds_and_no_others() {
    let simulation = simulation(|config| {
        config.guilds = 12;
        config.max_concurrency = 2;
    })
    .await;
    let mut seen = 0;
    for shard in 0..2_u32 {
        let mut client = Client::connect(&simulation).await;
        client.identify(&simulation, INTENTS, (shard, 2)).await;
        let ready = client.dispatch("READY").await;
        for guild in ready["d"]["guilds"].as_array().unwrap() {
            let id: u64 = guild["id"].as_str().unwrap().parse().unwrap();
            assert_eq!((id >> 22) % 2, u64::from(shard));
            seen += 1;
        }
    }
    assert_eq!(seen, 12);
}

#[tokio::test]
async fn intents_decide_what_comes_and_what_a_message_says() {
    let simulation = simulation(|config| config.guilds = 1).await;
    let mut client = Client::connect(&simulation).await;
    // GUILDS and GUILD_MESSAGES, without the content.
    client.identify(&simulation, 1 | 1 << 9, (0, 1)).await;
    client.dispatch("READY").await;
    client.dispatch("GUILD_CREATE").await;
    let guild = simulation.guild_ids()[0];
    simulation.dispatch("GUILD_MEMBER_ADD", guild, &json!({ "guild_id": guild.to_string() }));
    say(&simulation, "secret");
    assert_eq!(client.dispatch("MESSAGE_CREATE").await["d"]["content"], "");
}

#[tokio::test]
async fn members_come_in_chunks_and_all_of_them_only_twice_a_minute() {
    let simulation = simulation(|config| config.members = 1500).await;
    let guild = simulation.guild_ids()[0].to_string();
    let (mut client, _) = Client::identified(&simulation).await;
    let all = json!({ "op": 8, "d": { "guild_id": guild, "query": "", "limit": 0 } });
    client.send(all.clone()).await;
    let first = client.dispatch("GUILD_MEMBERS_CHUNK").await;
    assert_eq!(
        (
            first["d"]["members"].as_array().unwrap().len(),
            &first["d"]["chunk_count"]
        ),
        (1000, &json!(2))
    );
    client.dispatch("GUILD_MEMBERS_CHUNK").await;
    client.send(all).await;
    let limited = client.dispatch("RATE_LIMITED").await;
    assert_eq!(limited["d"]["opcode"], 8);
}

#[tokio::test]
async fn duplicates_and_delays_happen_on_demand() {
    let simulation = simulation(|_| {}).await;
    let (mut client, _) = Client::identified(&simulation).await;
    simulation.duplicate_dispatches(1);
    say(&simulation, "twice");
    assert_eq!(client.dispatch("MESSAGE_CREATE").await["s"], 5);
    assert_eq!(client.dispatch("MESSAGE_CREATE").await["s"], 5);
    let delay = std::time::Duration::from_millis(300);
    simulation.delay_dispatches(delay);
    let started = std::time::Instant::now();
    say(&simulation, "late");
    client.dispatch("MESSAGE_CREATE").await;
    assert!(started.elapsed() >= delay);
}

async fn binary(client: &mut Client) -> Vec<u8> {
    match client.message().await {
        Some(Message::Binary(bytes)) => bytes.to_vec(),
        other => panic!("{other:?} instead of compressed data"),
    }
}

#[tokio::test]
async fn zlib_stream_is_one_stream_with_a_flush_after_every_payload() {
    let simulation = simulation(|_| {}).await;
    let mut client = Client::connect_raw(&simulation, "&compress=zlib-stream").await;
    let mut stream = binary(&mut client).await;
    assert!(stream.ends_with(&[0, 0, 0xFF, 0xFF]));
    client.identify(&simulation, INTENTS, (0, 1)).await;
    let ready = binary(&mut client).await;
    assert!(ready.ends_with(&[0, 0, 0xFF, 0xFF]));
    stream.extend(ready);
    let mut text = String::new();
    // The stream goes on: what is there so far is readable all the same.
    let _ = flate2::read::ZlibDecoder::new(stream.as_slice()).read_to_string(&mut text);
    let payloads: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!((&payloads[0]["op"], &payloads[1]["t"]), (&json!(10), &json!("READY")));
}

#[tokio::test]
async fn zstd_stream_is_one_stream_with_a_flush_after_every_payload() {
    let simulation = simulation(|_| {}).await;
    let mut client = Client::connect_raw(&simulation, "&compress=zstd-stream").await;
    let mut decoder = zstd::stream::write::Decoder::new(Vec::new()).unwrap();
    std::io::Write::write_all(&mut decoder, &binary(&mut client).await).unwrap();
    std::io::Write::flush(&mut decoder).unwrap();
    let hello: Value = serde_json::from_slice(decoder.get_ref()).unwrap();
    assert_eq!(hello["op"], 10);
    client.identify(&simulation, INTENTS, (0, 1)).await;
    let before = decoder.get_ref().len();
    std::io::Write::write_all(&mut decoder, &binary(&mut client).await).unwrap();
    std::io::Write::flush(&mut decoder).unwrap();
    let ready: Value = serde_json::from_slice(&decoder.get_ref()[before..]).unwrap();
    assert_eq!(ready["t"], "READY");
}
