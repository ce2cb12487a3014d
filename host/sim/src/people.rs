//! What people do besides writing, as a test lets them.

use crate::interaction;
use crate::object;
use crate::rest;
use crate::simulation::Simulation;
use crate::snowflake::now_ms;
use crate::state::State;
use crate::world::Member;
use serde_json::{Value, json};

impl Simulation {
    /// A user joins a guild; they may be in others.
    pub fn join(&self, guild: u64, user: u64) {
        self.state(|state| {
            let member = Member {
                joined_at: now_ms(),
                ..Member::default()
            };
            let mut joined = object::member(&state.world, user, &member);
            joined["guild_id"] = json!(guild.to_string());
            if let Some(known) = state.world.guilds.get_mut(&guild) {
                known.members.insert(user, member);
            }
            state.dispatch("GUILD_MEMBER_ADD", guild, &joined.to_string());
        });
    }

    /// A member leaves a guild.
    pub fn leave(&self, guild: u64, user: u64) {
        self.state(|state| rest::remove_member(state, guild, user));
    }

    /// Somebody adds the bot to a guild: it has joined just now.
    pub fn add_bot(&self, guild: u64) {
        self.state(|state| {
            let bot = state.world.bot;
            let known = state.world.guilds.get_mut(&guild);
            if let Some(member) = known.and_then(|guild| guild.members.get_mut(&bot)) {
                member.joined_at = now_ms();
            }
            let described = state.world.guilds.get(&guild);
            if let Some(described) = described.map(|known| object::guild(&state.world, known)) {
                state.dispatch("GUILD_CREATE", guild, &described.to_string());
            }
        });
    }

    /// An author edits a message.
    pub fn edit_message(&self, guild: u64, message: u64, content: &str) {
        self.state(|state| {
            let known = state.world.guilds.get_mut(&guild);
            if let Some(message) = known.and_then(|guild| guild.messages.get_mut(&message)) {
                message.content = content.to_owned();
                message.edited_at = Some(now_ms());
            }
            if let Some(edited) = message_object(state, guild, message) {
                state.dispatch("MESSAGE_UPDATE", guild, &edited.to_string());
            }
        });
    }

    /// A moderator deletes somebody's message: the audit log tells so.
    pub fn delete_message_as(&self, moderator: u64, guild: u64, channel: u64, message: u64) {
        self.state(|state| {
            let known = state.world.guilds.get(&guild);
            let author = known
                .and_then(|guild| guild.messages.get(&message))
                .map(|message| message.author);
            rest::delete(state, guild, channel, message);
            if let Some(author) = author {
                rest::audit_deletion(state, guild, moderator, author, channel);
            }
        });
    }

    /// A member reacts to a message.
    pub fn react(&self, guild: u64, channel: u64, message: u64, user: u64, emoji: &Value) {
        self.state(|state| {
            rest::count_reaction(state, guild, message, emoji);
            let known = state.world.guilds.get(&guild);
            let member = known.and_then(|guild| guild.members.get(&user));
            let member = member.map(|member| object::member(&state.world, user, member));
            let data = json!({
                "user_id": user.to_string(), "channel_id": channel.to_string(), "message_id": message.to_string(),
                "guild_id": guild.to_string(), "member": member, "emoji": emoji, "burst": false, "type": 0,
            });
            state.dispatch("MESSAGE_REACTION_ADD", guild, &data.to_string());
        });
    }

    /// A member clicks on a button of a message; it arrives by the gateway. Answers the interaction; none where there is no
    /// such message.
    pub fn click(&self, guild: u64, channel: u64, user: u64, message: u64, custom_id: &str) -> Option<Value> {
        self.state(|state| {
            let interaction = interaction::click(state, guild, channel, user, message, custom_id)?;
            state.dispatch("INTERACTION_CREATE", guild, &interaction.to_string());
            Some(interaction)
        })
    }
}

fn message_object(state: &State, guild: u64, message: u64) -> Option<Value> {
    let found = state.world.guilds.get(&guild)?.messages.get(&message)?;
    Some(object::message(&state.world, guild, found))
}
