//! Plugins that were installed: what the catalogue says takes effect at once, and a new version is tried in a share of the
//! guilds, rolled out, or rolled back by itself.

use crate::support::*;
use guildhall_catalogue::{
    Catalogue, CatalogueDirectory, CatalogueError, Grant, Guilds, Installed, InstalledVersion, Outcome, Right, Rollout,
    Rollouts, Source,
};
use guildhall_harness::Pod;
use guildhall_model::GuildId;
use guildhall_sim::Simulation;
use rusqlite::Connection;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ID: &str = "versions";
const WANTS: [&str; 2] = ["event:message-create", "send-messages"];
/// Trials that are as short as they can be.
const SHORT: &str = "[updates]\nseconds = 2\nmin_calls = 5\npatience_seconds = 60\n";

/// A pod with a loose plugin, so that it gets messages from the start.
async fn pod_of(simulation: &Simulation, configuration: &str) -> Pod {
    pod_with(simulation, &["tally"], configuration).await
}

fn catalogue(pod: &Pod) -> CatalogueDirectory {
    CatalogueDirectory::new(pod.plugins())
}

fn change(pod: &Pod, change: impl FnOnce(&mut Catalogue)) {
    let changed = catalogue(pod).change(|under_change| -> Result<(), CatalogueError> {
        change(&mut under_change.catalogue);
        Ok(())
    });
    changed.unwrap();
}

/// Changes what is installed of the plugin.
fn configure(pod: &Pod, act: impl FnOnce(&mut Installed)) {
    change(pod, |catalogue| act(catalogue.plugins.get_mut(ID).unwrap()));
}

fn rights(words: &[&str]) -> Grant {
    words.iter().map(|word| word.parse::<Right>().unwrap()).collect()
}

/// Installs a variant of the plugin, with everything granted that it wants.
fn install(pod: &Pod, variant: &str) {
    let path = plugin(&format!("versions-{variant}"));
    let wasm = std::fs::read(&path).unwrap();
    let installed_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let installed = catalogue(pod).change(|change| -> Result<(), CatalogueError> {
        let version = InstalledVersion {
            version: if variant == "v1" { "1.0.0" } else { "2.0.0" }.into(),
            digest: change.keep(&wasm)?,
            source: Source::File {
                path: path.display().to_string(),
            },
            installed_at: u64::try_from(installed_at).unwrap(),
            signature: None,
            wants: rights(&WANTS),
            settings_schema: serde_json::json!({}),
            settings_migrations: Vec::new(),
        };
        let plugins = &mut change.catalogue.plugins;
        match plugins.get_mut(ID) {
            Some(installed) => assert!(installed.update(version).is_empty(), "it wants no more"),
            None => drop(plugins.insert(ID.into(), Installed::first(version, rights(&WANTS), Guilds::All))),
        }
        Ok(())
    });
    installed.unwrap();
}

/// What came of the last update, as `plugin list` reads it.
fn rollout(pod: &Pod) -> Rollout {
    let data = pod.guilds().parent().unwrap().to_owned();
    Rollouts::read(&data).unwrap().plugins.remove(ID).unwrap()
}

