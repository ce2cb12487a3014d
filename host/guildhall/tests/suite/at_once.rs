//! Two moderators who click at the same moment: it is done once, and the second one is told so.

use crate::seen::{clickable, text};
use crate::server::{Server, id_of};
use crate::support::on_the_shared_pod;
use serde_json::Value;

/// Both staff click; answers what each was told at last.
async fn both_click(server: &Server, channel: u64, message: &Value, label: &str) -> [String; 2] {
    let clicks = [server.owner, server.moderator].map(|user| server.click(user, channel, message, label));
    let mut told = Vec::new();
    for click in &clicks {
        server.answer(click).await;
    }
    server.settle().await;
    for click in &clicks {
        let last = server.answers(click).pop().expect("an answer");
        told.push(text(&last).to_owned());
    }
    told.try_into().expect("two answers")
}

#[test]
fn a_ban_that_two_ask_for_is_one() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let author = server.members[0];
        let message = server.say(author, "something bad");
        server.use_on_message(server.members[1], "Report", server.general, message);
        let thread = server.thread(server.log, author).await;
        let controls = server.message_with(thread, "at once").await;
        let [first, second] = both_click(&server, thread, &controls, "Ban").await;
        assert_eq!(first, format!("Done: you banned <@{author}>."));
        let other = format!("**user-{}**", server.owner);
        let known = ["is doing that right now.", "has just done that."].map(|done| format!("{other} {done}"));
        assert!(known.contains(&second), "{second}");
        assert_eq!(server.done_to(author, "ban"), 1);
        assert_eq!(server.messages_with(thread, ") banned <@").len(), 1);
    });
}

#[test]
fn one_vote_is_called_and_carried_out_whoever_clicks_with_whom() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let author = server.members[0];
        let message = server.say(author, "something bad");
        server.use_on_message(server.members[1], "Report", server.general, message);
        let thread = server.thread(server.log, author).await;
        let below = server.message_with(thread, "let the moderators vote").await;

        let told = both_click(&server, thread, &below, "Escalate").await;
        let board = server.message_with(thread, "**Escalation**").await;
        for answer in &told {
            assert!(answer.ends_with(&id_of(&board).to_string()), "{answer}");
        }
        assert_eq!(server.messages_with(thread, "**Escalation**").len(), 1);

        both_click(&server, thread, &board, "Kick").await;
        let board = server.message_with(thread, "**Confirmed: Kick**").await;
        assert!(text(&board).contains("2 votes by 2 voters"), "{board}");
        both_click(&server, thread, &board, "Expedite").await;
        let board = server.message_with(thread, "**Decided: Kick**").await;
        assert!(clickable(&board).is_empty(), "{board}");
        server.settle().await;
        assert_eq!(server.done_to(author, "kick"), 1);
        assert_eq!(
            server.messages_with(thread, "the vote on").len(),
            2,
            "the reply and the report"
        );
        assert_eq!(server.messages_with(thread, "resolved by a vote").len(), 1);
    });
}

#[test]
fn a_ticket_that_two_close_is_closed_by_the_first() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let opener = server.members[0];
        let (thread, ticket) = crate::tickets::open(&server, opener).await;
        let told = both_click(&server, thread, &ticket, "Close ticket").await;
        assert!(told[0].ends_with("This ticket is closed."), "{told:?}");
        assert!(
            told[1].starts_with(&format!("**user-{}** has closed this ticket", server.owner)),
            "{told:?}"
        );
        assert_eq!(server.messages_with(thread, "Closed by").len(), 1);
        assert_eq!(server.messages_with(server.log, "**Ticket 1**").len(), 1);
        let removed = server
            .simulation
            .requests(|entry| entry.route == "remove-thread-member" && entry.channel == Some(thread));
        assert_eq!(removed.len(), 1);
    });
}
