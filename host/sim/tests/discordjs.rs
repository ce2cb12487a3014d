//! A client that is not ours: discord.js 14, unmodified but for its addresses, logs in, receives, resumes and sends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_harness::NodeProject;
use guildhall_sim::{SimConfig, Simulation};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended; there is nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discordjs_logs_in_receives_resumes_and_sends() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/discordjs");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("discordjs");
    let Some(project) = NodeProject::install(&source, &target).unwrap() else {
        return;
    };
    let simulation = Simulation::start(SimConfig {
        guilds: 2,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let log = project.file("log");
    let node = project
        .node("client.mjs")
        .env("DISCORD_API", format!("http://{}/api", simulation.address()))
        .env("DISCORD_TOKEN", simulation.token())
        .stdout(std::fs::File::create(&log).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let _node = Node(node);
    let guild = simulation.guild_ids()[0];
    let channel = simulation.channel_id(guild, "general").unwrap();
    let author = simulation.people(guild)[3];
    let said = |line: &str| std::fs::read_to_string(&log).unwrap_or_default().contains(line);
    let wait = async |what: &str, holds: &dyn Fn() -> bool| {
        let there = simulation.wait_until(BOUND, |_| holds()).await;
        assert!(
            there,
            "{what} never came; the client said:\n{}",
            std::fs::read_to_string(&log).unwrap()
        );
    };
    let sent = |content: &str| {
        simulation
            .journal()
            .iter()
            .any(|entry| entry.applied && entry.body["content"] == content)
    };

    wait("ready", &|| {
        said(r#""event":"ready","guilds":2,"name":"Guild 1","channels":11"#)
    })
    .await;
    simulation.send_message(guild, channel, author, "ping one");
    wait("the answer", &|| {
        sent("pong one") && said(r#""event":"sent","content":"pong one""#)
    })
    .await;

    simulation.drop_connections();
    simulation.send_message(guild, channel, author, "ping while away");
    wait("the resume", &|| {
        simulation.stats().resumes == 1 && said(r#""event":"resumed""#)
    })
    .await;
    wait("the replayed message's answer", &|| sent("pong while away")).await;
    simulation.send_message(guild, channel, author, "ping two");
    wait("the answer after the resume", &|| sent("pong two")).await;
    assert_eq!(simulation.stats().identifies, 1);
}
