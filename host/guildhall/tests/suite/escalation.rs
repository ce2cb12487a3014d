//! Votes: who may take part, how they are counted, and how they end.

use crate::seen::{clickable, forwarded, replies_to, text};
use crate::server::{Server, id_of};
use crate::support::on_the_shared_pod;
use serde_json::Value;

/// A message is reported and a vote on its author called; answers the author, the thread and the vote message.
pub(crate) async fn called(server: &Server) -> (u64, u64, Value) {
    let author = server.members[0];
    let message = server.say(author, "something bad");
    server.use_on_message(server.members[1], "Report", server.general, message);
    let thread = server.thread(server.log, author).await;
    let below = server.message_with(thread, "let the moderators vote").await;
    let call = server.click(server.moderator, thread, &below, "Escalate");
    server.answer_with(&call, "The vote is open").await;
    (author, thread, server.message_with(thread, "**Escalation**").await)
}

#[test]
fn staff_votes_takes_votes_back_and_may_require_a_majority() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (author, thread, board) = called(&server).await;
        let now = |part: &'static str| server.message_with(thread, part);
        assert!(text(&board).contains("No votes yet."), "{board}");
        assert!(text(&board).contains("with: **No action**"), "{board}");
        let choices = [
            "No action (abstain)",
            "Timeout overnight",
            "Restrict",
            "Kick",
            "Ban",
            "Require majority vote",
        ];
        assert_eq!(clickable(&board), choices);

        let member = server.click(server.members[1], thread, &board, "Ban");
        server.answer_with(&member, "Only staff takes part").await;
        server.click(server.owner, thread, &board, "Kick");
        now("1 vote by 1 voter").await;
        server.click(server.owner, thread, &board, "Kick");
        now("No votes yet.").await;
        server.click(server.owner, thread, &board, "Ban");
        server.click(server.moderator, thread, &board, "Kick");
        let tied = now("2 votes by 2 voters").await;
        assert!(
            text(&tied).contains("with the more severe: **Ban**") && !clickable(&tied).contains(&"Expedite"),
            "{tied}"
        );
        server.click(server.moderator, thread, &board, "Ban");
        let confirmed = now("**Confirmed: Ban**").await;
        assert!(clickable(&confirmed).contains(&"Expedite"), "{confirmed}");
        let record = format!("**Ban**, 2: <@{}>, <@{}>", server.owner, server.moderator);
        assert!(text(&confirmed).contains(&record), "{confirmed}");

        server.click(server.owner, thread, &board, "Require majority vote");
        let majority = now("A majority vote: nothing happens before its end").await;
        assert_eq!(clickable(&majority), &choices[..5]);
        let late = server.click(server.owner, thread, &confirmed, "Expedite");
        server
            .answer_with(&late, "A majority vote is never carried out before its end.")
            .await;
        server.settle().await;
        assert_eq!(server.done_to(author, "ban") + server.done_to(author, "kick"), 0);
        let sql = "SELECT choice || ' ' || count(*) FROM escalation_votes GROUP BY choice";
        assert_eq!(server.rows(sql), ["ban 2", "kick 1"]);
        server.assert_nobody_was_notified(None);
    });
}

#[test]
fn a_vote_ends_by_itself_is_carried_out_and_told() {
    on_the_shared_pod(async |suite| {
        let server = suite.hasty_server().await;
        let (author, thread, board) = called(&server).await;
        server.click(server.owner, thread, &board, "Timeout overnight");
        let timeout = server
            .request("the timeout", |entry| entry.route == "edit-member")
            .await;
        assert_eq!(timeout.user, Some(author));
        let reason = timeout.reason.unwrap();
        assert!(
            reason.starts_with("vote of the staff (Timeout overnight 1)"),
            "{reason}"
        );
        let over = server.message_with(thread, "**Decided: Timeout overnight**").await;
        assert!(clickable(&over).is_empty(), "{over}");
        let reply = server
            .message(thread, "the reply", |message| replies_to(message) == Some(id_of(&over)))
            .await;
        for part in ["the vote on", "1 vote by 1 voter", "less than 0.1 hours after"] {
            assert!(text(&reply).contains(part), "{part} is not in {reply}");
        }
        let report = server.message_with(thread, "resolved by a vote").await;
        server
            .message(server.log, "its forward", |message| {
                forwarded(message) == Some(text(&report))
            })
            .await;
        server.settle().await;
        let sql = "SELECT state || ' ' || result FROM escalation_cases";
        assert_eq!(server.rows(sql), ["closed timeout"]);
        assert_eq!(server.done_to(author, "edit-member"), 1);
        let late = server.click(server.moderator, thread, &board, "Ban");
        server.answer_with(&late, "This vote is over.").await;
    });
}

#[test]
fn nothing_is_done_to_somebody_who_has_left_meanwhile() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (author, thread, board) = called(&server).await;
        for voter in [server.owner, server.moderator] {
            server.click(voter, thread, &board, "Kick");
        }
        let confirmed = server.message_with(thread, "**Confirmed: Kick**").await;
        server.simulation.leave(server.guild, author);
        server.click(server.owner, thread, &confirmed, "Expedite");
        server
            .message_with(thread, "the user has left, and the vote was for Kick")
            .await;
        server.settle().await;
        assert_eq!(server.done_to(author, "kick"), 0);
        assert!(
            server.messages_with(thread, "resolved by a vote").is_empty(),
            "no report: nothing was done"
        );
    });
}
