//! Components that were built for contract 0.1.0 do what they did: the tests that the first two plugins had then, on their builds
//! of that time.

use crate::support::*;

const HONEYPOT: &str = "contract-0.1.0/honeypot";
const SPAM_GUARD: &str = "contract-0.1.0/spam_guard";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_the_honeypot_is_a_softban_and_a_log_line() {
    let simulation = simulation(2).await;
    let _pod = pod(&simulation, &[HONEYPOT]).await;
    let guild = simulation.guild_ids()[0];
    let (honeypot, log) = (
        simulation.channel_id(guild, "honeypot").unwrap(),
        simulation.channel_id(guild, "mod-log").unwrap(),
    );
    let (owner, spammer) = (simulation.people(guild)[0], simulation.newcomer(guild));

    simulation.send_message(guild, honeypot, owner, "please do not write here");
    simulation.send_message(guild, honeypot, spammer, "free stuff @everyone");

    let ban = wait_journal(&simulation, "the ban", |entry| entry.route == "ban").await;
    assert_eq!(
        (ban.user, ban.body["delete_message_seconds"].as_u64()),
        (Some(spammer), Some(604_800))
    );
    assert_eq!(ban.reason.as_deref(), Some("wrote in a honeypot channel"));
    wait_journal(&simulation, "the unban", |entry| {
        entry.route == "unban" && entry.user == Some(spammer)
    })
    .await;
    let line = wait_journal(&simulation, "the log line", |entry| entry.route == "send-message").await;
    assert_eq!(line.channel, Some(log));
    assert!(
        line.body["content"].as_str().unwrap().contains("@\u{200b}everyone"),
        "{}",
        line.body
    );
    assert_eq!(line.body["allowed_mentions"]["parse"], serde_json::json!([]));
    assert!(
        simulation.journal().iter().all(|entry| entry.user != Some(owner)),
        "staff is never judged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_in_three_channels_is_deleted_everywhere_and_its_author_timed_out() {
    let simulation = simulation(1).await;
    let _pod = pod(&simulation, &[SPAM_GUARD]).await;
    let guild = simulation.guild_ids()[0];
    let spammer = simulation.newcomer(guild);
    let text = "earn money from home, ask me how";
    let mut messages = Vec::new();
    for channel in ["general", "memes", "links"] {
        let channel = simulation.channel_id(guild, channel).unwrap();
        messages.push(simulation.send_message(guild, channel, spammer, text));
    }
    for message in messages {
        wait_journal(&simulation, "a deletion", |entry| {
            entry.applied && entry.messages == [message]
        })
        .await;
    }
    let timeout = wait_journal(&simulation, "the timeout", |entry| entry.route == "edit-member").await;
    assert_eq!(timeout.user, Some(spammer));
    let line = wait_journal(&simulation, "the explanation", |entry| {
        entry.route == "send-message"
            && entry.body["content"]
                .as_str()
                .is_some_and(|text| text.contains("cross_channel_spam +15"))
    })
    .await;
    assert!(
        line.body["content"].as_str().unwrap().contains("timed out for 20 h"),
        "{}",
        line.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_command_makes_a_channel_a_honeypot() {
    let simulation = simulation(1).await;
    let _pod = pod(&simulation, &[HONEYPOT]).await;
    let guild = simulation.guild_ids()[0];
    let channel = simulation.channel_id(guild, "off-topic").unwrap();
    let people = simulation.people(guild);
    let command = serde_json::json!({
        "id": "1", "name": "honeypot-setup", "type": 1,
        "options": [{ "type": 7, "name": "channel", "value": channel.to_string() }],
    });

    simulation.dispatch_interaction(guild, channel, people[5], 2, &command);
    let refusal = wait_journal(&simulation, "the refusal", |entry| {
        entry.route == "interaction-callback"
    })
    .await;
    assert!(
        refusal.body["data"]["content"]
            .as_str()
            .unwrap()
            .contains("Only administrators"),
        "{}",
        refusal.body
    );

    simulation.dispatch_interaction(guild, channel, people[0], 2, &command);
    wait_journal(&simulation, "the warning", |entry| {
        entry.route == "send-message" && entry.channel == Some(channel)
    })
    .await;
    let spammer = simulation.newcomer(guild);
    simulation.send_message(guild, channel, spammer, "hello");
    wait_journal(&simulation, "the ban", |entry| {
        entry.route == "ban" && entry.user == Some(spammer)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_one_guild_hold_there_and_defaults_elsewhere() {
    let simulation = simulation(2).await;
    let guilds = simulation.guild_ids();
    let configuration = format!(
        "[settings.honeypot]\nresponse = \"ban\"\n[guild_settings.\"{}\".honeypot]\nresponse = \"timeout\"\ntimeout_hours = 2\n",
        guilds[1]
    );
    let _pod = pod_with(&simulation, &[HONEYPOT], &configuration).await;
    let spammers: Vec<_> = guilds.iter().map(|guild| simulation.newcomer(*guild)).collect();
    for (guild, spammer) in guilds.iter().zip(&spammers) {
        let honeypot = simulation.channel_id(*guild, "honeypot").unwrap();
        simulation.send_message(*guild, honeypot, *spammer, "hello");
    }
    wait_journal(&simulation, "the ban", |entry| {
        entry.route == "ban" && entry.user == Some(spammers[0])
    })
    .await;
    wait_journal(&simulation, "the timeout", |entry| {
        entry.route == "edit-member" && entry.user == Some(spammers[1])
    })
    .await;
    assert!(
        simulation.journal().iter().all(|entry| entry.route != "unban"),
        "a ban by setting is not lifted"
    );
}
