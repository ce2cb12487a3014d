//! A load: seeded traffic of many guilds, at a rate or as fast as the client takes it.

use crate::simulation::Simulation;
use crate::snowflake::{at, iso8601, now_ms, unix_ms};
use crate::state::State;
use crate::world::{Member, Message};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Payloads that may wait for a socket before the load pauses, as a slow client makes Discord's buffers do.
const QUEUED: usize = 2048;
const STEP: Duration = Duration::from_millis(1);

/// What happens, how often, and for how long.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadConfig {
    /// Events per second; none for as many as the client takes.
    pub events_per_second: Option<u32>,
    /// Events in all.
    pub events: u64,
    /// Every n-th message begins with `!probe` and is measured; 0 for none.
    pub probe_every: u64,
    /// Guilds are equally busy; otherwise the n-th has about 1/n of the traffic (Zipf).
    pub uniform: bool,
    /// Of 1000 events, how many are reactions, edits, deletions and joins; the rest are messages.
    pub reactions: u32,
    /// See `reactions`.
    pub edits: u32,
    /// See `reactions`.
    pub deletions: u32,
    /// See `reactions`.
    pub joins: u32,
    /// Every n-th event is a raid: a new account writes the same text into three channels at once; 0 for none.
    pub raid_every: u64,
    /// Makes it repeatable.
    pub seed: u64,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self {
            events_per_second: Some(100),
            events: 1000,
            probe_every: 0,
            uniform: false,
            reactions: 0,
            edits: 0,
            deletions: 0,
            joins: 0,
            raid_every: 0,
            seed: 1,
        }
    }
}

/// What a load did.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LoadReport {
    /// Events that happened.
    pub events: u64,
    /// Messages among them.
    pub messages: u64,
    /// How long it took.
    pub seconds: f64,
}

const WORDS: &[&str] = &[
    "hello",
    "anyone",
    "seen",
    "the",
    "new",
    "release",
    "today",
    "works",
    "for",
    "me",
    "thanks",
    "how",
    "do",
    "you",
    "fix",
    "this",
    "error",
    "later",
    "maybe",
    "cool",
    "great",
    "question",
    "about",
    "borrow",
    "checker",
    "lifetimes",
];

struct Load<'simulation> {
    simulation: &'simulation Simulation,
    config: LoadConfig,
    guilds: Vec<u64>,
    channels: Vec<Vec<u64>>,
    random: SmallRng,
    report: LoadReport,
    text: String,
}

impl Simulation {
    /// Runs a load to its end.
    pub async fn run_load(&self, config: LoadConfig) -> LoadReport {
        let (guilds, channels) = {
            let state = self.shared().lock();
            let guilds: Vec<_> = state.world.guilds.keys().copied().collect();
            let channels = state
                .world
                .guilds
                .values()
                .map(|guild| {
                    guild
                        .channels
                        .values()
                        .filter(|channel| channel.kind == 0 && is_for_chat(&channel.name))
                        .map(|channel| channel.id)
                        .collect()
                })
                .collect();
            (guilds, channels)
        };
        let random = SmallRng::seed_from_u64(config.seed);
        let load = Load {
            simulation: self,
            config,
            guilds,
            channels,
            random,
            report: LoadReport::default(),
            text: String::new(),
        };
        load.run().await
    }
}

/// Nobody chats in a honeypot, in the moderators' logs, or where only the bot writes.
fn is_for_chat(name: &str) -> bool {
    !matches!(name, "honeypot" | "mod-log" | "deletion-log" | "tickets" | "best-of")
}

