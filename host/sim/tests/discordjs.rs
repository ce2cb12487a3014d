//! A client that is not ours: discord.js 14, unmodified but for its addresses, logs in, receives, resumes and sends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_sim::{SimConfig, Simulation};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// Installs the client's packages below `target/`, once per lock file.
fn installed() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/discordjs");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("discordjs");
    std::fs::create_dir_all(&directory).unwrap();
    let lock = std::fs::read(source.join("package-lock.json")).unwrap();
    let is_current = std::fs::read(directory.join("installed.json")).is_ok_and(|installed| installed == lock);
    for file in ["package.json", "package-lock.json", ".npmrc", "client.mjs"] {
        std::fs::copy(source.join(file), directory.join(file)).unwrap();
    }
    if !is_current {
        let status = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&directory)
            .status()
            .expect("npm comes with Node");
        assert!(status.success(), "npm ci failed ({status})");
        std::fs::write(directory.join("installed.json"), lock).unwrap();
    }
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn discordjs_logs_in_receives_resumes_and_sends() {
    let has_node = Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_node {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no Node here, and CI must run this test"
        );
        eprintln!("\n*** LEFT OUT: discord.js against discord-sim; install Node 18 or later to run it ***\n");
        return;
    }
    let directory = installed();
    let simulation = Simulation::start(SimConfig {
        guilds: 2,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let log = directory.join("log");
    let node = Command::new("node")
        .arg("client.mjs")
        .current_dir(&directory)
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
        said(r#""event":"ready","guilds":2,"name":"Guild 1","channels":8"#)
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
