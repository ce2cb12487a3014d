//! The process is killed in the middle of a vote and of a ticket, and goes on without doing anything twice.

use crate::escalation::called;
use crate::seen::{clickable, file, text};
use crate::server::Server;
use crate::support::{Suite, on_a_pod_of_its_own};
use crate::tickets::{CONCERN, ask, button};
use guildhall_sim::RestFault;

/// Every request to a path with this part fails, until the faults are cleared.
fn hold(server: &Server, path_contains: String) {
    server.simulation.rest_fault(RestFault {
        count: u32::MAX,
        path_contains,
        ..RestFault::default()
    });
}

/// The next requests to a path with this part are carried out, and their answers are lost.
fn lose_answers(server: &Server, count: u32, path_contains: String) {
    server.simulation.rest_fault(RestFault {
        count,
        path_contains,
        after_applying: true,
        ..RestFault::default()
    });
}

/// Waits for a failed request to a path with this part, and kills the process in this moment. From then on Discord works.
async fn kill_at(suite: &mut Suite, server: &Server, part: &str) {
    server
        .request(part, |entry| {
            entry.status == 503 && format!("/{}", entry.path).contains(part)
        })
        .await;
    suite.kill();
    server.simulation.clear_faults();
}

fn assert_the_session_survived(server: &Server, restarts: u64) {
    let stats = server.simulation.stats();
    assert_eq!((stats.identifies, stats.resumes), (1, restarts), "sessions are resumed");
}

#[test]
fn a_vote_goes_on_after_the_process_was_killed() {
    on_a_pod_of_its_own(async |suite| {
        let server = suite.server().await;
        let (author, thread, board) = called(&server).await;
        server.click(server.owner, thread, &board, "Ban");
        server.message_with(thread, "1 vote by 1 voter").await;
        suite.kill();
        suite.restart().await;
        server.click(server.moderator, thread, &board, "Ban");
        let confirmed = server.message_with(thread, "**Confirmed: Ban**").await;
        assert!(text(&confirmed).contains("2 votes by 2 voters"), "{confirmed}");

        // While it asks whether the user is still here.
        let member = format!("/guilds/{}/members/{author}", server.guild);
        hold(&server, member.clone());
        server.click(server.moderator, thread, &confirmed, "Expedite");
        server.message_with(thread, "**Ban** is being carried out").await;
        kill_at(suite, &server, &member).await;
        // Once the ban is carried out and nobody knows of it.
        let ban = format!("/guilds/{}/bans/{author}", server.guild);
        lose_answers(&server, 1, ban.clone());
        suite.restart().await;
        kill_at(suite, &server, &ban).await;
        // When the result stands there and nobody knows of it.
        let messages = format!("/channels/{thread}/messages");
        lose_answers(&server, 1, messages.clone());
        suite.restart().await;
        kill_at(suite, &server, &messages).await;
        suite.restart().await;

        let over = server.message_with(thread, "**Decided: Ban**").await;
        assert!(clickable(&over).is_empty(), "{over}");
        server.message_with(thread, "resolved by a vote").await;
        server.settle().await;
        assert_eq!(server.simulation.stats().events["GUILD_BAN_ADD"], 1);
        let once = ["**Escalation**", "resolved by a vote", "**Report 1**"];
        assert_eq!(once.map(|part| server.messages_with(thread, part).len()), [1; 3]);
        assert_eq!(
            server.messages_with(thread, "the vote on").len(),
            2,
            "the reply and the report"
        );
        let sql = "SELECT state || ' ' || result || ' ' || tries FROM escalation_cases";
        assert_eq!(server.rows(sql), ["closed ban 1"]);
        assert_the_session_survived(&server, 4);
    });
}

#[test]
fn a_ticket_goes_on_after_the_process_was_killed() {
    on_a_pod_of_its_own(async |suite| {
        let server = suite.server().await;
        let (opener, moderator) = (server.members[0], server.moderator);
        let button = button(&server).await;
        let modal = ask(&server, opener, &button).await;
        suite.kill();
        suite.restart().await;

        // Before the thread is there.
        let threads = format!("/channels/{}/threads", server.general);
        hold(&server, threads.clone());
        let sent = server.submit(opener, &modal, CONCERN);
        kill_at(suite, &server, &threads).await;
        // When its first messages stand there, and their answers were lost.
        lose_answers(&server, 2, "/messages".into());
        suite.restart().await;
        kill_at(suite, &server, "/messages").await;
        suite.restart().await;
        server.answer_with(&sent, "Your ticket is open: <#").await;
        let made = server.simulation.threads(server.general);
        let [(thread, _)] = made[..] else {
            panic!("one thread: {made:?}")
        };
        let ticket = server.message_with(thread, "close the ticket:").await;
        server.settle().await;
        assert_eq!(
            server.simulation.messages(thread).len(),
            2,
            "the notice and the concern"
        );

        server.say_in(thread, opener, "are you there?");
        // Before the transcript is in the log.
        let log = format!("/channels/{}/messages", server.log);
        hold(&server, log.clone());
        server.click(moderator, thread, &ticket, "Close 👎");
        server
            .message_with(thread, &format!("Closed by <@{moderator}> 👎"))
            .await;
        kill_at(suite, &server, &log).await;
        suite.restart().await;
        let logged = server.message_with(server.log, "**Ticket 1** of").await;
        let (_, transcript) = file(&logged);
        assert!(
            transcript.contains(CONCERN) && transcript.contains("are you there?"),
            "{transcript}"
        );
        server.settle().await;
        let closed = server.message_with(thread, "This ticket is closed.").await;
        assert!(clickable(&closed).is_empty(), "{closed}");
        let once = [
            server.messages_with(server.log, "**Ticket 1**").len(),
            server.messages_with(thread, "Closed by").len(),
            server.simulation.threads(server.general).len(),
        ];
        assert_eq!(once, [1; 3]);
        // Joining twice is joining; what counts is that leaving is the last.
        let members = server.simulation.requests(|entry| {
            entry.applied && entry.channel == Some(thread) && entry.route.ends_with("-thread-member")
        });
        let routes: Vec<_> = members.iter().map(|entry| entry.route.as_str()).collect();
        assert_eq!(
            (routes[0], routes[routes.len() - 1]),
            ("add-thread-member", "remove-thread-member")
        );
        let sql = "SELECT count(*) || ' ' || max(feedback) FROM tickets_tickets";
        assert_eq!(server.rows(sql), ["1 down"]);
        assert_the_session_survived(&server, 4);
    });
}
