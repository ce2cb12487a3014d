//! Tickets: from the button to the transcript.

use crate::seen::{clickable, file, text};
use crate::server::Server;
use crate::support::on_the_shared_pod;
use serde_json::{Value, json};

pub(crate) const CONCERN: &str = "somebody keeps writing to me, **please** help @everyone";

/// A button for tickets stands in the general channel; answers its message.
pub(crate) async fn button(server: &Server) -> Value {
    let label = [json!({ "type": 3, "name": "button-text", "value": "Ask the moderators" })];
    let setup = server.command(server.owner, "tickets-channel", &label);
    server.answer_with(&setup, "The button stands here").await;
    server
        .message(server.general, "the button", |message| {
            clickable(message) == ["Ask the moderators"]
        })
        .await
}

/// A member clicks on the button; answers the modal.
pub(crate) async fn ask(server: &Server, opener: u64, button: &Value) -> Value {
    let click = server.click(opener, server.general, button, "Ask the moderators");
    let modal = server.answer(&click).await;
    assert_eq!(modal["title"], "Ask the moderators", "{modal}");
    modal
}

/// A member opens a ticket; answers its thread and the message with the buttons.
pub(crate) async fn open(server: &Server, opener: u64) -> (u64, Value) {
    let button = button(server).await;
    let modal = ask(server, opener, &button).await;
    let sent = server.submit(opener, &modal, CONCERN);
    server.answer_with(&sent, "Your ticket is open: <#").await;
    let threads = server.simulation.threads(server.general);
    let [(thread, _)] = threads[..] else {
        panic!("one thread: {threads:?}")
    };
    let ticket = server.message_with(thread, "close the ticket:").await;
    (thread, ticket)
}

#[test]
fn a_ticket_is_opened_talked_over_closed_and_logged_with_a_transcript() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (opener, moderator) = (server.members[0], server.moderator);
        let refused = server.command(moderator, "tickets-channel", &[]);
        server
            .answer_with(&refused, "Only those who may manage the server")
            .await;
        let (thread, ticket) = open(&server, opener).await;
        assert_eq!(
            server.simulation.threads(server.general)[0].1,
            format!("Ticket 1: user-{opener}")
        );
        let made = server
            .request("the thread", |entry| {
                entry.route == "create-thread" && entry.channel == Some(server.general)
            })
            .await;
        assert_eq!(
            (&made.body["type"], &made.body["auto_archive_duration"]),
            (&json!(12), &json!(10_080))
        );
        let added = format!("channels/{thread}/thread-members/{opener}");
        server
            .request("the opener in the thread", |entry| entry.path == added)
            .await;
        let notice = server.message_with(thread, "**Ticket 1**").await;
        let role = format!("<@&{}>", server.moderator_role());
        assert!(
            text(&notice).contains(&role) && text(&notice).contains(&format!("<@{opener}>")),
            "{notice}"
        );
        assert!(
            text(&ticket).starts_with("> somebody keeps writing to me, \\*\\*please\\*\\* help @\u{200b}everyone"),
            "{ticket}"
        );
        assert_eq!(clickable(&ticket), ["Close ticket", "Close 👍", "Close 👎"]);

        server.say_in(thread, moderator, "who is it?");
        server.say_in(thread, opener, "it is nobody\nreally");
        let stranger = server.click(server.members[1], thread, &ticket, "Close ticket");
        server.answer_with(&stranger, "Only whoever opened the ticket").await;
        server.click(opener, thread, &ticket, "Close 👍");
        let closed = server.message_with(thread, "This ticket is closed.").await;
        assert!(clickable(&closed).is_empty(), "{closed}");
        server.message_with(thread, &format!("Closed by <@{opener}> 👍")).await;
        let removed = server
            .request("the opener out of the thread", |entry| {
                entry.route == "remove-thread-member" && entry.channel == Some(thread)
            })
            .await;
        assert!(removed.path.ends_with(&opener.to_string()), "{}", removed.path);

        let logged = server.message_with(server.log, "**Ticket 1** of").await;
        assert!(text(&logged).contains(&format!("closed by <@{opener}>")), "{logged}");
        let (name, transcript) = file(&logged);
        assert_eq!(name, "ticket-1.txt");
        for part in [
            CONCERN,
            &format!("user-{moderator}: who is it?"),
            "it is nobody\n    really",
        ] {
            assert!(transcript.contains(part), "{part} is not in {transcript}");
        }
        server.settle().await;
        let sql = "SELECT closed_by || ' ' || feedback FROM tickets_tickets";
        assert_eq!(server.rows(sql), [format!("{opener} up")]);
        server.assert_nobody_was_notified(Some("**Ticket 1** of"));
        let users_threads = server.simulation.threads(server.log);
        assert!(users_threads.is_empty(), "a ticket is no offence: {users_threads:?}");
    });
}
