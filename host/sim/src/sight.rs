//! What people see: messages and threads as they stand at the moment, and what the bot has written to somebody.

use crate::journal::JournalEntry;
use crate::object;
use crate::simulation::Simulation;
use serde_json::Value;

impl Simulation {
    /// What the bot requested, as far as it matches.
    pub fn requests(&self, matches: impl Fn(&JournalEntry) -> bool) -> Vec<JournalEntry> {
        let state = self.shared().lock();
        state.journal.iter().filter(|entry| matches(entry)).cloned().collect()
    }

    /// What stands in a channel or thread, oldest first, as Discord's objects. An attached file has its text as `text`.
    pub fn messages(&self, channel: u64) -> Vec<Value> {
        let state = self.shared().lock();
        let guild = state.world.guild_of_channel(channel);
        let Some(guild) = guild.and_then(|guild| state.world.guilds.get(&guild)) else {
            return Vec::new();
        };
        let mut found: Vec<_> = guild
            .messages
            .values()
            .filter(|message| message.channel == channel)
            .collect();
        found.sort_by_key(|message| message.id);
        found
            .into_iter()
            .map(|message| object::message(&state.world, guild.id, message))
            .collect()
    }

    /// The threads below a channel, oldest first: id and name.
    pub fn threads(&self, channel: u64) -> Vec<(u64, String)> {
        let state = self.shared().lock();
        let guild = state.world.guild_of_channel(channel);
        let Some(guild) = guild.and_then(|guild| state.world.guilds.get(&guild)) else {
            return Vec::new();
        };
        let below = guild.channels.values();
        let below = below.filter(|known| known.is_thread() && known.parent == Some(channel));
        below.map(|thread| (thread.id, thread.name.clone())).collect()
    }

    /// What the bot has written to a user directly, oldest first, as it was sent.
    pub fn direct_messages(&self, user: u64) -> Vec<Value> {
        let state = self.shared().lock();
        let sent = state.journal.iter().filter(|entry| {
            let to = entry
                .channel
                .and_then(|channel| state.world.direct_channels.get(&channel));
            entry.route == "send-message" && entry.applied && to == Some(&user)
        });
        sent.map(|entry| entry.body.clone()).collect()
    }
}
