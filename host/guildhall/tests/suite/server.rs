//! A guild of a test: its people, and what they do with commands, buttons and modals.

use crate::seen::{button_id, text};
use guildhall_harness::Pod;
use guildhall_sim::Simulation;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// A guild. Owner and moderator are its staff once it is set up.
pub(crate) struct Server {
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) guild: u64,
    pub(crate) owner: u64,
    pub(crate) moderator: u64,
    /// People without any role.
    pub(crate) members: Vec<u64>,
    pub(crate) general: u64,
    /// The mod-log's channel.
    pub(crate) log: u64,
    /// The channel of deleted and edited messages.
    pub(crate) deletions: u64,
    /// The guild's file.
    pub(crate) file: PathBuf,
    /// What the process has logged.
    pub(crate) process_log: PathBuf,
}

impl Server {
    pub(crate) fn new(simulation: Arc<Simulation>, pod: &Pod, guild: u64) -> Self {
        let channel = |name| simulation.channel_id(guild, name).expect("a channel");
        let people = simulation.people(guild);
        Self {
            guild,
            owner: people[0],
            moderator: people[1],
            members: people[2..].to_vec(),
            general: channel("general"),
            log: channel("mod-log"),
            deletions: channel("deletion-log"),
            file: pod.guilds().join(format!("{guild}.db")),
            process_log: pod.plugins().with_file_name("log"),
            simulation,
        }
    }

    /// The id of a role of the seed, by its number.
    fn role(&self, number: u64) -> String {
        (self.guild + (number << 22)).to_string()
    }

    pub(crate) fn restricted_role(&self) -> String {
        self.role(1)
    }

    pub(crate) fn moderator_role(&self) -> String {
        self.role(2)
    }

    /// The owner uses `/setup`; a quorum of two, as there are two moderators.
    pub(crate) async fn set_up(&self, more: &[Value]) {
        let mut options = vec![
            json!({ "type": 8, "name": "moderator-role", "value": self.moderator_role() }),
            json!({ "type": 7, "name": "mod-log", "value": self.log.to_string() }),
            json!({ "type": 7, "name": "deletion-log", "value": self.deletions.to_string() }),
            json!({ "type": 8, "name": "restricted-role", "value": self.restricted_role() }),
            json!({ "type": 4, "name": "quorum", "value": 2 }),
        ];
        options.extend_from_slice(more);
        let answer = self.command(self.owner, "setup", &options);
        let answer = self.answer(&answer).await;
        assert!(text(&answer).starts_with("**Set up**"), "{answer}");
    }

    pub(crate) fn channel(&self, name: &str) -> u64 {
        self.simulation.channel_id(self.guild, name).expect("a channel")
    }

    /// An account of two hours that joined a minute ago.
    pub(crate) fn newcomer(&self) -> u64 {
        self.simulation.newcomer(self.guild)
    }

    pub(crate) fn say(&self, author: u64, content: &str) -> u64 {
        self.say_in(self.general, author, content)
    }

    pub(crate) fn say_in(&self, channel: u64, author: u64, content: &str) -> u64 {
        self.simulation.send_message(self.guild, channel, author, content)
    }

    /// The same text in three channels within a moment: what only spammers do.
    pub(crate) fn spam(&self, spammer: u64) -> [(u64, u64); 3] {
        ["general", "memes", "links"].map(|name| {
            let channel = self.channel(name);
            (
                channel,
                self.say_in(channel, spammer, "earn money from home, ask me how"),
            )
        })
    }

    /// A slash command in the general channel; answers the interaction.
    pub(crate) fn command(&self, user: u64, name: &str, options: &[Value]) -> Value {
        self.command_in(self.general, user, name, options)
    }

    pub(crate) fn command_in(&self, channel: u64, user: u64, name: &str, options: &[Value]) -> Value {
        let data = json!({ "id": "1", "name": name, "type": 1, "options": options });
        self.simulation
            .dispatch_interaction(self.guild, channel, user, 2, &data)
    }

    /// A command of the context menu, on a message.
    pub(crate) fn use_on_message(&self, user: u64, name: &str, channel: u64, message: u64) -> Value {
        let id = message.to_string();
        let messages = self.simulation.messages(channel);
        let found = messages.iter().find(|message| message["id"] == id);
        let found = found.expect("the message stands there");
        let data =
            json!({ "id": "1", "name": name, "type": 3, "target_id": id, "resolved": { "messages": { &id: found } } });
        self.simulation
            .dispatch_interaction(self.guild, channel, user, 2, &data)
    }

    /// A command of the context menu, on a user who may have left.
    pub(crate) fn use_on_user(&self, user: u64, name: &str, target: u64) -> Value {
        let id = target.to_string();
        let resolved = json!({ "id": id, "username": format!("user-{target}"), "discriminator": "0", "bot": false });
        let data =
            json!({ "id": "1", "name": name, "type": 2, "target_id": id, "resolved": { "users": { &id: resolved } } });
        self.simulation
            .dispatch_interaction(self.guild, self.general, user, 2, &data)
    }

    /// A click on the button with this label of a message that everybody in the channel sees; answers the interaction.
    pub(crate) fn click(&self, user: u64, channel: u64, message: &Value, label: &str) -> Value {
        let (id, custom_id) = (id_of(message), button_id(message, label));
        let clicked = self.simulation.click(self.guild, channel, user, id, &custom_id);
        clicked.expect("the message stands there")
    }

    /// A click on the button with this label of an answer that only this user sees.
    pub(crate) fn click_answer(&self, user: u64, answer: &Value, label: &str) -> Value {
        let data = json!({ "component_type": 2, "custom_id": button_id(answer, label) });
        self.simulation
            .dispatch_interaction(self.guild, self.general, user, 3, &data)
    }

    /// The modal that was opened is sent, with this text in its one field.
    pub(crate) fn submit(&self, user: u64, modal: &Value, content: &str) -> Value {
        let field = &modal["components"][0]["component"]["custom_id"];
        assert!(field.is_string(), "a modal with one field: {modal}");
        let filled = json!({ "type": 18, "component": { "type": 4, "custom_id": field, "value": content } });
        let data = json!({ "custom_id": modal["custom_id"], "components": [filled] });
        self.simulation
            .dispatch_interaction(self.guild, self.general, user, 5, &data)
    }
}

pub(crate) fn id_of(object: &Value) -> u64 {
    let id = object["id"].as_str().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("no id: {object}"))
}
