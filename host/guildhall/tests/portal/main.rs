//! The portal in a real Chromium: signing in, a guild's plots, a plugin's settings, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_harness::{Fleet, FleetOptions, NodeProject, built_plugin};
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use std::path::Path;
use std::process::Stdio;

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_signs_in_sees_plots_and_changes_settings() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/portal/browser");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("portal");
    let Some(project) = NodeProject::install(&source, &target).unwrap() else {
        return;
    };
    let chromium = Path::new("/usr/bin/chromium");
    if !chromium.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no Chromium here, and CI must run this test"
        );
        eprintln!("\n*** LEFT OUT: the portal in a browser; install Chromium to run it ***\n");
        return;
    }
    let simulation = Simulation::start(SimConfig {
        guilds: 3,
        identify_period_ms: 0,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let options = FleetOptions {
        binary: env!("CARGO_BIN_EXE_guildhall").into(),
        plugins: ["activity", "honeypot", "probe", "tally"].map(built_plugin).into(),
        config_replicas: 1,
        gateways: 2,
        http_pods: 2,
        nginx: true,
        proxied: false,
        traces: None,
        lease_ms: 10_000,
        shards: 1,
        requests_per_second: 1000,
        seeded: Vec::new(),
        replicas: None,
    };
    let fleet = Fleet::start(options, &simulation).await.unwrap();
    let load = LoadConfig {
        events: 200,
        probe_every: 10,
        uniform: true,
        ..LoadConfig::default()
    };
    simulation.run_load(load).await;
    let messages = simulation.stats().events["MESSAGE_CREATE"];
    fleet.wait_tally(messages).await.unwrap();

    let [guild, other, ..] = simulation.guild_ids()[..] else {
        panic!("three guilds")
    };
    let output = project
        .node("portal.mjs")
        .env("PORTAL", fleet.portal())
        .env("GUILD", guild.to_string())
        .env("GUILD_NAME", simulation.guild_name(guild).unwrap())
        .env("OTHER", other.to_string())
        .env("OWNER", simulation.owner(guild).unwrap().to_string())
        .env("CHROMIUM", chromium)
        .env("PICTURES", &target)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("done"),
        "{said}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        fleet.logs()
    );
}
