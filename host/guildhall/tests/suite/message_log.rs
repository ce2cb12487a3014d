//! Deleted and edited messages: what they said, and who deleted them.

use crate::seen::{file, replies_to, text};
use crate::server::id_of;
use crate::support::on_the_shared_pod;

#[test]
fn edits_and_deletions_by_the_author_stand_in_the_deletion_log_alone() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let author = server.members[0];
        let message = server.say(author, "the moon is *cheese*");
        server
            .simulation
            .edit_message(server.guild, message, "the moon is rock");
        let thread = server.thread(server.deletions, author).await;
        let edit = server.message_with(thread, "**Edited**").await;
        assert!(
            text(&edit).ends_with("> the moon is \\*cheese\\*\n**to**\n> the moon is rock"),
            "{edit}"
        );
        server.simulation.delete_message(server.guild, server.general, message);
        let deletion = server.message_with(thread, "**Deleted** by the author or a bot").await;
        assert!(text(&deletion).ends_with("> the moon is rock"), "{deletion}");
        server.settle().await;
        assert!(
            server.simulation.threads(server.log).is_empty(),
            "no moderator did anything"
        );
        server.assert_nobody_was_notified(None);
    });
}

#[test]
fn what_a_moderator_deletes_stands_in_both_threads_whole() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let (author, moderator) = (server.members[0], server.moderator);
        let long = format!("{}and the end of it", "blah ".repeat(380));
        let message = server.say(author, &long);
        server.use_on_message(moderator, "Track", server.general, message);
        let thread = server.thread(server.log, author).await;
        let report = server.message_with(thread, "**Report 1**").await;
        server
            .simulation
            .delete_message_as(moderator, server.guild, server.general, message);
        let deletions = server.thread(server.deletions, author).await;
        let by = format!("**Deleted** by <@{moderator}>");
        let deletion = server.message_with(deletions, &by).await;
        let (name, whole) = file(&deletion);
        assert!(
            name == "deleted.txt" && whole.contains("and the end of it"),
            "{deletion}"
        );
        let told = server.message_with(thread, &by).await;
        assert_eq!(replies_to(&told), Some(id_of(&report)), "it stands under its report");
        let sql = "SELECT count(*) FILTER (WHERE deleted_at IS NOT NULL) || '' FROM mod_log_reports";
        server.rows_are(sql, &["1"]).await;
        server.settle().await;
        assert_eq!(server.messages_with(deletions, "**Deleted**").len(), 1);
    });
}
