//! A recording in the place of a story: the guild is the one that was recorded, and what happened in it happens again, at the
//! same moments. What the plugin asks for is answered from what the recording has shown so far.

use crate::plugins::Plugins;
use crate::stage::{Person, Stage};
use crate::telling::{self, Log};
use anyhow::{Context, Result};
use guildhall_gateway::ObservedCall;
use guildhall_model::COMMON_SETTINGS;
use guildhall_sim::{Told, ToldEvent};
use serde_json::{Map, Value};
use std::time::UNIX_EPOCH;

/// Ids of an event that say what it is about.
const ABOUT: [&str; 8] = [
    "user_id",
    "id",
    "message_id",
    "channel_id",
    "role_id",
    "target_id",
    "action_type",
    "type",
];

/// What came of a recorded guild.
#[derive(Debug)]
pub struct Replayed {
    /// What happened, with the rows that are left.
    pub text: String,
    /// Events that Discord sent.
    pub events: usize,
    /// Actions for Discord.
    pub actions: usize,
    /// Every call of the plugin.
    pub calls: Vec<ObservedCall>,
}

/// Settings that a replay has; what is called `{#general}` or `{@ann}` in them stands for ids.
#[derive(Clone, Debug, Default)]
pub struct ReplaySettings {
    /// The plugin's own.
    pub own: Map<String, Value>,
    /// Those that all plugins share.
    pub common: Map<String, Value>,
}

/// Plays one guild of a recording through a plugin; the first guild is 0.
pub fn replay(
    told: &Told,
    number: usize,
    plugins: &Plugins,
    plugin: &str,
    settings: &ReplaySettings,
) -> Result<Replayed> {
    let (guild, events) = of_guild(told, number)?;
    let ids = [plugin.to_owned()];
    let registry = plugins.registry(&ids)?;
    let directory = tempfile::tempdir()?;
    let log = Log::default();
    tracing::subscriber::with_default(log.subscriber(), || -> Result<_> {
        let mut stage = Stage::of_recording(guild, told.bot, &events, &registry, directory.path(), log.clone())?;
        for (plugin, settings) in [(plugin, &settings.own), (COMMON_SETTINGS, &settings.common)] {
            if !settings.is_empty() {
                stage.set_settings(plugin, &serde_json::to_string(settings)?)?;
            }
        }
        for event in &events {
            stage
                .happen_again(event)
                .with_context(|| format!("{} at {}", event.name, event.at_ms))?;
        }
        let observed = stage.take_observed();
        Ok(Replayed {
            text: stage.finish(&format!("guild {number}"), &ids, None, directory.path())?,
            events: events.len(),
            actions: stage.actions,
            calls: observed.calls,
        })
    })
}

impl Stage {
    /// Lets a recorded event happen, and all timers that fall due before it.
    pub(crate) fn happen_again(&mut self, event: &ToldEvent) -> Result<()> {
        self.pass_until(event.at_ms)?;
        self.learn(&event.name, &event.data);
        let actions = self.dispatch(&event.name, event.data.clone())?;
        self.follow(actions)?;
        if self.has_happened() {
            let headline = self.headline(event);
            self.end_step(&headline);
        }
        Ok(())
    }

    fn headline(&mut self, event: &ToldEvent) -> String {
        let offset = telling::offset(event.at_ms, self.start);
        let data = &event.data;
        let about = if event.name == "MESSAGE_CREATE" {
            let text = data["content"].as_str().unwrap_or_default();
            let id = |value: &Value| value.as_str().unwrap_or("?").to_owned();
            let (message, author, channel) = (id(&data["id"]), id(&data["author"]["id"]), id(&data["channel_id"]));
            format!("{message} by {author} in {channel}: {text}")
        } else {
            let user = data["user"]["id"].as_str().or(data["member"]["user"]["id"].as_str());
            let named = user.map(|user| format!("user={user}")).into_iter();
            let fields = ABOUT
                .iter()
                .filter(|key| data[**key].is_string() || data[**key].is_number());
            let fields = fields.map(|key| format!("{key}={}", data[*key].to_string().trim_matches('"')));
            named.chain(fields).collect::<Vec<_>>().join(" ")
        };
        format!("{offset}  {} {about}", event.name)
    }

