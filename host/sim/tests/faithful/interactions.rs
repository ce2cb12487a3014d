//! Interactions: signed webhooks with a deadline, and answers that count once.

use crate::client::*;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use serde_json::{Value, json};

/// A bot's endpoint that verifies as Discord's documentation asks.
async fn endpoint(public_key: String, delay: std::time::Duration) -> String {
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        tokio::time::sleep(delay).await;
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        let key: [u8; 32] = hex::decode(&public_key).unwrap().try_into().unwrap();
        let signature: [u8; 64] = hex::decode(header("x-signature-ed25519")).unwrap().try_into().unwrap();
        let signed = [header("x-signature-timestamp").as_bytes(), &body].concat();
        let verified = VerifyingKey::from_bytes(&key)
            .unwrap()
            .verify(&signed, &Signature::from_bytes(&signature));
        match verified {
            Ok(()) => (StatusCode::OK, axum::Json(json!({ "type": 1 }))),
            Err(_) => (StatusCode::UNAUTHORIZED, axum::Json(Value::Null)),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(handler))).await });
    format!("http://{address}/")
}

#[tokio::test]
async fn a_webhook_is_signed_rightly_and_now_and_then_wrongly() {
    let simulation = simulation(|_| {}).await;
    let url = endpoint(simulation.public_key(), std::time::Duration::ZERO).await;
    let ping = simulation.post_ping(&url, true).await;
    assert_eq!((ping.status, &ping.body), (Some(200), &json!({ "type": 1 })));
    assert_eq!(simulation.post_ping(&url, false).await.status, Some(401));
    let guild = simulation.guild_ids()[0];
    let (channel, user) = (
        simulation.channel_id(guild, "general").unwrap(),
        simulation.people(guild)[2],
    );
    let outcome = simulation
        .post_interaction(&url, (guild, channel, user), 2, &json!({ "name": "report" }), true)
        .await;
    assert_eq!(outcome.status, Some(200));
}

#[tokio::test]
async fn an_answer_after_three_seconds_is_none() {
    let simulation = simulation(|_| {}).await;
    let url = endpoint(simulation.public_key(), std::time::Duration::from_secs(4)).await;
    assert_eq!(simulation.post_ping(&url, true).await.status, None);
}

#[tokio::test]
async fn an_interaction_is_answered_once() {
    let simulation = simulation(|_| {}).await;
    let (mut client, ready) = Client::identified(&simulation).await;
    let guild = simulation.guild_ids()[0];
    let (channel, user) = (
        simulation.channel_id(guild, "general").unwrap(),
        simulation.people(guild)[2],
    );
    simulation.dispatch_interaction(guild, channel, user, 2, &json!({ "name": "report" }));
    let interaction = client.dispatch("INTERACTION_CREATE").await["d"].clone();
    let (id, token) = (
        interaction["id"].as_str().unwrap(),
        interaction["token"].as_str().unwrap(),
    );
    let callback = format!("interactions/{id}/{token}/callback");
    let answer = async || {
        request_as(&simulation, "", "POST", &callback, json!({ "type": 5 }))
            .await
            .unwrap()
    };
    assert_eq!(answer().await.status, 204, "no token of the bot is needed");
    assert_eq!(answer().await.body["code"], 40_060);
    let follow_up = format!(
        "webhooks/{}/{token}/messages/@original",
        ready["application"]["id"].as_str().unwrap()
    );
    assert_eq!(
        request_as(&simulation, "", "PATCH", &follow_up, json!({ "content": "done" }))
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn an_update_changes_the_message_of_the_button_and_an_answer_of_its_own_does_not() {
    let simulation = simulation(|_| {}).await;
    let (mut client, ready) = Client::identified(&simulation).await;
    let application = ready["application"]["id"].as_str().unwrap();
    let guild = simulation.guild_ids()[0];
    let (channel, user) = (
        simulation.channel_id(guild, "general").unwrap(),
        simulation.people(guild)[2],
    );
    let button =
        json!([{ "type": 1, "components": [{ "type": 2, "style": 1, "label": "Yes", "custom_id": "poll:yes" }] }]);
    let path = format!("channels/{channel}/messages");
    let sent = request(
        &simulation,
        "POST",
        &path,
        json!({ "content": "?", "components": button }),
    )
    .await;
    let message = sent.body["id"].as_str().unwrap().parse().unwrap();
    client.dispatch("MESSAGE_CREATE").await;
    assert_eq!(
        simulation.click(guild, channel, user, 1, "poll:yes"),
        None,
        "there is no such message"
    );

    let content = || simulation.messages(channel)[0]["content"].clone();
    for (kind, after_callback, after_edit) in [(5, "?", "?"), (7, "!", "!!")] {
        simulation.click(guild, channel, user, message, "poll:yes").unwrap();
        let click = client.dispatch("INTERACTION_CREATE").await["d"].clone();
        assert_eq!(
            (&click["message"]["id"], &click["data"]["custom_id"]),
            (&sent.body["id"], &json!("poll:yes"))
        );
        let (id, token) = (click["id"].as_str().unwrap(), click["token"].as_str().unwrap());
        let answer = json!({ "type": kind, "data": { "content": "!", "components": [] } });
        let callback = format!("interactions/{id}/{token}/callback");
        request_as(&simulation, "", "POST", &callback, answer).await.unwrap();
        assert_eq!(content(), after_callback);
        let original = format!("webhooks/{application}/{token}/messages/@original");
        request_as(&simulation, "", "PATCH", &original, json!({ "content": "!!" }))
            .await
            .unwrap();
        assert_eq!(content(), after_edit);
    }
    for content in ["!", "!!"] {
        let update = client.dispatch("MESSAGE_UPDATE").await["d"].clone();
        assert_eq!(
            (&update["content"], &update["components"]),
            (&json!(content), &json!([]))
        );
    }
}
