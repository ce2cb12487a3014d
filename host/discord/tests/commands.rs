//! Commands at a simulation that registers them as Discord does.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_discord::Rest;
use guildhall_sim::{SimConfig, Simulation};
use serde_json::{Value, json};

async fn place() -> (Simulation, Rest) {
    let config = SimConfig {
        global_limit: None,
        route_limits: false,
        ..SimConfig::default()
    };
    let simulation = Simulation::start(config).await.unwrap();
    let rest = Rest::new(&simulation.token(), Some(&simulation.address().to_string())).unwrap();
    (simulation, rest)
}

/// The requests that changed something, since so many.
fn written(simulation: &Simulation, since: usize) -> Vec<(String, Value)> {
    let journal = simulation.journal();
    let written = journal.into_iter().filter(|entry| entry.method != "GET");
    written.skip(since).map(|entry| (entry.route, entry.body)).collect()
}

fn report() -> Value {
    json!({
        "name": "report", "description": "Reports somebody", "default_member_permissions": "8", "contexts": [0],
        "options": [{ "type": 6, "name": "user", "description": "Whom", "required": true }],
    })
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let (simulation, rest) = place().await;
    let (report, menu) = (report(), json!({ "name": "report", "type": 3 }));
    let changes = rest.set_commands(&[&report, &menu]).await.unwrap();
    assert_eq!((changes.created, written(&simulation, 0).len()), (2, 2));

    let again = rest.set_commands(&[&report, &menu]).await.unwrap();
    assert_eq!((again.created, again.edited, again.deleted), (0, 0, 0));
    assert_eq!(written(&simulation, 2), [], "a restart registers nothing");

    let mut changed = report.clone();
    changed["description"] = "Tells moderators".into();
    rest.set_commands(&[&changed, &menu]).await.unwrap();
    assert_eq!(
        written(&simulation, 2),
        [("edit-command".into(), json!({ "description": "Tells moderators" }))]
    );
    rest.set_commands(&[&changed]).await.unwrap();
    assert_eq!(written(&simulation, 3), [("delete-command".into(), Value::Null)]);
}

#[tokio::test]
async fn a_command_that_discord_refuses_keeps_no_other_from_it() {
    let (simulation, rest) = place().await;
    let (wrong, right) = (json!({ "name": "Not So", "description": "x" }), report());
    let changes = rest.set_commands(&[&wrong, &right]).await.unwrap();
    assert_eq!(changes.created, 1);
    let (key, refusal) = &changes.refused[0];
    assert_eq!((key, refusal.code), (&(1, "Not So".to_owned()), 50_035));
    assert_eq!(written(&simulation, 0).len(), 2);
}