    /// Takes in what the event shows: what there is, and what it is called.
    pub(crate) fn learn(&mut self, name: &str, data: &Value) {
        match name {
            "GUILD_CREATE" => self.learn_guild(data),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => self.learn_role(&data["role"]),
            "GUILD_ROLE_DELETE" => drop(id(&data["role_id"]).map(|role| self.roles.remove(&role))),
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => self.learn_channel(data),
            "CHANNEL_DELETE" | "THREAD_DELETE" => drop(id(&data["id"]).map(|channel| self.channels.remove(&channel))),
            "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" => self.learn_member(&data["user"], data),
            "GUILD_MEMBER_REMOVE" | "GUILD_BAN_ADD" => {
                let person = id(&data["user"]["id"]).and_then(|user| self.people.get_mut(&user));
                person.into_iter().for_each(|person| person.here = false);
            }
            "MESSAGE_CREATE" => {
                self.learn_member(&data["author"], &data["member"]);
                if let Some(message) = id(&data["id"]) {
                    self.names.add_numbered("message", message);
                    self.messages.insert(message, data.clone());
                }
            }
            "MESSAGE_UPDATE" => {
                let known = id(&data["id"]).and_then(|message| self.messages.get_mut(&message));
                if let (Some(Value::Object(known)), Value::Object(changes)) = (known, data) {
                    known.extend(changes.clone());
                }
            }
            "MESSAGE_DELETE" => drop(id(&data["id"]).map(|message| self.messages.remove(&message))),
            "MESSAGE_DELETE_BULK" => {
                for message in data["ids"].as_array().into_iter().flatten().filter_map(id) {
                    self.messages.remove(&message);
                }
            }
            "GUILD_AUDIT_LOG_ENTRY_CREATE" => {
                self.audit.push(data.clone());
                id(&data["id"]).map(|entry| self.names.add_numbered("audit", entry));
            }
            "INTERACTION_CREATE" => {
                self.learn_member(&data["member"]["user"], &data["member"]);
                id(&data["id"]).map(|interaction| self.names.add_numbered("interaction", interaction));
            }
            _ => {}
        }
    }

    fn learn_guild(&mut self, data: &Value) {
        let list = |key: &str| data[key].as_array().cloned().unwrap_or_default();
        for role in list("roles") {
            self.learn_role(&role);
        }
        for channel in list("channels").iter().chain(&list("threads")) {
            self.learn_channel(channel);
        }
        for member in list("members") {
            self.learn_member(&member["user"], &member);
        }
    }

    fn learn_role(&mut self, role: &Value) {
        let Some(role_id) = id(&role["id"]) else { return };
        self.roles.insert(role_id, role.clone());
        if role_id != self.guild {
            self.call("&", &role["name"], role_id);
        }
    }

    fn learn_channel(&mut self, channel: &Value) {
        let Some(channel_id) = id(&channel["id"]) else { return };
        self.channels.insert(channel_id, channel.clone());
        self.call("#", &channel["name"], channel_id);
    }

    fn learn_member(&mut self, user: &Value, member: &Value) {
        let Some(user_id) = id(&user["id"]) else { return };
        self.call("@", &user["username"], user_id);
        let start = self.start;
        let person = self.people.entry(user_id).or_insert_with(|| Person {
            name: user["username"].as_str().unwrap_or("somebody").to_owned(),
            bot: user["bot"] == true,
            roles: Vec::new(),
            joined_at: start,
            timed_out_until: None,
            here: false,
        });
        if let Some(roles) = member["roles"].as_array() {
            person.roles = roles.iter().filter_map(id).collect();
            person.here = true;
        }
        if member.is_object() {
            person.joined_at = moment(&member["joined_at"]).unwrap_or(person.joined_at);
            person.timed_out_until = moment(&member["communication_disabled_until"]);
        }
    }

    /// Gives an id a name, with a number where another has it.
    fn call(&mut self, sign: &str, name: &Value, id: u64) {
        let bare = name.as_str().filter(|name| !name.is_empty()).unwrap_or("nameless");
        let bare = bare.replace(char::is_whitespace, "-");
        let taken = |name: &str| self.names.get(name).is_some_and(|known| known != id);
        let mut called = format!("{sign}{bare}");
        let mut number = 1;
        while taken(&called) {
            number += 1;
            called = format!("{sign}{bare}-{number}");
        }
        self.names.add(called, id);
    }
}

fn id(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

fn moment(value: &Value) -> Option<u64> {
    let moment = humantime::parse_rfc3339_weak(value.as_str()?.split('+').next()?).ok()?;
    u64::try_from(moment.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// The events of one guild.
pub(crate) fn of_guild(told: &Told, number: usize) -> Result<(u64, Vec<&ToldEvent>)> {
    let guild = *told
        .guilds
        .get(number)
        .with_context(|| format!("guild {number} of {}: the recording has fewer", told.guilds.len()))?;
    Ok((guild, told.events.iter().filter(|event| event.guild == guild).collect()))
}
