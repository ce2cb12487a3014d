//! Reaction forwarding: once, when enough people have reacted.

use crate::seen::{forwarded, text};
use crate::support::on_the_shared_pod;
use serde_json::json;

#[test]
fn a_message_that_two_react_to_is_forwarded_once_with_their_names() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let [author, one, other, third, ..] = server.members[..] else {
            panic!("four members")
        };
        let target = server.channel("memes");
        let star = json!({ "id": null, "name": "⭐" });
        let options = [
            json!({ "type": 3, "name": "emoji", "value": "⭐" }),
            json!({ "type": 4, "name": "threshold", "value": 2 }),
        ];
        let setup = server.command_in(target, server.owner, "setup-reactji-channel", &options);
        server
            .answer_with(&setup, "Messages that 2 people react to with ⭐")
            .await;

        let message = server.say(author, "the best joke");
        let react = |user| {
            server
                .simulation
                .react(server.guild, server.general, message, user, &star);
        };
        react(one);
        react(suite.simulation.bot());
        // Commands are taken up in their order with reactions: a bot and a first reaction were not enough.
        let barrier = server.command(server.owner, "setup", &[]);
        server.answer(&barrier).await;
        server.settle().await;
        assert!(server.simulation.messages(target).is_empty());
        react(other);
        let forward = server
            .message(target, "the forward", |message| forwarded(message).is_some())
            .await;
        assert_eq!(forwarded(&forward), Some("the best joke"));
        let line = server.message_with(target, "⭐ by").await;
        assert_eq!(text(&line), format!("⭐ by <@{one}>, <@{other}>"));
        react(third);
        let barrier = server.command(server.owner, "setup", &[]);
        server.answer(&barrier).await;
        server.settle().await;
        assert_eq!(server.simulation.messages(target).len(), 2, "once");
        server.assert_nobody_was_notified(None);
    });
}
