//! Flags between guilds on one pod: three guilds that stop a spammer warn those that take part.

use crate::seen::text;
use crate::server::Server;
use crate::support::on_the_shared_pod;
use serde_json::json;

#[test]
fn whom_three_servers_flag_is_stopped_where_flags_are_shared_and_nowhere_else() {
    on_the_shared_pod(async |suite| {
        let mut servers = Vec::new();
        for shares in [true, true, true, true, false] {
            let server = suite.new_server();
            let share = json!({ "type": 5, "name": "share-flags", "value": shares });
            server.set_up(&[share]).await;
            servers.push(server);
        }
        let spammer = servers[0].newcomer();
        for server in &servers[1..] {
            server.simulation.join(server.guild, spammer);
        }
        let [flagging @ .., warned, apart] = &servers[..] else {
            panic!("five servers")
        };
        let is_untouched = |server: &Server| {
            let guild = server.guild;
            let about = |entry: &guildhall_sim::JournalEntry| entry.guild == Some(guild) && entry.user == Some(spammer);
            server.simulation.requests(about).is_empty()
        };
        for server in flagging {
            assert!(is_untouched(warned), "two servers are not enough");
            server.spam(spammer);
            server
                .request("the timeout", |entry| {
                    entry.route == "edit-member" && entry.user == Some(spammer)
                })
                .await;
            server.settle().await;
        }

        let timeout = warned
            .request("the timeout", |entry| entry.route == "edit-member")
            .await;
        assert_eq!(timeout.user, Some(spammer));
        let reason = timeout.reason.unwrap();
        assert!(reason.contains("flagged for spam in 3 servers"), "{reason}");
        let name = warned.simulation.guild_name(warned.guild).unwrap();
        let told = || {
            let messages = warned.simulation.direct_messages(spammer).into_iter();
            let about_here = messages.filter(|message| text(message).contains(&format!("In {name} it is timed out")));
            about_here.collect::<Vec<_>>()
        };
        warned.wait("the direct message", |_| !told().is_empty()).await;
        let [message] = &told()[..] else { panic!("one message") };
        for part in ["Change your password", "two-factor authentication", "Revoke the apps"] {
            assert!(text(message).contains(part), "{part} is not in {message}");
        }
        let thread = warned.thread(warned.log, spammer).await;
        let entry = warned.message_with(thread, "Flagged for spam in 3 servers").await;
        assert!(
            text(&entry).contains("timed out for 20 h, told by direct message"),
            "{entry}"
        );
        warned.settle().await;
        assert_eq!((warned.done_to(spammer, "edit-member"), told().len()), (1, 1));

        // Were the one that takes no part told, it would have been in the same moment, and before this command.
        let barrier = apart.command(apart.owner, "setup", &[]);
        apart.answer_with(&barrier, "Cross-guild flags: off").await;
        apart.settle().await;
        assert!(is_untouched(apart) && apart.simulation.threads(apart.log).is_empty());
    });
}