impl Load<'_> {
    async fn run(mut self) -> LoadReport {
        let started = Instant::now();
        while self.report.events < self.config.events && !self.guilds.is_empty() {
            let due = match self.config.events_per_second {
                Some(rate) => (started.elapsed().as_secs_f64() * f64::from(rate)) as u64,
                None => self.report.events + 64,
            };
            let waits = self.happen_until(due.min(self.config.events));
            if waits || self.config.events_per_second.is_some() {
                tokio::time::sleep(STEP).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        self.report.seconds = started.elapsed().as_secs_f64();
        self.report
    }

    /// Lets events happen until there are so many in all; answers whether the client is too far behind instead.
    fn happen_until(&mut self, due: u64) -> bool {
        let mut state = self.simulation.shared().lock();
        let mut behind = state.sessions.queued() > QUEUED;
        while !behind && self.report.events < due {
            self.happen(&mut state);
            behind = self.report.events.is_multiple_of(64) && state.sessions.queued() > QUEUED;
        }
        behind
    }

    fn happen(&mut self, state: &mut State) {
        self.report.events += 1;
        let guild = self.pick_guild();
        if self.config.raid_every > 0 && self.report.events.is_multiple_of(self.config.raid_every) {
            return self.raid(state, guild);
        }
        let LoadConfig {
            reactions,
            edits,
            deletions,
            joins,
            ..
        } = self.config;
        let kind = self.random.random_range(0..1000);
        if kind < reactions {
            self.on_message(state, guild, "MESSAGE_REACTION_ADD");
        } else if kind < reactions + edits {
            self.on_message(state, guild, "MESSAGE_UPDATE");
        } else if kind < reactions + edits + deletions {
            self.on_message(state, guild, "MESSAGE_DELETE");
        } else if kind < reactions + edits + deletions + joins {
            let id = self.guilds[guild];
            let user = newcomer(state, id);
            let joined = iso8601(now_ms());
            let data = json!({
                "guild_id": id.to_string(), "user": crate::object::user(&state.world, user), "roles": [], "joined_at": joined,
                "deaf": false, "mute": false, "flags": 0, "nick": null, "avatar": null, "communication_disabled_until": null,
            });
            state.dispatch("GUILD_MEMBER_ADD", id, &data.to_string());
        } else {
            self.message(state, guild);
        }
    }

    fn pick_guild(&mut self) -> usize {
        let guilds = self.guilds.len();
        if self.config.uniform {
            return self.random.random_range(0..guilds);
        }
        // The inverse of Zipf's distribution function, exponent 1, taken as continuous.
        let uniform: f64 = self.random.random();
        let rank = ((guilds + 1) as f64).powf(uniform) as usize;
        rank.clamp(1, guilds) - 1
    }

    fn message(&mut self, state: &mut State, guild: usize) {
        let id = self.guilds[guild];
        self.report.messages += 1;
        let probe = self.config.probe_every > 0 && self.report.messages.is_multiple_of(self.config.probe_every);
        let channel = self.channels[guild][self.random.random_range(0..self.channels[guild].len())];
        let Some(people) = state
            .world
            .guilds
            .get(&id)
            .map(|guild| guild.people.len())
            .filter(|people| *people > 0)
        else {
            return;
        };
        let person = self.random.random_range(0..people);
        let mut content = String::with_capacity(80);
        if probe {
            // Formatting into a String cannot fail.
            let _ = write!(content, "!probe {}", self.report.messages);
        }
        for _ in 0..self.random.random_range(3..12) {
            if !content.is_empty() {
                content.push(' ');
            }
            content.push_str(WORDS[self.random.random_range(0..WORDS.len())]);
        }
        let author = state.world.guilds.get(&id).map_or(0, |guild| guild.people[person]);
        let message = say(
            state,
            &mut self.text,
            self.simulation.shared().config.messages_kept,
            id,
            channel,
            author,
            content,
        );
        if probe {
            state.latencies.dispatched(message);
        }
    }

    fn raid(&mut self, state: &mut State, guild: usize) {
        let id = self.guilds[guild];
        let raider = newcomer(state, id);
        let channels: Vec<_> = self.channels[guild].iter().copied().take(3).collect();
        for channel in channels {
            let content = "free nitro, claim your gift at https://discord-gifts.example".to_owned();
            say(
                state,
                &mut self.text,
                self.simulation.shared().config.messages_kept,
                id,
                channel,
                raider,
                content,
            );
            self.report.messages += 1;
        }
    }

    /// Something happens to a message of the guild that is still known.
    fn on_message(&mut self, state: &mut State, guild: usize, event: &str) {
        let id = self.guilds[guild];
        let Some(known) = state.world.guilds.get(&id) else {
            return;
        };
        let Some(message) = known
            .message_order
            .back()
            .and_then(|message| known.messages.get(message))
        else {
            return self.message(state, guild);
        };
        let (message_id, channel, author) = (message.id, message.channel, message.author);
        let mut data = json!({ "channel_id": channel.to_string(), "guild_id": id.to_string() });
        match event {
            "MESSAGE_REACTION_ADD" => {
                data["message_id"] = json!(message_id.to_string());
                data["user_id"] = json!(author.to_string());
                data["emoji"] = json!({ "id": null, "name": "👍" });
                let emoji = data["emoji"].clone();
                crate::rest::count_reaction(state, id, message_id, &emoji);
            }
            "MESSAGE_UPDATE" => {
                data = crate::object::message(&state.world, id, message);
                data["content"] = json!("edited");
                data["edited_timestamp"] = json!(iso8601(now_ms()));
            }
            _ => {
                data["id"] = json!(message_id.to_string());
                if let Some(known) = state.world.guilds.get_mut(&id) {
                    known.messages.remove(&message_id);
                }
            }
        }
        state.dispatch(event, id, &data.to_string());
    }
}

/// An account of two hours joins the guild.
pub(crate) fn newcomer(state: &mut State, guild: u64) -> u64 {
    let now = state.world.snowflakes.now_ms();
    let user = at(now - 2 * 3_600_000) | state.world.snowflakes.next() & 0x3F_FFFF | (now & 0x3FF) << 12;
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        known.members.insert(
            user,
            Member {
                joined_at: now - 60_000,
                ..Member::default()
            },
        );
    }
    user
}

