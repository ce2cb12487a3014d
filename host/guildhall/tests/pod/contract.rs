//! What the contract promises beside events and rows: commands, interactions that wait, settings, and requests to other
//! hosts.

use crate::support::*;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use guildhall_harness::{HttpsServer, Pod};
use guildhall_model::GuildId;
use guildhall_sim::{JournalEntry, RestFault, Simulation};
use guildhall_store::{GuildStore, StoreLimits};
use serde_json::{Value, json};

fn of_commands(entry: &JournalEntry) -> bool {
    entry.path.starts_with("applications/") && entry.method != "GET"
}

fn says(text: &str) -> impl Fn(&JournalEntry) -> bool {
    let text = text.to_owned();
    move |entry| {
        let content = entry.body["content"].as_str();
        entry.applied && content.is_some_and(|content| content.starts_with(&text))
    }
}

/// Somebody uses a command; answers the interaction's id.
fn used(simulation: &Simulation, name: &str) -> String {
    let guild = simulation.guild_ids()[0];
    let (channel, user) = (
        simulation.channel_id(guild, "general").unwrap(),
        simulation.people(guild)[4],
    );
    let interaction = simulation.dispatch_interaction(guild, channel, user, 2, &json!({ "type": 1, "name": name }));
    interaction["id"].as_str().unwrap().to_owned()
}

/// What was told Discord of an interaction, in order.
fn told(simulation: &Simulation, interaction: &str) -> Vec<(String, Value)> {
    let of_it = |entry: &JournalEntry| entry.path.contains(interaction) && entry.status < 300;
    let journal = simulation.journal().into_iter().filter(of_it);
    journal.map(|entry| (entry.route, entry.body)).collect()
}

