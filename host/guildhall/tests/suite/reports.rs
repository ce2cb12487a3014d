//! Reporting and tracking messages, what moderators do by the buttons below a report, and what `/modreport` tells.

use crate::seen::{clickable, replies_to, text};
use crate::server::id_of;
use crate::support::on_the_shared_pod;
use serde_json::json;

#[test]
fn members_report_anonymously_and_the_same_again_stands_below_the_first() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let [author, one, other, ..] = server.members[..] else {
            panic!("three members")
        };
        let message = server.say(author, "**you** are all\n@everyone stupid");
        let answer = server.use_on_message(one, "Report", server.general, message);
        let thanks = server.answer(&answer).await;
        assert!(text(&thanks).starts_with("Thank you"), "{thanks}");
        assert_eq!(thanks["flags"], 64, "only the reporter sees it");

        let thread = server.thread(server.log, author).await;
        let report = server.message_with(thread, "reported anonymously").await;
        let quote = "> \\*\\*you\\*\\* are all\n> @\u{200b}everyone stupid";
        let link = format!(
            "https://discord.com/channels/{}/{}/{message}",
            server.guild, server.general
        );
        assert!(
            text(&report).contains(quote) && text(&report).contains(&link),
            "{report}"
        );

        let again = server.use_on_message(one, "Report", server.general, message);
        server
            .answer_with(&again, "You have reported this message already")
            .await;
        server.use_on_message(other, "Report", server.general, message);
        let again = server
            .message_with(thread, "Reported again anonymously, 2 times by now")
            .await;
        assert_eq!(replies_to(&again), Some(id_of(&report)));
        server.settle().await;
        let told: Vec<_> = [thread, server.log]
            .into_iter()
            .flat_map(|channel| server.simulation.messages(channel))
            .map(|message| message.to_string())
            .collect();
        for reporter in [one, other] {
            let named = told.iter().any(|message| message.contains(&reporter.to_string()));
            assert!(!named, "a reporter is named: {told:#?}");
        }
        let sql = "SELECT reason || ' ' || repeats || ' ' || coalesce(staff, 'nobody') FROM mod_log_reports";
        assert_eq!(server.rows(sql), ["anonymous 1 nobody"]);
        server.assert_nobody_was_notified(None);
    });
}

#[test]
fn staff_tracks_a_message_deletes_it_and_reads_what_is_known_of_its_author() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (author, moderator) = (server.members[0], server.moderator);
        let message = server.say(author, "buy my course");
        let refused = server.use_on_message(server.members[1], "Track", server.general, message);
        server.answer_with(&refused, "This is for staff only.").await;

        let track = server.use_on_message(moderator, "Track", server.general, message);
        let answer = server
            .answer_with(&track, "Tracked: https://discord.com/channels/")
            .await;
        let thread = server.thread(server.log, author).await;
        let report = server
            .message_with(thread, &format!("tracked by **user-{moderator}**"))
            .await;
        assert!(text(&answer).ends_with(&id_of(&report).to_string()), "{answer}");

        let delete = server.click_answer(moderator, &answer, "Delete message");
        server.answer_with(&delete, "The message is deleted.").await;
        assert!(!server.stands(server.general, message));
        let note = server.message_with(thread, "deleted the tracked message").await;
        assert_eq!(replies_to(&note), Some(id_of(&report)));
        assert!(text(&note).contains(&format!("<@{moderator}>")), "{note}");
        let sql = "SELECT count(*) FILTER (WHERE deleted_at IS NOT NULL) || '' FROM mod_log_reports";
        server.rows_are(sql, &["1"]).await;
        let deletions = server.thread(server.deletions, author).await;
        server.message_with(deletions, "> buy my course").await;

        let whom = [json!({ "type": 6, "name": "user", "value": author.to_string() })];
        let asked = server.command(moderator, "modreport", &whom);
        let overview = server.answer(&asked).await["embeds"][0].clone();
        let description = overview["description"].as_str().unwrap();
        assert!(
            description.contains("**1** of **1** reports in the last 30 days"),
            "{overview}"
        );
        let fields = overview["fields"].to_string();
        for part in ["Tracked by staff 1", &thread.to_string(), &deletions.to_string()] {
            assert!(fields.contains(part), "{part} is not in {overview}");
        }
    });
}

#[test]
fn the_buttons_below_a_report_act_for_whoever_may() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (author, moderator) = (server.members[0], server.moderator);
        let messages = ["first", "second"].map(|content| server.say(author, content));
        for message in messages {
            server.use_on_message(moderator, "Track", server.general, message);
        }
        let thread = server.thread(server.log, author).await;
        let controls = server.message_with(thread, "at once").await;
        server.message_with(thread, "**Report 2**").await;

        let member = server.click(server.members[1], thread, &controls, "Kick");
        server
            .answer_with(&member, "You need the permission **Kick Members**")
            .await;
        // The moderator's role has no Manage Roles.
        let restrict = server.click(moderator, thread, &controls, "Restrict");
        server
            .answer_with(&restrict, "You need the permission **Manage Roles**")
            .await;
        let restrict = server.click(server.owner, thread, &controls, "Restrict");
        server.answer_with(&restrict, "Done: you restricted").await;

        let timeout = server.click(moderator, thread, &controls, "Timeout");
        server.answer_with(&timeout, "Done: you timed").await;
        let note = server.message_with(thread, "out for 20 h").await;
        assert!(text(&note).starts_with(&format!("**user-{moderator}**")), "{note}");

        let delete = server.click(moderator, thread, &controls, "Delete all reported messages");
        server.answer_with(&delete, "2 messages deleted.").await;
        assert!(messages.iter().all(|message| !server.stands(server.general, *message)));
        let again = server.click(server.owner, thread, &controls, "Delete all reported messages");
        server.answer_with(&again, "has just done that.").await;

        let kick = server.click(moderator, thread, &controls, "Kick");
        server.answer_with(&kick, "Done: you kicked").await;
        let gone = server.click(moderator, thread, &controls, "Timeout");
        let gone = server.answer(&gone).await;
        assert!(
            text(&gone).contains("has just done that") || text(&gone).contains("not in this server any more"),
            "{gone}"
        );
        server.settle().await;
        let done = ["add-role", "edit-member", "kick"].map(|route| server.done_to(author, route));
        assert_eq!(done, [1, 1, 1]);
        let moderators_own = server.messages_with(thread, "**Kicked** by");
        assert!(moderators_own.is_empty(), "what the bot did is told once");
        assert_eq!(clickable(&controls).len(), 5);
    });
}
