//! The bot's global commands, each by itself and all at once.

use crate::client::*;
use guildhall_sim::Simulation;
use serde_json::{Value, json};

async fn asked(simulation: &Simulation, method: &str, below: &str, body: Value) -> Answer {
    let path = format!("applications/{}/commands{below}", simulation.bot());
    request(simulation, method, &path, body).await
}

#[tokio::test]
async fn a_command_is_one_of_its_kind_and_name_and_comes_back_with_discords_fields() {
    let simulation = simulation(|_| {}).await;
    let report = json!({
        "name": "report", "description": "Reports somebody",
        "options": [{ "type": 6, "name": "user", "description": "Whom", "required": false }],
    });
    let made = asked(&simulation, "POST", "", report.clone()).await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(
        (&made.body["type"], &made.body["nsfw"], &made.body["contexts"]),
        (&json!(1), &json!(false), &Value::Null)
    );
    assert_eq!(
        made.body["options"][0]["required"],
        Value::Null,
        "what is the default is left out"
    );
    assert_eq!(
        asked(&simulation, "POST", "", report).await.status,
        200,
        "the same one again"
    );
    let menu = json!({ "name": "report", "type": 3 });
    assert_eq!(asked(&simulation, "POST", "", menu).await.status, 201, "another kind");
    let wrong = asked(
        &simulation,
        "POST",
        "",
        json!({ "name": "Re port", "description": "x" }),
    )
    .await;
    assert_eq!((wrong.status, &wrong.body["code"]), (400, &json!(50_035)));

    let changed = asked(
        &simulation,
        "PATCH",
        &format!("/{id}"),
        json!({ "description": "Tells" }),
    )
    .await;
    assert_eq!((changed.status, &changed.body["description"]), (200, &json!("Tells")));
    assert_eq!(changed.body["options"][0]["name"], "user", "what is not named stays");
    assert_ne!(changed.body["version"], made.body["version"]);
    assert_eq!(
        asked(&simulation, "DELETE", &format!("/{id}"), Value::Null)
            .await
            .status,
        204
    );
    let gone = asked(&simulation, "PATCH", &format!("/{id}"), json!({ "description": "x" })).await;
    assert_eq!((gone.status, &gone.body["code"]), (404, &json!(10_063)));
}

#[tokio::test]
async fn a_whole_list_takes_the_place_of_what_was_there() {
    let simulation = simulation(|_| {}).await;
    let named = |name: &str| json!({ "name": name, "description": "x", "name_localizations": { "de": "anders" } });
    let first = asked(&simulation, "PUT", "", json!([named("one"), named("two")])).await;
    let second = asked(&simulation, "PUT", "", json!([named("two"), named("three")])).await;
    assert_eq!(second.body[0]["id"], first.body[1]["id"], "it stays the same command");
    let listed = asked(&simulation, "GET", "", Value::Null).await;
    let names: Vec<_> = listed
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|command| &command["name"])
        .collect();
    assert_eq!(names, ["two", "three"]);
    assert!(listed.body[0].get("name_localizations").is_none());
    let whole = asked(&simulation, "GET", "?with_localizations=true", Value::Null).await;
    assert_eq!(whole.body[0]["name_localizations"]["de"], "anders");
}
