//! A session that cannot be resumed: what happened before the next one is caught up with by REST, once.

use crate::support::*;
use guildhall_harness::{GuildFiles, Pod};
use guildhall_sim::{RestFault, Simulation};
use std::time::Duration;

const MESSAGES: &str = "guildhall_reconciled_events_total{kind=\"message\"}";

fn said(simulation: &Simulation) -> u64 {
    simulation.stats().events["MESSAGE_CREATE"]
}

fn say_in(simulation: &Simulation, guild: u64, channel: &str, count: usize) -> Vec<u64> {
    let channel = simulation.channel_id(guild, channel).unwrap();
    let people = simulation.people(guild);
    (0..count)
        .map(|number| {
            let author = people[2 + number % 5];
            simulation.send_message(guild, channel, author, &format!("message {number}"))
        })
        .collect()
}

fn gaps(pod: &Pod) -> u64 {
    let files = GuildFiles::open(&pod.guilds()).unwrap();
    files.sum("SELECT count(*) FROM guildhall_gaps").unwrap()
}

async fn wait_closed(pod: &Pod) {
    let deadline = std::time::Instant::now() + BOUND;
    while gaps(pod) > 0 {
        assert!(std::time::Instant::now() < deadline, "gaps stay open:\n{}", pod.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The session is gone, and the pod has not got another one yet.
fn lose_session(simulation: &Simulation) {
    simulation.invalidate_sessions(false);
}

async fn wait_new_session(simulation: &Simulation, sessions: u64) {
    let there = simulation
        .wait_until(BOUND, |simulation| simulation.stats().identifies >= sessions)
        .await;
    assert!(there, "{:?}", simulation.stats());
}

async fn assert_applied_once(pod: &mut Pod, messages: u64) {
    assert!(pod.stop().await.unwrap().success());
    let tally = GuildFiles::open(&pod.guilds()).unwrap().tally().unwrap();
    assert_eq!((tally.messages, tally.repeated), (messages, 0), "{}", pod.log());
}

fn lines(pod: &Pod, part: &str) -> usize {
    pod.log().lines().filter(|line| line.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_that_no_session_brought_is_applied_once() {
    let simulation = simulation(3).await;
    let guilds = simulation.guild_ids();
    let moderator_role = guilds[0] + (2 << 22);
    let settings = format!("[settings.honeypot]\nmoderator_role = \"{moderator_role}\"\n");
    let mut pod = pod_with(&simulation, &["tally", "honeypot"], &settings).await;
    for guild in &guilds {
        say_in(&simulation, *guild, "general", 40);
    }
    pod.wait_metric(&calls("tally"), 120.0, BOUND).await.unwrap();

    lose_session(&simulation);
    // More than two pages, in channels that are known and in one where nothing was said before.
    for guild in &guilds {
        say_in(&simulation, *guild, "general", 230);
        say_in(&simulation, *guild, "memes", 100);
    }
    let spammer = simulation.newcomer(guilds[0]);
    let honeypot = simulation.channel_id(guilds[0], "honeypot").unwrap();
    let bait = simulation.send_message(guilds[0], honeypot, spammer, "hello");
    // History does not say which roles an author has; a moderator is none the less not banned.
    let moderator = simulation.people(guilds[0])[1];
    simulation.send_message(guilds[0], honeypot, moderator, "do not write here");
    let missed = said(&simulation) - 120;
    assert_eq!(simulation.stats().identifies, 1, "nothing of it came live");
    wait_new_session(&simulation, 2).await;
    for guild in &guilds {
        say_in(&simulation, *guild, "general", 20);
    }

    wait_journal(&simulation, "the ban", |entry| {
        entry.route == "ban" && entry.applied && entry.user == Some(spammer)
    })
    .await;
    wait_journal(&simulation, "the deletion", |entry| {
        entry.route == "delete-message" && entry.messages == [bait]
    })
    .await;
    pod.wait_metric(MESSAGES, missed as f64, BOUND).await.unwrap();
    wait_closed(&pod).await;
    pod.wait_metric(&calls("tally"), said(&simulation) as f64, BOUND)
        .await
        .unwrap();
    assert_eq!(pod.metric(MESSAGES).await.unwrap(), missed as f64);
    let journal = simulation.journal();
    let bans: Vec<_> = journal.iter().filter(|entry| entry.route == "ban").collect();
    assert_eq!(bans.len(), 1, "{bans:?}");
    let listed = |entry: &&guildhall_sim::JournalEntry| entry.route == "audit-log";
    assert_eq!(
        journal.iter().filter(listed).count(),
        0,
        "no plugin takes the audit log"
    );
    assert_applied_once(&mut pod, said(&simulation)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_and_audit_log_entries_of_others_are_seen_once() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["echo"]).await;
    let guild = simulation.guild_ids()[0];
    let people = simulation.people(guild);
    let (moderator, before, missed, lifted, after) = (people[1], people[10], people[11], people[12], people[13]);
    simulation.ban(guild, moderator, before);
    wait_log(&pod, &[&format!("banned {before} ")]).await;

    lose_session(&simulation);
    simulation.ban(guild, moderator, missed);
    simulation.ban(guild, moderator, lifted);
    simulation.unban(guild, moderator, lifted);
    wait_new_session(&simulation, 2).await;
    // It comes live, and is in the audit log by the time that this is read.
    simulation.ban(guild, moderator, after);
    let kind = |kind: &str| format!("guildhall_reconciled_events_total{{kind=\"{kind}\"}}");
    for (name, count) in [("ban", 2.0), ("unban", 1.0), ("audit-log-entry", 3.0)] {
        pod.wait_metric(&kind(name), count, BOUND).await.unwrap();
    }
    wait_closed(&pod).await;
    wait_log(&pod, &[&format!("banned {after} ")]).await;
    for user in [before, missed, lifted, after] {
        let unbanned = lines(&pod, &format!("unbanned {user} user-{user}"));
        assert_eq!(unbanned, usize::from(user == lifted));
        let banned = lines(&pod, &format!("banned {user} user-{user}")) - unbanned;
        assert_eq!(banned, 1, "{user}:\n{}", pod.log());
    }
    assert_eq!(lines(&pod, "of kind 22"), 4, "{}", pod.log());
    assert_eq!(lines(&pod, "of kind 23"), 1);
    assert!(pod.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_catches_up_loses_and_repeats_nothing() {
    let simulation = simulation(2).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let guilds = simulation.guild_ids();
    for guild in &guilds {
        say_in(&simulation, *guild, "general", 10);
    }
    pod.wait_metric(&calls("tally"), 20.0, BOUND).await.unwrap();

    // The process is away longer than Discord keeps its session.
    pod.kill().unwrap();
    lose_session(&simulation);
    for guild in &guilds {
        for channel in ["general", "memes", "help", "links"] {
            say_in(&simulation, *guild, channel, 250);
        }
    }
    simulation.rest_fault(RestFault {
        status: 200,
        count: 100_000,
        delay_ms: 60,
        path_contains: "/messages".into(),
        ..RestFault::default()
    });
    pod.restart().await.unwrap();
    for round in 1..=3 {
        // Some of it is applied, and by far not all.
        pod.wait_metric(MESSAGES, 100.0, BOUND).await.unwrap();
        assert!(gaps(&pod) > 0, "it is killed in the middle");
        pod.kill().unwrap();
        let before = GuildFiles::open(&pod.guilds()).unwrap().tally().unwrap();
        assert!(before.messages < 2020, "round {round}: {before:?}");
        say_in(&simulation, guilds[0], "general", 5);
        pod.restart().await.unwrap();
    }
    wait_closed(&pod).await;
    let applied = async {
        loop {
            let tally = GuildFiles::open(&pod.guilds()).unwrap().tally();
            if tally.is_ok_and(|tally| tally.messages >= said(&simulation)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(BOUND, applied).await.is_ok();
    assert!(in_time, "{:?}", GuildFiles::open(&pod.guilds()).unwrap().tally());
    assert_applied_once(&mut pod, said(&simulation)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_counted_and_named_and_the_rest_goes_on() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let guild = simulation.guild_ids()[0];
    say_in(&simulation, guild, "general", 1);
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();

    lose_session(&simulation);
    say_in(&simulation, guild, "general", 30);
    say_in(&simulation, guild, "memes", 20);
    say_in(&simulation, guild, "links", 10);
    // Deleted before anybody asks: nothing tells of it.
    let deleted = say_in(&simulation, guild, "general", 1)[0];
    let general = simulation.channel_id(guild, "general").unwrap();
    simulation.delete_message(guild, general, deleted);
    let path = |channel| format!("/channels/{}/messages", simulation.channel_id(guild, channel).unwrap());
    simulation.rest_fault(RestFault {
        status: 403,
        code: 50_001,
        count: 1000,
        path_contains: path("memes"),
        ..RestFault::default()
    });
    // These pass, and cost only time.
    for fault in [
        RestFault {
            status: 503,
            count: 2,
            path_contains: path("links"),
            ..RestFault::default()
        },
        RestFault {
            status: 429,
            count: 1,
            retry_after_ms: 300,
            path_contains: path("general"),
            ..RestFault::default()
        },
    ] {
        simulation.rest_fault(fault);
    }
    pod.wait_metric("guildhall_reconcile_failures_total{reason=\"forbidden\"}", 1.0, BOUND)
        .await
        .unwrap();
    wait_closed(&pod).await;
    assert_eq!(pod.metric(MESSAGES).await.unwrap(), 40.0);
    let memes = simulation.channel_id(guild, "memes").unwrap();
    wait_log(
        &pod,
        &[
            "cannot be recovered",
            &format!("channel={memes}"),
            "reason=\"forbidden\"",
        ],
    )
    .await;
    assert_applied_once(&mut pod, 41).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_very_busy_channel_the_oldest_are_caught_up_with_and_the_rest_is_counted() {
    let config = guildhall_sim::SimConfig {
        guilds: 1,
        identify_period_ms: 0,
        global_limit: None,
        route_limits: false,
        messages_kept: 5_000,
        ..guildhall_sim::SimConfig::default()
    };
    let simulation = Simulation::start(config).await.unwrap();
    let mut pod = pod(&simulation, &["tally"]).await;
    let guild = simulation.guild_ids()[0];
    say_in(&simulation, guild, "general", 1);
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();
    lose_session(&simulation);
    say_in(&simulation, guild, "general", 1200);
    pod.wait_metric("guildhall_reconcile_failures_total{reason=\"too_many\"}", 1.0, BOUND)
        .await
        .unwrap();
    wait_closed(&pod).await;
    // The first page has the one that was applied before.
    assert_applied_once(&mut pod, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_before_it_is_connected_or_right_after_costs_no_session() {
    let simulation = simulation(2).await;
    let mut pod = pod(&simulation, &["tally"]).await;
    let saved = pod.guilds().with_file_name("sessions.json");
    let written = || std::fs::metadata(&saved).unwrap().modified().unwrap();
    for _ in 0..3 {
        pod.kill().unwrap();
        let before = written();
        // No connection comes to be.
        simulation.reconnect_before_hello(u32::MAX);
        let has_written = async {
            while written() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            started = pod.restart() => panic!("it cannot be connected: {started:?}"),
            () = has_written => {}
        }
        pod.kill().unwrap();
        simulation.reconnect_before_hello(0);
        pod.restart().await.unwrap();
    }
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "hello");
    pod.wait_metric(&calls("tally"), 1.0, BOUND).await.unwrap();
    assert_eq!((simulation.stats().identifies, simulation.stats().resumes), (1, 3));
}
