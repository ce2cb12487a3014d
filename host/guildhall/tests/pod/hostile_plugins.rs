//! A plugin that attacks its host harms nobody but itself: its rows are undone, the log names plugin, guild and cause,
//! and its neighbour sees every message.

use crate::support::*;
use guildhall_harness::GuildFiles;

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_fails_alone_and_is_named() {
    let simulation = simulation(2).await;
    let configuration = "[workers]\nfailures = 100\n[store]\nquota_mib = 4\n[calls]\ndeadline_ms = 200\n";
    let mut pod = pod_with(&simulation, &["hostile", "tally", "probe"], configuration).await;
    let (attacked, other) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    let attacks = [
        ("trap", "trapped"),
        ("loop", "deadline of 200ms"),
        ("allocate", "trapped"),
        ("recurse", "stack"),
        ("many-actions", "a call may submit 100 actions"),
        ("ungranted", "BanMembers is not granted"),
        ("attach", "out of reach"),
        ("writable-schema", "writable_schema"),
        ("host-table", "guildhall_outbox"),
        ("foreign-table", "probe_messages"),
        ("rename", "start with `hostile_`"),
        ("trigger", "guildhall_cursor"),
        ("endless-sql", "deadline"),
        ("huge-rows", "limit"),
        ("fill", "quota of 4194304 bytes"),
        ("error", "asked to fail"),
    ];
    for (attack, cause) in attacks {
        say(&simulation, attacked, attack);
        say(&simulation, other, "an ordinary message");
        let line = wait_log(
            &pod,
            &[
                "a plugin's call failed",
                "plugin=\"hostile\"",
                &format!("guild={attacked}"),
                cause,
            ],
        )
        .await;
        assert!(line.contains("event=MessageCreate"), "{line}");
    }
    wait_log(
        &pod,
        &["asked to trap", "plugin=\"hostile\"", &format!("guild={attacked}")],
    )
    .await;
    say(&simulation, attacked, "ok");
    // Each message but the attacks, in both guilds; the neighbour saw them all.
    let messages = 2.0 * attacks.len() as f64 + 1.0;
    pod.wait_metric(&calls("tally"), messages, BOUND).await.unwrap();
    pod.wait_metric(&calls("hostile"), attacks.len() as f64 + 1.0, BOUND)
        .await
        .unwrap();
    assert!(pod.stop().await.unwrap().success());
    let files = GuildFiles::open(&pod.guilds()).unwrap();
    assert_eq!(files.tally().unwrap().messages as f64, messages);
    assert_eq!(
        files.tally().unwrap().repeated,
        0,
        "a batch that ran again was applied once"
    );
    assert_eq!(
        files.sum("SELECT count(*) FROM hostile_seen").unwrap(),
        attacks.len() as u64 + 1,
        "failed calls left nothing"
    );
    assert_eq!(files.sum("SELECT count(*) FROM hostile_t").unwrap(), 0);
    assert!(
        simulation
            .journal()
            .iter()
            .all(|entry| !entry.applied || entry.path.starts_with("applications/")),
        "no action of a failed call left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_guild_stops_its_plugins_and_nobody_else() {
    let simulation = simulation(2).await;
    let configuration = "[workers]\nfailures = 1000\nbatch = 4\n[store]\nquota_mib = 1\n";
    let mut pod = pod_with(&simulation, &["hostile", "tally"], configuration).await;
    let (full, other) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    for _ in 0..40 {
        say(&simulation, full, "grow");
    }
    wait_log(
        &pod,
        &["plugin=\"hostile\"", &format!("guild={full}"), "quota of 1048576 bytes"],
    )
    .await;
    say(&simulation, other, "an ordinary message");
    // The cursor of the full guild goes on: 40 messages there, one here, and two guilds announced.
    pod.wait_metric("guildhall_events_total", 43.0, BOUND).await.unwrap();
    assert!(pod.stop().await.unwrap().success());
    let files = GuildFiles::open(&pod.guilds()).unwrap();
    let kept = files.sum("SELECT count(*) FROM hostile_t").unwrap();
    assert!((5..=10).contains(&kept), "{kept} rows of 100 kB are in a file of 1 MiB");
    assert!(
        files.tally().unwrap().messages > kept,
        "the neighbour saw more than what fitted"
    );
    for file in std::fs::read_dir(pod.guilds()).unwrap() {
        let bytes = file.unwrap().metadata().unwrap().len();
        assert!(
            bytes <= 6 << 20,
            "a file of {bytes} bytes: the quota and the host's reserve are its bound"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_handle_does_not_outlive_its_call() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["hostile"]).await;
    let guild = simulation.guild_ids()[0];
    // One batch, one instance: both messages wait while the first call spins until its deadline.
    say(&simulation, guild, "loop");
    say(&simulation, guild, "keep-handle");
    say(&simulation, guild, "use-kept-handle");
    wait_log(&pod, &["a plugin's call failed", "the handle outlived its call"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_keeps_failing_is_switched_off_in_that_guild_alone() {
    let simulation = simulation(2).await;
    let pod = pod_with(&simulation, &["hostile", "tally"], "[workers]\nfailures = 3\n").await;
    let (failing, fine) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    for _ in 0..3 {
        say(&simulation, failing, "error");
    }
    wait_log(
        &pod,
        &[
            "switched off in this guild",
            "plugin=\"hostile\"",
            &format!("guild={failing}"),
        ],
    )
    .await;
    say(&simulation, failing, "ok");
    say(&simulation, fine, "ok");
    pod.wait_metric(&calls("tally"), 5.0, BOUND).await.unwrap();
    pod.wait_metric(&calls("hostile"), 1.0, BOUND).await.unwrap();
    assert_eq!(
        pod.metric(&calls("hostile")).await.unwrap(),
        1.0,
        "only the other guild's message was handled"
    );
}
