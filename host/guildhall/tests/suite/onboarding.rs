//! Set-up: the greeting, `/setup` with its refusals, and what `/check-requirements` tells.

use crate::seen::{clickable, text};
use crate::support::on_the_shared_pod;
use serde_json::json;

#[test]
fn a_new_server_is_greeted_once_set_up_and_checked() {
    on_the_shared_pod(async |suite| {
        let server = suite.new_server();
        server.simulation.add_bot(server.guild);
        let hello = server.message_with(server.log, "**Hello! I moderate this server").await;
        assert!(text(&hello).contains("`/setup`"), "{hello}");

        let member = server.command(server.members[0], "setup", &[]);
        server
            .answer_with(&member, "Only members with the permission Manage Server")
            .await;
        let everyone = json!({ "type": 8, "name": "moderator-role", "value": server.guild.to_string() });
        let log = json!({ "type": 7, "name": "mod-log", "value": server.log.to_string() });
        let refused = server.command(server.owner, "setup", &[everyone, log]);
        let refused = server.answer_with(&refused, "**Nothing was changed**").await;
        assert!(
            text(&refused).contains("@everyone cannot be the moderator role"),
            "{refused}"
        );
        let shown = server.command(server.owner, "setup", &[]);
        let shown = server.answer_with(&shown, "**As it is set up**").await;
        assert!(text(&shown).contains("✗ Moderator role: not set"), "{shown}");

        server.set_up(&[]).await;
        let public = server.channel("introductions");
        let deletions = [json!({ "type": 7, "name": "deletion-log", "value": public.to_string() })];
        let changed = server.command(server.owner, "setup", &deletions);
        server.answer_with(&changed, "**Set up**").await;
        let check = server.command(server.moderator, "check-requirements", &[]);
        let check = server.answer(&check).await;
        for part in [
            format!("✓ Moderator role: <@&{}>", server.moderator_role()),
            format!("✓ Mod-log: <#{}>", server.log),
            format!("✓ Restricted role: <@&{}>", server.restricted_role()),
            "✓ Quorum of votes: 2".into(),
            format!("✗ Everybody can read <#{public}>"),
            "**1 thing is to be mended.**".into(),
            "Cross-guild flags: off".into(),
        ] {
            assert!(text(&check).contains(&part), "{part} is not in {check}");
        }
        assert_eq!(clickable(&check), ["Check again"]);
        let again = server.click_answer(server.moderator, &check, "Check again");
        server.answer_with(&again, "✓ Quorum of votes: 2").await;

        // A set-up server that becomes available again, as after each connection, is not greeted once more.
        server.simulation.add_bot(server.guild);
        let barrier = server.command(server.owner, "setup", &[]);
        server.answer(&barrier).await;
        server.settle().await;
        assert_eq!(server.messages_with(server.log, "**Hello!").len(), 1);
    });
}
