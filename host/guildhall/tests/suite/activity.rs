//! Activity: counted figures that everybody can see, have and erase.

use crate::seen::{file, text};
use crate::server::Server;
use crate::support::on_the_shared_pod;
use serde_json::{Value, json};

fn activity(server: &Server, user: u64, subcommand: &str, options: &[Value]) -> Value {
    let called = [json!({ "type": 1, "name": subcommand, "options": options })];
    server.command(user, "activity", &called)
}

#[test]
fn what_somebody_writes_is_counted_exported_and_erased() {
    on_the_shared_pod(async |suite| {
        let server = suite.server().await;
        let [author, other, ..] = server.members[..] else {
            panic!("two members")
        };
        server.say(author, "how does this work? ```rust\nfn main() {}\n```");
        let second = server.say(author, "see https://docs.rs/serde please");
        let gone = server.say(author, "never mind");
        server.say(other, "like that");
        let thumb = json!({ "id": null, "name": "👍" });
        for user in [author, other] {
            server
                .simulation
                .react(server.guild, server.general, second, user, &thumb);
        }
        server.simulation.delete_message(server.guild, server.general, gone);

        let own = activity(&server, author, "me", &[]);
        let own = server.answer(&own).await;
        assert!(
            text(&own).contains("2 messages on 1 day (3 %) · 7 words · 1 code block · 1 link · 0 replies to others · 1 reaction received"),
            "{own}"
        );
        assert_eq!(own["flags"], 64, "only they see it");
        let foreign = activity(
            &server,
            other,
            "user",
            &[json!({ "type": 6, "name": "user", "value": author.to_string() })],
        );
        server.answer_with(&foreign, "Only staff may look").await;
        let top = activity(&server, other, "top", &[]);
        server
            .answer_with(&top, &format!("1. <@{author}>: 1 day, 2 messages"))
            .await;
        let sql = format!(
            "SELECT link_count || ' ' || react_count || ' ' || words FROM activity_messages WHERE message = {second}"
        );
        assert_eq!(server.rows(&sql), ["1 1 3"]);
        let feeds = server.rows("SELECT sql FROM activity_feeds");
        assert_eq!(feeds.len(), 5);
        for feed in feeds {
            let rows = server.rows(&format!("SELECT CAST(count(*) AS TEXT) FROM ({feed})"));
            assert_eq!(rows.len(), 1, "{feed}");
        }

        let export = activity(&server, author, "export", &[]);
        server
            .answer_with(&export, "is in your direct messages now: 1 file.")
            .await;
        let [sent] = &server.simulation.direct_messages(author)[..] else {
            panic!("one message")
        };
        let (name, exported) = file(sent);
        assert!(
            name == "activity-1.json" && exported.contains(&second.to_string()) && exported.contains("docs.rs"),
            "{sent}"
        );
        assert!(
            !exported.contains("how does this work"),
            "numbers, and no texts: {exported}"
        );

        let erase = activity(&server, author, "erase", &[]);
        let question = server.answer(&erase).await;
        let erase = server.click_answer(author, &question, "Erase");
        server.answer_with(&erase, "What was counted of you is erased.").await;
        let sql = "SELECT DISTINCT CAST(author AS TEXT) FROM activity_messages";
        server.rows_are(sql, &[&other.to_string()]).await;
    });
}
