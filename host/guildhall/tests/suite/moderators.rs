//! What moderators do by hand, what Discord's automod does, and bans by force: each stands in the user's thread.

use crate::seen::{forwarded, text};
use crate::support::on_the_shared_pod;
use guildhall_sim::RestFault;
use serde_json::json;

#[test]
fn bans_by_hand_stand_in_the_thread_with_who_did_it_and_leaving_does_not() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (moderator, banned, left) = (server.moderator, server.members[0], server.members[1]);
        server.simulation.leave(server.guild, left);
        server.simulation.ban(server.guild, moderator, banned);
        let thread = server.thread(server.log, banned).await;
        let entry = server.message_with(thread, "**Banned**").await;
        assert!(text(&entry).contains(&format!("by <@{moderator}>")), "{entry}");
        server
            .message(server.log, "its forward", |message| {
                forwarded(message) == Some(text(&entry))
            })
            .await;
        server.simulation.unban(server.guild, moderator, banned);
        server.message_with(thread, "**Ban lifted**").await;
        let sql = "SELECT action || ' ' || user || ' ' || executor FROM mod_actions_actions ORDER BY id";
        let rows = ["ban", "unban"].map(|action| format!("{action} {banned} {moderator}"));
        server.rows_are(sql, &rows.each_ref().map(String::as_str)).await;
        server.settle().await;
        assert_eq!(server.messages_with(thread, "**Banned**").len(), 1);
        assert_eq!(
            server.simulation.threads(server.log).len(),
            1,
            "somebody left, and nothing is said"
        );
    });
}

#[test]
fn what_automod_blocks_is_one_report_with_its_text() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let user = server.members[0];
        for action in [1, 3] {
            let execution = json!({
                "guild_id": server.guild.to_string(), "action": { "type": action, "metadata": {} },
                "rule_id": "1234567890123", "rule_trigger_type": 1, "user_id": user.to_string(),
                "channel_id": server.general.to_string(), "content": "cheap `pills` here",
                "matched_keyword": "pills", "matched_content": "pills",
            });
            let name = "AUTO_MODERATION_ACTION_EXECUTION";
            server.simulation.dispatch(name, server.guild, &execution);
        }
        let thread = server.thread(server.log, user).await;
        let report = server.message_with(thread, "reported by automod").await;
        for part in [
            &format!("<@{user}> (user-{user})"),
            "matched “pills”",
            "blocked, timed out",
            "> cheap \\`pills\\` here",
        ] {
            assert!(text(&report).contains(part), "{part} is not in {report}");
        }
        server.settle().await;
        assert_eq!(
            server.messages_with(thread, "**Report").len(),
            1,
            "one trigger, one report"
        );
        let sql = "SELECT actions || ' ' || keyword FROM automod_log_executions";
        assert_eq!(server.rows(sql), ["1,3 pills"]);
        assert_eq!(server.rows("SELECT reason FROM mod_log_reports"), ["automod"]);
    });
}

#[test]
fn a_force_ban_reaches_who_has_left_and_says_what_is_in_the_way() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (moderator, left) = (server.moderator, server.members[0]);
        server.simulation.leave(server.guild, left);
        let member = server.use_on_user(server.members[1], "Force ban", left);
        server
            .answer_with(&member, "You need the permission Ban Members for that.")
            .await;
        let owner = server.use_on_user(moderator, "Force ban", server.owner);
        server.answer_with(&owner, "Nobody can ban the server's owner.").await;

        server.simulation.rest_fault(RestFault {
            status: 403,
            code: 50_013,
            path_contains: format!("/guilds/{}/bans/{left}", server.guild),
            ..RestFault::default()
        });
        let refused = server.use_on_user(moderator, "Force ban", left);
        server
            .answer_with(
                &refused,
                "could not be banned: my highest role does not stand above theirs",
            )
            .await;
        assert_eq!(server.done_to(left, "ban"), 0);

        let banned = server.use_on_user(moderator, "Force ban", left);
        server.answer_with(&banned, "is banned.").await;
        let ban = server
            .request("the ban", |entry| entry.route == "ban" && entry.applied)
            .await;
        assert_eq!(ban.body["delete_message_seconds"], 0);
        assert_eq!(
            ban.reason.unwrap(),
            format!("force ban by user-{moderator} ({moderator})")
        );
        let thread = server.thread(server.log, left).await;
        server
            .message_with(thread, &format!("Force banned by user-{moderator} (<@{moderator}>)."))
            .await;
        server.settle().await;
        assert!(
            server.messages_with(thread, "**Banned**").is_empty(),
            "what the bot did is told once"
        );
        assert_eq!(server.rows("SELECT action FROM mod_actions_actions"), ["ban"]);
    });
}