fn answers(simulation: &Simulation, guild: u64) -> Vec<String> {
    let journal = simulation.journal().into_iter();
    let sent = journal.filter(|entry| entry.route == "send-message" && entry.guild == Some(guild));
    sent.map(|entry| entry.body["content"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Says something in the guild and waits for the plugin's answer.
async fn ask(simulation: &Simulation, guild: u64, question: &str) -> String {
    let before = answers(simulation, guild).len();
    say(simulation, guild, question);
    let answered = simulation
        .wait_until(BOUND, |simulation| answers(simulation, guild).len() > before)
        .await;
    assert!(answered, "{question:?} was not answered");
    answers(simulation, guild).pop().unwrap()
}

/// People go on talking in these guilds while something is waited for.
async fn while_talking<T>(simulation: &Simulation, guilds: &[u64], waited_for: impl Future<Output = T>) -> T {
    let talking = async {
        loop {
            for guild in guilds {
                say(simulation, *guild, "hello");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        outcome = waited_for => outcome,
        () = talking => unreachable!("people never stop"),
    }
}

async fn wait_ends(pod: &Pod, result: &str, ends: f64) {
    let ended = format!("guildhall_plugin_rollout_ends_total{{plugin=\"{ID}\",result=\"{result}\"}}");
    if let Err(error) = pod.wait_metric(&ended, ends, BOUND).await {
        panic!("{error}\n{}", pod.log());
    }
}

fn file(pod: &Pod, guild: u64) -> Connection {
    let path: PathBuf = pod.guilds().join(format!("{guild}.db"));
    Connection::open(path).unwrap()
}

fn number(connection: &Connection, sql: &str) -> u64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_update_is_tried_in_one_guild_and_then_runs_in_all() {
    let simulation = simulation(2).await;
    let pod = pod_of(&simulation, SHORT).await;
    let guilds = simulation.guild_ids();
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue", "version=\"1.0.0\""]).await;
    for guild in &guilds {
        assert_eq!(ask(&simulation, *guild, "!version").await, "v1");
    }
    install(&pod, "v2-good");
    while_talking(&simulation, &guilds, wait_log(&pod, &["an update is ready"])).await;
    while_talking(
        &simulation,
        &guilds,
        wait_log(&pod, &["an update is tried", "guilds=1"]),
    )
    .await;
    let mut told = [
        ask(&simulation, guilds[0], "!version").await,
        ask(&simulation, guilds[1], "!version").await,
    ];
    told.sort();
    assert_eq!(
        told,
        ["v1", "v2-good"],
        "one guild has the new version, the other has not"
    );
    assert_eq!(rollout(&pod).outcome, Outcome::Trying);
    while_talking(&simulation, &guilds, wait_ends(&pod, "rolled_out", 1.0)).await;
    for guild in &guilds {
        assert_eq!(ask(&simulation, *guild, "!version").await, "v2-good");
        // The column is that of the new version's migration.
        assert_eq!(
            number(&file(&pod, *guild), "SELECT count(channel) FROM versions_seen"),
            0
        );
    }
    let Rollout { outcome, new, old, .. } = rollout(&pod);
    assert_eq!(outcome, Outcome::RolledOut);
    assert!(new.calls >= 5 && old.calls > 0, "{new:?} {old:?}");
    while_talking(&simulation, &guilds, wait_log(&pod, &["an update is done"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_fails_is_rolled_back_by_itself_and_not_tried_again_unasked() {
    let simulation = simulation(2).await;
    let pod = pod_of(&simulation, &format!("{SHORT}[workers]\nfailures = 5\n")).await;
    let guilds = simulation.guild_ids();
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    install(&pod, "v2-traps");
    while_talking(&simulation, &guilds, wait_ends(&pod, "rolled_back", 1.0)).await;
    let line = wait_log(&pod, &["an update is rolled back", "calls failed"]).await;
    assert!(line.contains("version=\"2.0.0\""), "{line}");
    for guild in &guilds {
        assert_eq!(
            ask(&simulation, *guild, "!version").await,
            "v1",
            "also where it was tried"
        );
        let left = "SELECT count(*) FROM versions_seen WHERE variant <> 'v1'";
        assert_eq!(number(&file(&pod, *guild), left), 0, "failed calls left nothing");
    }
    let rolled_back = rollout(&pod);
    assert!(
        matches!(&rolled_back.outcome, Outcome::RolledBack { reason } if reason.contains("calls failed")),
        "{rolled_back:?}"
    );
    let tries = || pod.log().matches("an update is ready").count();
    // Another change of the catalogue is no new attempt; another installation is.
    configure(&pod, |installed| _ = installed.guilds.disable(GuildId(7)));
    while_talking(&simulation, &guilds, async {
        let called = pod.metric(&calls(ID)).await.unwrap();
        pod.wait_metric(&calls(ID), called + 50.0, BOUND).await.unwrap();
    })
    .await;
    assert_eq!(tries(), 1);
    install(&pod, "v2-traps");
    while_talking(&simulation, &guilds, wait_ends(&pod, "rolled_back", 2.0)).await;
    assert_eq!(tries(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_takes_longer_is_rolled_back_by_itself() {
    let simulation = simulation(2).await;
    let mut pod = pod_of(&simulation, SHORT).await;
    let guilds = simulation.guild_ids();
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    install(&pod, "v2-slow");
    while_talking(&simulation, &guilds, wait_ends(&pod, "rolled_back", 1.0)).await;
    wait_log(&pod, &["an update is rolled back", "a call takes"]).await;
    // What was rolled back stays away when the pod starts again.
    assert!(pod.stop().await.unwrap().success());
    pod.restart().await.unwrap();
    wait_log(&pod, &["an update stays away"]).await;
    for guild in &guilds {
        assert_eq!(ask(&simulation, *guild, "!version").await, "v1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_leaves_its_guild_on_the_old_version_untouched() {
    let simulation = simulation(2).await;
    let configuration = "[updates]\nshare = 1.0\nseconds = 2\nmin_calls = 3\npatience_seconds = 60\n";
    let mut pod = pod_of(&simulation, configuration).await;
    let (stays, goes_on) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    // The new version's index cannot be made where somebody has written twice.
    for (guild, questions) in [(stays, 2), (goes_on, 1)] {
        for _ in 0..questions {
            assert_eq!(ask(&simulation, guild, "!version").await, "v1");
        }
    }
    install(&pod, "v2-bad-migration");
    while_talking(
        &simulation,
        &[stays],
        wait_log(&pod, &["an update is tried", "guilds=2"]),
    )
    .await;
    let both = [stays, goes_on];
    while_talking(&simulation, &both, wait_ends(&pod, "rolled_out", 1.0)).await;
    wait_log(&pod, &["stays at an older version", &format!("guild={stays}")]).await;
    let author = simulation.people(stays)[4];
    let holds = |pod: &Pod| {
        let (stays, goes_on) = (file(pod, stays), file(pod, goes_on));
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('versions_notes', 'versions_once')";
        let steps = "SELECT max(version) FROM guildhall_plugin_migrations WHERE plugin = 'versions'";
        assert_eq!((number(&stays, tables), number(&goes_on, tables)), (0, 2));
        assert_eq!((number(&stays, steps), number(&goes_on, steps)), (1, 2));
        // The bot's own answers come as messages, too.
        number(
            &stays,
            &format!("SELECT count(*) FROM versions_seen WHERE author = {author}"),
        )
    };
    assert_eq!(ask(&simulation, stays, "!version").await, "v1");
    assert_eq!(ask(&simulation, goes_on, "!version").await, "v2-bad-migration");
    let attempts = "stays at an older version";
    assert_eq!(pod.log().matches(attempts).count(), 1, "the log says so once");
    let held = format!("guildhall_plugin_rollout_held_guilds{{plugin=\"{ID}\"}}");
    pod.wait_metric(&held, 1.0, BOUND).await.unwrap();
    assert_eq!(rollout(&pod).held.keys().collect::<Vec<_>>(), [&GuildId(stays)]);

    assert!(pod.stop().await.unwrap().success());
    let rows = holds(&pod);
    pod.restart().await.unwrap();
    assert_eq!(ask(&simulation, stays, "!version").await, "v1", "also after a start");
    assert_eq!(ask(&simulation, goes_on, "!version").await, "v2-bad-migration");
    assert_eq!(holds(&pod), rows + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_killed_in_the_middle_of_a_trial_goes_on_with_it() {
    let simulation = simulation(3).await;
    let mut pod = pod_of(&simulation, SHORT).await;
    let guilds = simulation.guild_ids();
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    install(&pod, "v2-good");
    while_talking(&simulation, &guilds, wait_log(&pod, &["an update is tried"])).await;
    pod.kill().unwrap();
    assert_eq!(rollout(&pod).outcome, Outcome::Trying);
    pod.restart().await.unwrap();
    assert_eq!(pod.log().matches("an update is ready").count(), 2, "{}", pod.log());
    while_talking(&simulation, &guilds, wait_ends(&pod, "rolled_out", 1.0)).await;
    for guild in &guilds {
        assert_eq!(ask(&simulation, *guild, "!version").await, "v2-good");
    }
    assert!(pod.stop().await.unwrap().success());
    for guild in &guilds {
        let file = file(&pod, *guild);
        let (seen, tallied) = (
            "SELECT count(*) FROM versions_seen",
            "SELECT count(*) FROM tally_messages",
        );
        assert_eq!(
            number(&file, tallied) - number(&file, seen),
            missed(&file),
            "one row for each message"
        );
        let steps = "SELECT count(*) FROM guildhall_plugin_migrations WHERE plugin = 'versions'";
        assert_eq!(number(&file, steps), 2);
    }
}

/// Messages that came before the plugin did.
fn missed(file: &Connection) -> u64 {
    number(
        file,
        "SELECT count(*) FROM tally_messages WHERE message < (SELECT min(message) FROM versions_seen)",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_goes_back_is_obeyed_at_once() {
    let simulation = simulation(1).await;
    let pod = pod_of(&simulation, SHORT).await;
    let guild = simulation.guild_ids()[0];
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    install(&pod, "v2-good");
    while_talking(&simulation, &[guild], wait_ends(&pod, "rolled_out", 1.0)).await;
    assert_eq!(ask(&simulation, guild, "!version").await, "v2-good");
    configure(&pod, |installed| {
        let previous = installed.previous.clone().unwrap();
        installed.activate(previous);
    });
    wait_log(&pod, &["the operator went back to this version"]).await;
    // It runs on the tables that the newer version has left.
    assert_eq!(ask(&simulation, guild, "!version").await, "v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_called_only_where_it_is_enabled() {
    let simulation = simulation(2).await;
    let pod = pod_of(&simulation, "").await;
    let (enabled, disabled) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    assert_eq!(ask(&simulation, disabled, "!version").await, "v1");
    configure(&pod, |installed| _ = installed.guilds.disable(GuildId(disabled)));
    settled(&pod, &simulation, enabled).await;
    let message = say(&simulation, disabled, "!version");
    let seen = |table| {
        number(
            &file(&pod, disabled),
            &format!("SELECT count(*) FROM {table} WHERE message = {message}"),
        )
    };
    let deadline = Instant::now() + BOUND;
    while seen("tally_messages") == 0 {
        assert!(Instant::now() < deadline, "the other plugin is called there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(seen("versions_seen"), 0);
    assert_eq!(ask(&simulation, enabled, "!version").await, "v1");
    configure(&pod, |installed| _ = installed.guilds.enable(GuildId(disabled)));
    settled(&pod, &simulation, enabled).await;
    assert_eq!(ask(&simulation, disabled, "!version").await, "v1");
}

/// Waits until a change of the catalogue has come to the workers: it brings a greeting along.
async fn settled(pod: &Pod, simulation: &Simulation, guild: u64) {
    let greeting = format!("greeting {}", catalogue(pod).read().unwrap().generation());
    configure(pod, |installed| {
        let settings = serde_json::json!({ "greeting": greeting });
        installed.set_settings(None, settings.as_object().cloned());
    });
    let deadline = Instant::now() + BOUND;
    while ask(simulation, guild, "!greet").await != greeting {
        assert!(Instant::now() < deadline, "the catalogue never came:\n{}", pod.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_from_then_on() {
    let simulation = simulation(1).await;
    let pod = pod_of(&simulation, "").await;
    let guild = simulation.guild_ids()[0];
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    assert_eq!(ask(&simulation, guild, "!version").await, "v1");
    let sending: Right = "send-messages".parse().unwrap();
    configure(&pod, |installed| _ = installed.granted.revoke(&sending));
    let refused = |pod: &Pod| pod.log().contains("SendMessages is not granted by the operator");
    keep_asking(&simulation, &pod, guild, || refused(&pod)).await;
    configure(&pod, |installed| installed.granted.extend([sending]));
    let answered = answers(&simulation, guild).len();
    keep_asking(&simulation, &pod, guild, || {
        answers(&simulation, guild).len() > answered
    })
    .await;
}

/// Somebody asks again and again until something holds.
async fn keep_asking(simulation: &Simulation, pod: &Pod, guild: u64, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came:\n{}", pod.log());
        say(simulation, guild, "!version");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_catalogue_come_before_those_of_the_configuration() {
    let simulation = simulation(2).await;
    let pod = pod_of(&simulation, "[settings.versions]\ngreeting = \"configured\"\n").await;
    let (one, other) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    install(&pod, "v1");
    wait_log(&pod, &["plugin loaded from the catalogue"]).await;
    assert_eq!(ask(&simulation, one, "!greet").await, "configured");
    configure(&pod, |installed| {
        let own = serde_json::json!({ "greeting": "of this guild" });
        installed.set_settings(Some(GuildId(one)), own.as_object().cloned());
    });
    settled(&pod, &simulation, other).await;
    assert_eq!(ask(&simulation, one, "!greet").await, "of this guild");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_catalogue_changes_nothing_and_an_installed_plugin_comes_before_a_file() {
    let simulation = simulation(1).await;
    let pod = pod_with(&simulation, &["versions-v1"], "").await;
    let guild = simulation.guild_ids()[0];
    assert_eq!(ask(&simulation, guild, "!version").await, "v1");
    install(&pod, "v2-good");
    wait_log(&pod, &["a file's plugin does not run", "versions-v1.wasm"]).await;
    assert_eq!(ask(&simulation, guild, "!version").await, "v2-good");
    let sound = std::fs::read(catalogue(&pod).file()).unwrap();
    std::fs::write(catalogue(&pod).file(), "{\"format\": 1, \"plugins\": 7}").unwrap();
    wait_log(
        &pod,
        &["the catalogue was not read", "catalogue.json", "what runs goes on"],
    )
    .await;
    assert_eq!(ask(&simulation, guild, "!version").await, "v2-good");
    std::fs::write(catalogue(&pod).file(), sound).unwrap();
    change(&pod, |catalogue| drop(catalogue.plugins.remove(ID)));
    wait_log(&pod, &["removed from the catalogue"]).await;
    assert_eq!(ask(&simulation, guild, "!version").await, "v1");
}
