//! A Discord that fails in the middle of a report: nothing is lost, and nothing stands there twice.

use crate::seen::{clickable, forwarded, text};
use crate::support::on_the_shared_pod;
use guildhall_sim::RestFault;

#[test]
fn a_report_gets_through_errors_lost_answers_and_a_refusal() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let author = server.members[0];
        let (threads, messages) = (
            format!("/channels/{}/threads", server.log),
            format!("/channels/{}/messages", server.log),
        );
        // No thread at first; then the forward to the mod-log is refused.
        for (path_contains, status, code, count) in [(&threads, 500, 0, 3), (&messages, 403, 50_013, 1)] {
            server.simulation.rest_fault(RestFault {
                status,
                code,
                count,
                path_contains: path_contains.clone(),
                ..RestFault::default()
            });
        }
        let message = server.say(author, "something bad");
        let report = server.use_on_message(server.members[1], "Report", server.general, message);
        server.answer_with(&report, "Thank you").await;
        let thread = server.thread(server.log, author).await;
        let failed = server
            .simulation
            .requests(|entry| entry.status == 500 && entry.channel == Some(server.log));
        assert_eq!(failed.len(), 3);
        server.message_with(thread, "reported anonymously").await;
        server.message_with(thread, "let the moderators vote").await;
        let summary = server.message_with(server.log, "“something bad”").await;
        server.settle().await;
        let log = server.simulation.messages(server.log);
        assert_eq!(log, [summary], "the forward was refused for good");

        // Carried out, and then the answer is lost.
        server.simulation.rest_fault(RestFault {
            status: 502,
            count: 2,
            after_applying: true,
            path_contains: format!("/channels/{thread}/messages"),
            ..RestFault::default()
        });
        let second = server.say(author, "something worse");
        server.use_on_message(server.moderator, "Track", server.general, second);
        let entry = server.message_with(thread, "**Report 2**").await;
        server
            .message(server.log, "its forward", |message| {
                forwarded(message) == Some(text(&entry))
            })
            .await;
        server.settle().await;
        let entries = server.messages_with(thread, "**Report");
        assert_eq!(entries.len(), 2, "each report once: {entries:#?}");
        let repeated = server
            .simulation
            .requests(|entry| entry.channel == Some(thread) && entry.deduplicated);
        assert!(!repeated.is_empty(), "the lost answers were met");
        let with_buttons = server.simulation.messages(thread);
        let with_buttons = with_buttons.iter().filter(|message| !clickable(message).is_empty());
        assert_eq!(with_buttons.count(), 2, "the controls come once");
        let sql = "SELECT number || ' ' || (entry IS NOT NULL) FROM mod_log_reports ORDER BY id";
        assert_eq!(server.rows(sql), ["1 1", "2 1"]);
    });
}

#[test]
fn where_no_thread_may_be_made_the_report_stands_in_the_log_itself() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        server.simulation.rest_fault(RestFault {
            status: 403,
            code: 50_013,
            count: u32::MAX,
            path_contains: format!("/channels/{}/threads", server.log),
            ..RestFault::default()
        });
        let message = server.say(server.members[0], "something bad");
        let track = server.use_on_message(server.moderator, "Track", server.general, message);
        let report = server
            .message_with(server.log, &format!("tracked by **user-{}**", server.moderator))
            .await;
        assert!(text(&report).contains("> something bad"), "{report}");
        server.message_with(server.log, "let the moderators vote").await;
        server
            .answer_with(&track, "Tracked: https://discord.com/channels/")
            .await;
        server.settle().await;
        let forwards = server.simulation.messages(server.log);
        let forwards = forwards.iter().filter(|message| forwarded(message).is_some());
        assert_eq!(forwards.count(), 0, "it stands where forwards would go");
        assert!(server.simulation.threads(server.log).is_empty());
    });
}