async fn wait_told(simulation: &Simulation, pod: &Pod, interaction: &str, count: usize) -> Vec<(String, Value)> {
    let there = simulation
        .wait_until(BOUND, |simulation| told(simulation, interaction).len() >= count)
        .await;
    assert!(there, "{:?}\n{}", told(simulation, interaction), pod.log());
    told(simulation, interaction)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_registered_once_and_only_what_differs_later() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["echo", "honeypot"]).await;
    wait_log(&pod, &["Discord knows the plugins' commands", "created=3"]).await;
    pod.stop().await.unwrap();
    pod.restart().await.unwrap();
    wait_log(
        &pod,
        &[
            "Discord knows the plugins' commands",
            "created=0",
            "edited=0",
            "deleted=0",
        ],
    )
    .await;
    assert_eq!(
        simulation.journal().iter().filter(|entry| of_commands(entry)).count(),
        3
    );
    std::fs::remove_file(pod.plugins().join("honeypot.wasm")).unwrap();
    wait_log(&pod, &["Discord knows the plugins' commands", "deleted=1"]).await;
    let written: Vec<_> = simulation.journal().into_iter().filter(of_commands).collect();
    assert_eq!((written.len(), written[3].route.as_str()), (4, "delete-command"));
    assert_eq!(
        pod.metric("guildhall_commands{state=\"registered\"}").await.unwrap(),
        2.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_another_plugin_has_is_left_out_and_its_plugin_not_called() {
    let simulation = simulation(1).await;
    let pod = pod(&simulation, &["echo", "hostile"]).await;
    wait_log(
        &pod,
        &[
            "WARN",
            "a plugin's command is left out",
            "plugin=\"hostile\"",
            "taken_by=\"echo\"",
        ],
    )
    .await;
    assert_eq!(pod.metric("guildhall_commands{state=\"left_out\"}").await.unwrap(), 1.0);
    let known = simulation
        .journal()
        .into_iter()
        .find(|entry| entry.body["name"] == "echo");
    assert_eq!(known.unwrap().body["description"], "Answers at once");
    let first = used(&simulation, "echo");
    wait_told(&simulation, &pod, &first, 1).await;
    // Whatever follows from the first is told before the second is used.
    let second = used(&simulation, "echo");
    wait_told(&simulation, &pod, &second, 1).await;
    assert_eq!(told(&simulation, &first).len(), 1, "one plugin answers");
    assert_eq!(told(&simulation, &first)[0].1["data"]["content"], "at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_time_becomes_an_edit_of_the_hosts_deferral() {
    let simulation = simulation(1).await;
    let pod = pod_with(&simulation, &["echo"], "[discord]\ndefer_interactions_ms = 500\n").await;
    let at_once = used(&simulation, "echo");
    let first = wait_told(&simulation, &pod, &at_once, 1).await;
    assert_eq!(first[0].1["data"]["content"], "at once");

    simulation.rest_fault(RestFault {
        status: 200,
        delay_ms: 1500,
        path_contains: "/members/".into(),
        ..RestFault::default()
    });
    let slow = used(&simulation, "echo-member");
    let said = wait_told(&simulation, &pod, &slow, 2).await;
    assert_eq!(said[0].1, json!({ "type": 5, "data": { "flags": 64 } }));
    assert_eq!(said[1].0, "webhook-edit");
    assert!(
        said[1].1["content"].as_str().unwrap().starts_with("member "),
        "{said:?}"
    );
    assert_eq!(
        told(&simulation, &at_once).len(),
        1,
        "what was answered at once is not deferred"
    );
    assert_eq!(
        pod.metric("guildhall_deferrals_total{result=\"deferred\"}")
            .await
            .unwrap(),
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_behind_defers_all_the_same() {
    let simulation = simulation(1).await;
    let configuration =
        "[discord]\ndefer_interactions_ms = 300\n[workers]\nthreads = 1\nwaiting = 1\nbatch = 1\nfailures = 1000\n";
    let pod = pod_with(&simulation, &["echo", "hostile"], configuration).await;
    let guild = simulation.guild_ids()[0];
    // Each takes as long as a call may.
    for _ in 0..6 {
        say(&simulation, guild, "loop");
    }
    let waits = used(&simulation, "echo");
    let said = wait_told(&simulation, &pod, &waits, 2).await;
    assert_eq!(said[0].1["type"], 5, "{said:?}");
    assert_eq!(
        (said[1].0.as_str(), &said[1].1["content"]),
        ("webhook-edit", &json!("at once"))
    );
}

async fn settings_of(simulation: &Simulation, nth: usize) -> Value {
    let is_settings = |entry: &JournalEntry| says("{")(entry) && entry.route == "send-message";
    let there = simulation
        .wait_until(BOUND, |simulation| {
            simulation.journal().iter().filter(|entry| is_settings(entry)).count() > nth
        })
        .await;
    let journal = simulation.journal();
    assert!(there, "{journal:#?}");
    let told = journal.iter().filter(|entry| is_settings(entry)).nth(nth).unwrap();
    serde_json::from_str(told.body["content"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_migrated_completed_and_checked_before_a_plugin_sees_them() {
    let simulation = simulation(1).await;
    let mut pod = pod(&simulation, &["echo"]).await;
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "settings");
    let defaults = json!({ "texts": { "greeting": "hello", "farewell": "bye" } });
    assert_eq!(settings_of(&simulation, 0).await, defaults);

    let keep = |pod: &Pod, json: &str| {
        let opened = GuildStore::open(&pod.guilds(), GuildId(guild), &StoreLimits::default()).unwrap();
        let mut store = opened.store;
        store.set_settings("echo", json).unwrap();
    };
    pod.stop().await.unwrap();
    // As an older version of the plugin had them.
    keep(&pod, r#"{ "greeting": "hi", "obsolete": true }"#);
    pod.restart().await.unwrap();
    say(&simulation, guild, "settings");
    assert_eq!(
        settings_of(&simulation, 1).await,
        json!({ "texts": { "greeting": "hi", "farewell": "bye" } })
    );

    pod.stop().await.unwrap();
    keep(&pod, r#"{ "texts": { "greeting": "" } }"#);
    pod.restart().await.unwrap();
    say(&simulation, guild, "settings");
    assert_eq!(settings_of(&simulation, 2).await, defaults);
    wait_log(
        &pod,
        &[
            "ERROR",
            "a guild's settings do not fit",
            "plugin=\"echo\"",
            "/texts/greeting",
            "shorter than",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_configuration_that_do_not_fit_are_named_and_left_out() {
    let simulation = simulation(1).await;
    let guild = simulation.guild_ids()[0];
    let configuration = format!(
        "[settings.echo]\ntexts = 7\n[guild_settings.{guild}.echo.texts]\ngreeting = 5\n[guild_settings.{guild}.tally]\nx = 1\n"
    );
    let pod = pod_with(&simulation, &["echo"], &configuration).await;
    say(&simulation, guild, "settings");
    let defaults = json!({ "texts": { "greeting": "hello", "farewell": "bye" } });
    assert_eq!(settings_of(&simulation, 0).await, defaults);
    wait_log(
        &pod,
        &[
            "ERROR",
            "gives every guild",
            "plugin=\"echo\"",
            "/texts",
            "not of type \\\"object\\\"",
        ],
    )
    .await;
    wait_log(
        &pod,
        &[
            "ERROR",
            "gives this guild",
            "/texts/greeting",
            "not of type \\\"string\\\"",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_asks_the_hosts_that_it_declared_and_no_others() {
    let simulation = simulation(1).await;
    let routes = Router::new()
        .route("/found", get(async || "here"))
        .route("/gone", get(async || StatusCode::GONE));
    let server = HttpsServer::start("api.example.org", routes).await.unwrap();
    let configuration = format!(
        "[http_requests]\nca_file = {:?}\n[http_requests.development_addresses]\n\"api.example.org\" = \"{}\"\n",
        server.certificate(),
        server.address()
    );
    let pod = pod_with(&simulation, &["echo"], &configuration).await;
    let guild = simulation.guild_ids()[0];
    say(&simulation, guild, "ask https://api.example.org/found");
    wait_journal(&simulation, "the answer", says("answer 200 here")).await;
    say(&simulation, guild, "ask https://api.example.org/gone");
    wait_journal(&simulation, "the other answer", says("answer 410")).await;
    say(&simulation, guild, "ask https://api.example.net/found");
    wait_log(
        &pod,
        &[
            "WARN",
            "an action was refused",
            "plugin=\"echo\"",
            "api.example.net",
            "not declared",
        ],
    )
    .await;
    drop(server);
    let answered = "guildhall_plugin_requests_total{plugin=\"echo\",result=\"answered\"}";
    assert_eq!(pod.metric(answered).await.unwrap(), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_dead_pod_had_under_way_is_sent_by_the_next() {
    let simulation = simulation(1).await;
    let (asked, hold) = (
        std::sync::Arc::new(tokio::sync::Semaphore::new(0)),
        std::sync::Arc::new(tokio::sync::Semaphore::new(0)),
    );
    let (arrived, until) = (asked.clone(), hold.clone());
    let routes = Router::new().route(
        "/slow",
        get(async move || {
            arrived.add_permits(1);
            until.acquire().await.unwrap().forget();
            "at last"
        }),
    );
    let server = HttpsServer::start("api.example.org", routes).await.unwrap();
    let configuration = format!(
        "[http_requests]\nca_file = {:?}\n[http_requests.development_addresses]\n\"api.example.org\" = \"{}\"\n",
        server.certificate(),
        server.address()
    );
    let mut pod = pod_with(&simulation, &["echo"], &configuration).await;
    say(
        &simulation,
        simulation.guild_ids()[0],
        "ask https://api.example.org/slow",
    );
    tokio::time::timeout(BOUND, asked.acquire())
        .await
        .expect("it is asked")
        .unwrap()
        .forget();
    pod.kill().unwrap();
    // Both may be answered now; only one is still waited for.
    hold.add_permits(2);
    pod.restart().await.unwrap();
    wait_journal(&simulation, "the answer", says("answer 200 at last")).await;
}
