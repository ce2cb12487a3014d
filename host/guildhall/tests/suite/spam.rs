//! Spam guard and honeypot: what spammers write goes, they are stopped, and the moderators read why.

use crate::seen::{clickable, forwarded, text};
use crate::support::on_the_shared_pod;
use serde_json::json;

#[test]
fn spam_in_three_channels_is_deleted_its_author_timed_out_and_the_decision_explained() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let spammer = server.newcomer();
        let copies = server.spam(spammer);

        let thread = server.thread(server.log, spammer).await;
        // The second copy is suspicious, the third one is certain.
        server.message_with(thread, "none, only logged").await;
        let report = server.message_with(thread, "cross_channel_spam +15").await;
        for part in [
            "**Report 2**",
            &format!("<@{spammer}>"),
            "reported as spam",
            "> earn money from home, ask me how",
            "account_age +2",
            "server_tenure +2",
            "3 copies deleted, timed out for 20 h",
        ] {
            assert!(text(&report).contains(part), "{part} is not in {report}");
        }
        let controls = server.message_with(thread, "at once").await;
        let buttons = ["Delete all reported messages", "Kick", "Ban", "Restrict", "Timeout"];
        assert_eq!(clickable(&controls), buttons);
        let vote = server.message_with(thread, "let the moderators vote").await;
        assert_eq!(clickable(&vote), ["Escalate"]);
        server
            .message(server.log, "the forward", |message| {
                forwarded(message) == Some(text(&report))
            })
            .await;
        server
            .message_with(server.log, "“earn money from home, ask me how” · ")
            .await;

        let timeout = server
            .request("the timeout", |entry| entry.route == "edit-member")
            .await;
        let reason = timeout.reason.unwrap();
        assert_eq!(timeout.user, Some(spammer));
        assert!(reason.contains("cross_channel_spam +15"), "{reason}");
        let sql = "SELECT tier FROM spam_guard_reports ORDER BY message";
        assert_eq!(server.rows(sql), ["low", "high"]);
        let bot = server.simulation.bot();
        let recorded = format!("timeout {bot}");
        let sql = "SELECT action || ' ' || executor FROM mod_actions_actions";
        server.rows_are(sql, &[&recorded]).await;
        // Each copy has an entry once the audit log has told nothing about it three times.
        let deleted = server.thread(server.deletions, spammer).await;
        server
            .wait("an entry for each copy", |_| {
                server
                    .messages_with(deleted, "**Deleted** by the author or a bot")
                    .len()
                    == 3
            })
            .await;
        for (channel, copy) in copies {
            assert!(!server.stands(channel, copy), "the copy in {channel} is gone");
        }
        server.settle().await;
        assert_eq!(server.messages_with(thread, "**Timed out").len(), 0, "it is told once");
        assert_eq!(server.messages_with(thread, "**Report").len(), 2);
        assert_eq!(server.done_to(spammer, "edit-member"), 1);
        server.assert_nobody_was_notified(None);
    });
}

#[test]
fn a_newcomer_with_many_spam_words_is_restricted() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let spammer = server.newcomer();
        let message = server.say(spammer, "free nitro gift, claim your steam reward");
        let thread = server.thread(server.log, spammer).await;
        let report = server.message_with(thread, "reported as spam").await;
        let words = "spam_keyword:scam +6 (nitro, steam, gift, free, claim, reward)";
        assert!(text(&report).contains(words), "{report}");
        assert!(text(&report).contains("(medium)"), "{report}");
        server
            .request("the role", |entry| {
                entry.route == "add-role" && entry.path.ends_with(&server.restricted_role())
            })
            .await;
        server
            .wait("the deletion", |_| !server.stands(server.general, message))
            .await;
        server.settle().await;
        assert_eq!(server.done_to(spammer, "edit-member"), 0, "nobody was timed out");
    });
}

#[test]
fn a_honeypot_that_was_set_up_softbans_whoever_writes_in_it_but_staff() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let spammer = server.newcomer();
        let warning = json!({ "type": 3, "name": "message-text", "value": "Only bots write here." });
        let refused = server.command(server.moderator, "honeypot-setup", std::slice::from_ref(&warning));
        server.answer_with(&refused, "Only administrators").await;
        let setup = server.command(server.owner, "honeypot-setup", &[warning]);
        let answer = server.answer_with(&setup, "is a honeypot now").await;
        let digits: String = text(&answer).chars().filter(char::is_ascii_digit).collect();
        let trap = digits.parse().unwrap();
        server.message_with(trap, "Only bots write here.").await;

        let own = server.say_in(trap, server.moderator, "do not write here");
        let elsewhere = server.say(spammer, "hello everybody");
        let bait = server.say_in(trap, spammer, "free stuff @everyone");
        let ban = server.request("the ban", |entry| entry.route == "ban").await;
        assert_eq!(
            (ban.user, &ban.body["delete_message_seconds"]),
            (Some(spammer), &json!(604_800))
        );
        server.request("the unban", |entry| entry.route == "unban").await;
        let thread = server.thread(server.log, spammer).await;
        let report = server.message_with(thread, "Wrote in the honeypot").await;
        assert!(text(&report).contains("> free stuff @\u{200b}everyone"), "{report}");
        assert!(
            text(&report).contains("softbanned, messages of 7 days deleted"),
            "{report}"
        );
        let sql = "SELECT action FROM mod_actions_actions ORDER BY id";
        server.rows_are(sql, &["ban", "unban"]).await;
        server.settle().await;
        assert!(!server.stands(trap, bait) && !server.stands(server.general, elsewhere));
        assert!(server.stands(trap, own), "staff is never judged");
        assert_eq!(
            server.messages_with(thread, "**Report").len(),
            1,
            "one of the two plugins reports it"
        );
        assert_eq!(
            (server.done_to(spammer, "ban"), server.done_to(spammer, "unban")),
            (1, 1)
        );
        assert_eq!(
            server.rows("SELECT content FROM honeypot_hits"),
            ["free stuff @everyone"]
        );
        server.assert_nobody_was_notified(None);
    });
}
