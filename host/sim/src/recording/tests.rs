use super::*;
use crate::config::SimConfig;
use crate::journal::JournalEntry;
use crate::rest::take_first_answer;
use crate::state::State;
use crate::world::Message;
use serde_json::json;

const KEPT: usize = 100;

/// A world in which lines happen.
struct Played {
    state: State,
    names: Names,
    guild: u64,
}

impl Played {
    fn new() -> Self {
        let state = State {
            world: crate::seed::world(&SimConfig::default()),
            ..State::default()
        };
        let guild = *state.world.guilds.keys().next().expect("a guild");
        Self {
            state,
            names: Names::default(),
            guild,
        }
    }

    fn try_line(&mut self, name: &str, data: Value) -> Result<(), Trouble> {
        let line = json!({ "at_ms": 1, "guild": 0, "t": name, "d": data });
        let line = serde_json::from_value(line).expect("a line");
        event::happen(&mut self.state, &mut self.names, KEPT, self.guild, &line)
    }

    fn line(&mut self, name: &str, data: Value) {
        self.try_line(name, data).expect("it happens");
    }

    fn says(&mut self, label: &str, author: &str, text: &str) {
        let author = json!({ "id": author, "username": "ann" });
        let data = json!({ "id": label, "channel_id": "$channel:general", "author": author, "content": text });
        self.line("MESSAGE_CREATE", data);
    }

    fn id(&self, name: &str) -> u64 {
        self.names.id(&self.state, self.guild, name).expect("an id")
    }

    fn message(&self, name: &str) -> &Message {
        &self.state.world.guilds[&self.guild].messages[&self.id(name)]
    }

    fn expectation(&self, line: Value) -> Expectation {
        let mut line = line;
        (line["at_ms"], line["guild"]) = (json!(1), json!(0));
        let line: Line = serde_json::from_value(line).expect("a line");
        let expected = Expected {
            guild: self.guild,
            since_ms: 1000,
            line: &line,
        };
        expected.resolve(&self.state, &self.names).expect("an expectation")
    }

    fn newest_interaction(&self) -> u64 {
        self.state.world.interactions.keys().copied().max().expect("one")
    }
}

fn entry(guild: u64, route: &str, user: Option<u64>, messages: &[u64], body: Value) -> JournalEntry {
    JournalEntry {
        at_ms: 1000,
        method: "POST".into(),
        path: String::new(),
        route: route.into(),
        guild: Some(guild),
        channel: None,
        user,
        messages: messages.to_vec(),
        status: 200,
        code: 0,
        applied: true,
        deduplicated: false,
        body,
        reason: None,
    }
}