/// A member sends a message; answers its id. The text is written by hand: this is what a load does most.
pub(crate) fn say(
    state: &mut State,
    text: &mut String,
    kept: usize,
    guild: u64,
    channel: u64,
    author: u64,
    content: String,
) -> u64 {
    let id = state.world.snowflakes.next();
    text.clear();
    let name = state.world.user_name(author);
    let known = state.world.guilds.get(&guild);
    let member = known.and_then(|guild| guild.members.get(&author));
    let joined = iso8601(member.map_or(0, |member| member.joined_at));
    let mut roles = String::new();
    for role in member.map_or(&[][..], |member| &member.roles) {
        let separator = if roles.is_empty() { "" } else { "," };
        // Formatting into a String cannot fail.
        let _ = write!(roles, "{separator}\"{role}\"");
    }
    let timestamp = iso8601(unix_ms(id));
    let quoted = serde_json::to_string(&content).unwrap_or_default();
    let _ = write!(
        text,
        r#"{{"type":0,"tts":false,"timestamp":"{timestamp}","pinned":false,"nonce":"{id}","mentions":[],"mention_roles":[],"mention_everyone":false,"member":{{"roles":[{roles}],"premium_since":null,"pending":false,"nick":null,"mute":false,"joined_at":"{joined}","flags":0,"deaf":false,"communication_disabled_until":null,"banner":null,"avatar":null}},"id":"{id}","flags":0,"embeds":[],"edited_timestamp":null,"content":{quoted},"components":[],"channel_type":0,"channel_id":"{channel}","author":{{"username":"{name}","public_flags":0,"primary_guild":null,"id":"{author}","global_name":null,"display_name_styles":null,"discriminator":"0","collectibles":null,"clan":null,"bot":false,"avatar_decoration_data":null,"avatar":null}},"attachments":[],"guild_id":"{guild}"}}"#
    );
    state.dispatch("MESSAGE_CREATE", guild, text);
    if let Some(known) = state.world.guilds.get_mut(&guild) {
        known.keep(
            Message {
                id,
                channel,
                author,
                content,
                ..Message::default()
            },
            kept,
        );
    }
    id
}
