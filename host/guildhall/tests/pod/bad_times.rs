//! Connections that break, a Discord that fails, a process that is killed, files that are damaged: nothing is lost and
//! nothing happens twice.

use crate::support::*;
use guildhall_harness::GuildFiles;
use guildhall_sim::{LoadConfig, RestFault, SimConfig, Simulation};
use serde_json::json;
use std::time::Duration;

async fn assert_all_applied_once(simulation: &Simulation, pod: &mut guildhall_harness::Pod) {
    let messages = simulation.stats().events["MESSAGE_CREATE"];
    pod.wait_metric("guildhall_actions_waiting", 0.0, BOUND).await.unwrap();
    assert!(pod.stop().await.unwrap().success());
    let tally = GuildFiles::open(&pod.guilds()).unwrap().tally().unwrap();
    assert_eq!(
        (tally.messages, tally.repeated),
        (messages, 0),
        "messages of the simulation, applied and repeated"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_under_load_is_resumed_without_a_gap() {
    let simulation = simulation(5).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let load = LoadConfig {
        events_per_second: Some(300),
        events: 1500,
        ..LoadConfig::default()
    };
    let faults = async {
        for (round, fault) in (1..).zip([
            (|simulation| Simulation::drop_connections(simulation)) as fn(&Simulation),
            |simulation| simulation.request_reconnect(),
            |simulation| simulation.close_connections(4000),
            |simulation| {
                simulation.duplicate_dispatches(50);
                simulation.drop_connections();
            },
        ]) {
            fault(&simulation);
            let resumed = simulation
                .wait_until(BOUND, |simulation| simulation.stats().resumes >= round)
                .await;
            assert!(resumed, "fault {round}: {:?}\n{}", simulation.stats(), pod.log());
        }
    };
    let (report, ()) = tokio::join!(simulation.run_load(load), faults);
    pod.wait_metric(&calls("tally"), report.messages as f64, BOUND)
        .await
        .unwrap();
    assert_eq!(simulation.stats().identifies, 1, "no session was lost");
    assert_all_applied_once(&simulation, &mut pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_goes_on_where_it_stopped() {
    let simulation = simulation(5).await;
    let mut pod = pod(&simulation, &["tally", "probe"]).await;
    let load = LoadConfig {
        events_per_second: Some(400),
        events: 2400,
        probe_every: 10,
        ..LoadConfig::default()
    };
    let kills = async {
        for round in 1..=3_u64 {
            let mark = round * 500;
            let reached = simulation.wait_until(BOUND, |simulation| {
                simulation
                    .stats()
                    .events
                    .get("MESSAGE_CREATE")
                    .is_some_and(|count| *count >= mark)
            });
            assert!(reached.await, "the load runs");
            pod.kill().unwrap();
            pod.restart().await.unwrap();
        }
    };
    let (report, ()) = tokio::join!(simulation.run_load(load), kills);
    assert!(report.messages > 0);
    assert_eq!(
        (simulation.stats().identifies, simulation.stats().resumes),
        (1, 3),
        "sessions survive the process"
    );
    let acted = simulation
        .wait_until(BOUND, |simulation| simulation.latencies().waiting == 0)
        .await;
    assert!(acted, "{:?}", simulation.latencies());
    // What was in the outbox of a killed process has left by now; every tally is in its file after the stop.
    let applied = async {
        loop {
            let files = GuildFiles::open(&pod.guilds()).unwrap();
            if files.tally().is_ok_and(|tally| tally.messages >= report.messages) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(BOUND, applied)
        .await
        .expect("every message is applied");
    assert_all_applied_once(&simulation, &mut pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_survive_a_discord_that_fails() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["mod_log", "spam_guard", "tally"]).await;
    let guild = simulation.guild_ids()[0];
    for fault in [
        RestFault {
            status: 503,
            count: 2,
            path_contains: "/messages".into(),
            ..RestFault::default()
        },
        RestFault {
            status: 429,
            count: 1,
            retry_after_ms: 300,
            path_contains: "/members/".into(),
            ..RestFault::default()
        },
        RestFault {
            status: 429,
            count: 1,
            retry_after_ms: 300,
            scope: "global".into(),
            ..RestFault::default()
        },
        // Carried out, and then the answer is lost: what enforced nonces are for.
        RestFault {
            status: 0,
            count: 1,
            path_contains: "/messages".into(),
            after_applying: true,
            ..RestFault::default()
        },
        RestFault {
            status: 502,
            count: 1,
            after_applying: true,
            ..RestFault::default()
        },
    ] {
        simulation.rest_fault(fault);
    }
    let spammer = simulation.newcomer(guild);
    for channel in ["general", "memes", "links"] {
        let channel = simulation.channel_id(guild, channel).unwrap();
        simulation.send_message(guild, channel, spammer, "the same text everywhere");
    }
    wait_journal(&simulation, "the timeout", |entry| {
        entry.route == "edit-member" && entry.applied
    })
    .await;
    pod.wait_metric("guildhall_events_total", 1.0, BOUND).await.unwrap();
    let log = simulation.channel_id(guild, "mod-log").unwrap();
    let in_threads = |part: &str| {
        let threads = simulation.threads(log).into_iter();
        let messages = threads.flat_map(|(thread, _)| simulation.messages(thread));
        let with_part = messages.filter(|message| message["content"].as_str().is_some_and(|text| text.contains(part)));
        with_part.count()
    };
    // The last thing that follows from a report.
    let told = simulation
        .wait_until(BOUND, |_| in_threads("let the moderators vote") > 0)
        .await;
    assert!(told, "the report never came\n{}", pod.log());
    let idle = async {
        while pod.metric("guildhall_actions_waiting").await.unwrap() > 0.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(BOUND, idle)
        .await
        .expect("every action is settled");
    let journal = simulation.journal();
    let mut sent: Vec<_> = journal
        .iter()
        .filter(|entry| entry.route == "send-message" && entry.applied)
        .map(|entry| entry.body["nonce"].to_string())
        .collect();
    let all = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), all, "no message was sent twice");
    assert_eq!(in_threads("**Report 1**"), 1, "the report stands there once");
    assert!(
        journal.iter().any(|entry| entry.status == 0 || entry.status == 502),
        "the faults were met"
    );
    assert!(pod.stop().await.unwrap().success());
    assert_eq!(GuildFiles::open(&pod.guilds()).unwrap().waiting_actions().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_settles_the_action() {
    let config = SimConfig {
        guilds: 1,
        bot_permissions: 1 << 11,
        ..SimConfig::default()
    };
    let simulation = Simulation::start(config).await.unwrap();
    let mut pod = pod(&simulation, &["honeypot"]).await;
    let guild = simulation.guild_ids()[0];
    let honeypot = simulation.channel_id(guild, "honeypot").unwrap();
    simulation.send_message(guild, honeypot, simulation.newcomer(guild), "hello");
    wait_journal(&simulation, "the refused ban", |entry| {
        entry.route == "ban" && entry.status == 403 && entry.code == 50_013
    })
    .await;
    wait_log(
        &pod,
        &[
            "Discord refused an action for good",
            "Missing Permissions",
            &format!("guild={guild}"),
        ],
    )
    .await;
    assert!(pod.stop().await.unwrap().success());
    assert_eq!(GuildFiles::open(&pod.guilds()).unwrap().waiting_actions().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_leave_before_the_end_stays_in_the_outbox_and_leaves_at_the_next_start() {
    let simulation = simulation(1).await;
    let configuration = "drain_seconds = 1\n";
    let mut pod = pod_with(&simulation, &["honeypot"], configuration).await;
    let guild = simulation.guild_ids()[0];
    let honeypot = simulation.channel_id(guild, "honeypot").unwrap();
    simulation.rest_fault(RestFault {
        count: 1000,
        ..RestFault::default()
    });
    let spammer = simulation.newcomer(guild);
    simulation.send_message(guild, honeypot, spammer, "hello");
    wait_journal(&simulation, "a failed try", |entry| entry.status == 503).await;
    assert!(pod.stop().await.unwrap().success());
    assert!(GuildFiles::open(&pod.guilds()).unwrap().waiting_actions().unwrap() > 0);
    simulation.clear_faults();
    pod.restart().await.unwrap();
    wait_journal(&simulation, "the ban", |entry| {
        entry.route == "ban" && entry.applied && entry.user == Some(spammer)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_discord_never_sends_harm_nobody() {
    let simulation = simulation(2).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let guild = simulation.guild_ids()[0];
    simulation.send_raw("<html>not JSON</html>");
    simulation.send_raw(r#"{"t":"MESSAGE_CREATE","s":null,"op":0,"d":{}}"#);
    simulation.send_raw(r#"{"op":77}"#);
    simulation.dispatch(
        "SOMETHING_NEW",
        guild,
        &json!({ "guild_id": guild.to_string(), "deep": [{ "s": 7 }] }),
    );
    simulation.dispatch("MESSAGE_CREATE", guild, &json!({ "id": "1", "content": "no guild_id" }));
    simulation.dispatch(
        "MESSAGE_CREATE",
        guild,
        &json!({ "guild_id": guild.to_string(), "content": 5 }),
    );
    say(&simulation, guild, &"x".repeat(1 << 20));
    say(&simulation, guild, "an ordinary message");
    pod.wait_metric(&calls("tally"), 2.0, BOUND).await.unwrap();
    wait_log(
        &pod,
        &["an event cannot be read", "MESSAGE_CREATE", &format!("guild={guild}")],
    )
    .await;
    assert!(pod.stop().await.unwrap().success());
    assert_eq!(GuildFiles::open(&pod.guilds()).unwrap().tally().unwrap().messages, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_is_kept_aside_and_the_pod_goes_on() {
    let simulation = simulation(2).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let (damaged, sound) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    say(&simulation, sound, "before");
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();
    assert!(pod.stop().await.unwrap().success());
    std::fs::write(
        pod.guilds().join(format!("{damaged}.db")),
        b"garbage that is no database ".repeat(400),
    )
    .unwrap();
    pod.restart().await.unwrap();
    wait_log(&pod, &["file was corrupt", &format!("guild={damaged}"), ".corrupt-"]).await;
    say(&simulation, damaged, "after");
    say(&simulation, sound, "after");
    pod.wait_metric(&calls("tally"), 2.0, BOUND).await.unwrap();
    assert!(pod.stop().await.unwrap().success());
    assert_eq!(GuildFiles::open(&pod.guilds()).unwrap().tally().unwrap().messages, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_discord_refuses_ends_the_pod_with_the_fix() {
    let simulation = simulation(1).await;
    let started = guildhall_harness::Pod::start_at(
        options(&["tally"], ""),
        &simulation.address().to_string(),
        &simulation.gateway_url(),
        "wrong",
    )
    .await;
    let error = format!("{:#}", started.err().expect("the token is wrong"));
    assert!(error.contains("ended before it was ready"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_is_not_granted_ends_the_pod_with_the_fix() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    simulation.close_connections(4014);
    wait_log(&pod, &["4014", "privileged intent", "developer portal"]).await;
    let deadline = std::time::Instant::now() + BOUND;
    while pod.is_running() {
        assert!(std::time::Instant::now() < deadline, "the pod did not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_the_pod_goes_on_when_there_is_room() {
    let simulation = simulation(1).await;
    let mut options = options(&["tally"], "");
    options.disk_bytes = Some(64 << 20);
    let mut pod = guildhall_harness::Pod::start(options, &simulation).await.unwrap();
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "before");
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();

    let filler = pod.data().join("filler");
    fill(&filler);
    for number in 0..200 {
        say(&simulation, guild, &format!("while it is full {number}"));
    }
    wait_log(&pod, &["a batch was not committed; its events wait"]).await;
    assert!(pod.is_running(), "{}", pod.log());

    std::fs::remove_file(&filler).unwrap();
    pod.wait_metric(&calls("tally"), 201.0, BOUND).await.unwrap();
    // The disk goes with the process, and SQLite opens no file through `/proc`.
    let copies = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(pod.data().join("guilds")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copies.path().join(entry.file_name())).unwrap();
    }
    let tally = GuildFiles::open(copies.path()).unwrap().tally().unwrap();
    assert_eq!((tally.messages, tally.repeated), (201, 0), "{}", pod.log());
}

/// Writes until the file system takes no more.
fn fill(file: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(file).unwrap();
    for size in [1 << 20, 4096, 1] {
        let block = vec![0; size];
        let full = loop {
            if let Err(error) = file.write_all(&block) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    }
}