#[test]
fn a_bad_line_is_named() {
    let error = Recording::parse("{\"at_ms\":1,\"guild\":0,\"t\":\"X\"}\n{\"at\":1}").expect_err("the second line");
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn placeholders_stand_for_ids_also_within_texts() {
    let mut played = Played::new();
    played.says("$message:a", "$person:0", "hello <@{$owner}> and <@{$new:x}>");
    let (owner, new) = (played.id("$owner"), played.id("$new:x"));
    let message = played.message("$message:a");
    assert_eq!(message.content, format!("hello <@{owner}> and <@{new}>"));
    assert_eq!(message.author, played.id("$person:0"));
    assert_eq!(played.state.world.user_name(message.author), "ann");
    let trouble = played.try_line("MESSAGE_DELETE", json!({ "id": "$message:b" }));
    assert!(matches!(trouble, Err(Trouble::NotYet(_))), "{trouble:?}");
}

#[test]
fn whoever_leaves_changes_nobodys_number() {
    let mut played = Played::new();
    let third = {
        played.says("$message:a", "$person:0", "morning");
        played.id("$person:3")
    };
    played.line("GUILD_MEMBER_REMOVE", json!({ "user": { "id": "$person:2" } }));
    assert_eq!(played.id("$person:3"), third);
    let known = &played.state.world.guilds[&played.guild];
    assert!(!known.members.contains_key(&played.id("$person:2")));
}

#[test]
fn events_change_the_world() {
    let mut played = Played::new();
    played.says("$message:a", "$person:0", "helo");
    played.line("MESSAGE_UPDATE", json!({ "id": "$message:a", "content": "hello" }));
    assert_eq!(played.message("$message:a").content, "hello");
    let star = json!({ "message_id": "$message:a", "user_id": "$person:1", "emoji": { "id": null, "name": "⭐" } });
    played.line("MESSAGE_REACTION_ADD", star.clone());
    assert_eq!(played.message("$message:a").reactions.values().sum::<u32>(), 1);
    played.line("MESSAGE_REACTION_REMOVE", star);
    assert!(played.message("$message:a").reactions.is_empty());
    let timeout = json!({ "user": { "id": "$person:1" }, "communication_disabled_until": "$in:60" });
    played.line("GUILD_MEMBER_UPDATE", timeout);
    played.line(
        "GUILD_AUDIT_LOG_ENTRY_CREATE",
        json!({ "action_type": 24, "user_id": "$moderator", "target_id": "$person:1" }),
    );
    played.line("GUILD_BAN_ADD", json!({ "user": { "id": "$person:2" } }));
    let guild = &played.state.world.guilds[&played.guild];
    assert!(guild.members[&played.id("$person:1")].timed_out_until.is_some());
    assert_eq!(guild.audit_log[0]["target_id"], played.id("$person:1").to_string());
    assert!(guild.bans.contains_key(&played.id("$person:2")));
    played.line("MESSAGE_DELETE", json!({ "id": "$message:a" }));
    assert!(played.state.world.guilds[&played.guild].messages.is_empty());
}

#[test]
fn an_expectation_looks_at_people_messages_and_texts() {
    let mut played = Played::new();
    played.says("$message:a", "$person:0", "spam");
    let (guild, spammer, message) = (played.guild, played.id("$person:0"), played.id("$message:a"));
    let report = format!("Report 1: <@{spammer}>");
    let journal = [
        entry(guild, "bulk-delete", None, &[message], json!({})),
        entry(guild, "edit-member", Some(spammer), &[], json!({})),
        entry(
            guild,
            "send-message",
            None,
            &[],
            json!({ "embeds": [{ "title": report }] }),
        ),
        entry(guild + 1, "ban", Some(spammer), &[], json!({})),
        JournalEntry {
            at_ms: 999,
            ..entry(guild, "ban", Some(spammer), &[], json!({}))
        },
    ];
    let count = |line: Value| played.expectation(line).count(&journal);
    assert_eq!(count(json!({ "expect": "delete-message", "message": "$message:a" })), 1);
    assert_eq!(count(json!({ "expect": "delete-message", "author": "$person:*" })), 1);
    assert_eq!(count(json!({ "expect": "delete-message", "author": "$person:1" })), 0);
    assert_eq!(count(json!({ "expect": "edit-member", "user": "$person:*" })), 1);
    let except = json!({ "expect": "edit-member", "user": "$person:*", "except": ["$person:0"], "times": 0 });
    assert_eq!(count(except), 0);
    let both = json!({ "expect": "edit-member", "user": "$new:*", "times": 0 });
    assert_eq!(count(both), 0);
    let told = |text: &str| json!({ "expect": "send-message", "text": ["Report 1", text] });
    assert_eq!(count(told("<@{$person:0}>")), 1);
    assert_eq!(count(told("<@{$person:1}>")), 0);
    assert_eq!(
        count(json!({ "expect": "ban" })),
        0,
        "one was in another guild, and one before"
    );
}

#[test]
fn commands_carry_what_they_name() {
    let mut played = Played::new();
    played.says("$message:a", "$person:0", "rude");
    let track = json!({ "name": "Track", "type": 3, "target_id": "$message:a" });
    let data = json!({ "user": "$moderator", "data": track.clone() });
    played.line("INTERACTION_CREATE", data);
    let interaction = &played.state.world.interactions[&played.newest_interaction()];
    assert_eq!(interaction.channel, played.id("$channel:general"));
    let option = json!({ "type": 8, "name": "role", "value": played.id("$role:moderator").to_string() });
    let subcommand = json!({ "type": 1, "name": "set", "options": [option] });
    let resolved = hands::resolved(&played.state, played.guild, &json!({ "options": [subcommand] })).expect("a role");
    let role = played.id("$role:moderator").to_string();
    assert_eq!(resolved["roles"][role]["name"], "moderator");
}

#[test]
fn a_button_is_pressed_where_it_is_shown_and_can_be() {
    let mut played = Played::new();
    let press = json!({ "user": "$moderator", "press": "Open", "about": "tickets" });
    let trouble = played.try_line("INTERACTION_CREATE", press.clone());
    assert!(matches!(trouble, Err(Trouble::NotYet(_))), "{trouble:?}");

    let button = |disabled: bool| {
        let button =
            json!({ "type": 2, "label": "Open", "custom_id": "tickets:open:1", "style": 1, "disabled": disabled });
        json!([{ "type": 1, "components": [button] }])
    };
    let (bot, channel) = (played.state.world.bot, played.id("$channel:help"));
    let id = played.state.world.snowflakes.next();
    let message = Message {
        id,
        channel,
        author: bot,
        extra: json!({ "components": button(false) }),
        ..Message::default()
    };
    let guild = played.guild;
    played
        .state
        .world
        .guilds
        .get_mut(&guild)
        .expect("a guild")
        .keep(message, KEPT);
    played.line("INTERACTION_CREATE", press.clone());
    let click = played.newest_interaction();
    let interaction = &played.state.world.interactions[&click];
    assert_eq!((interaction.message, interaction.channel), (Some(id), channel));

    take_first_answer(
        &mut played.state,
        click,
        &json!({ "type": 9, "data": { "custom_id": "tickets:concern:1" } }),
    );
    let fill = json!({ "user": "$moderator", "fill": { "concern": "help" } });
    played.line("INTERACTION_CREATE", fill.clone());
    let trouble = played.try_line("INTERACTION_CREATE", fill);
    assert!(
        matches!(trouble, Err(Trouble::NotYet(_))),
        "a modal is sent once: {trouble:?}"
    );

    take_first_answer(
        &mut played.state,
        click,
        &json!({ "type": 7, "data": { "components": button(true) } }),
    );
    let trouble = played.try_line("INTERACTION_CREATE", press);
    assert!(matches!(trouble, Err(Trouble::NotYet(_))), "{trouble:?}");
}

#[test]
fn an_answer_that_only_its_user_sees_has_buttons_for_that_user() {
    let mut played = Played::new();
    let command = json!({ "user": "$moderator", "channel_id": "$channel:general", "data": { "name": "x" } });
    played.line("INTERACTION_CREATE", command);
    let command = played.newest_interaction();
    let button = json!({ "type": 2, "label": "Delete", "custom_id": "report:delete:1", "style": 4 });
    let shown = json!({ "content": "Tracked", "components": [{ "type": 1, "components": [button] }] });
    take_first_answer(&mut played.state, command, &json!({ "type": 4, "data": shown }));
    let press = |user: &str| json!({ "user": user, "press": "Delete" });
    let trouble = played.try_line("INTERACTION_CREATE", press("$owner"));
    assert!(matches!(trouble, Err(Trouble::NotYet(_))), "{trouble:?}");
    played.line("INTERACTION_CREATE", press("$moderator"));
    let click = played.newest_interaction();
    assert_eq!(played.state.world.interactions[&click].message, Some(command));
    take_first_answer(
        &mut played.state,
        click,
        &json!({ "type": 7, "data": { "content": "Deleted" } }),
    );
    assert_eq!(played.state.world.interactions[&command].shown["content"], "Deleted");
}
