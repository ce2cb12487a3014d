//! The guilds and what is in them.

use crate::snowflake::Snowflakes;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Everything that exists.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) snowflakes: Snowflakes,
    /// The bot's user and application id.
    pub(crate) bot: u64,
    /// Bots besides it.
    pub(crate) extra_bots: HashSet<u64>,
    pub(crate) guilds: BTreeMap<u64, Guild>,
    /// The guild of each channel.
    pub(crate) channels: HashMap<u64, u64>,
    pub(crate) names: HashMap<u64, String>,
    /// Messages by enforced nonce, with the time they were sent.
    pub(crate) nonces: HashMap<String, (u64, u64)>,
    pub(crate) interactions: HashMap<u64, Interaction>,
    /// The bot's global commands.
    pub(crate) commands: Vec<Value>,
    /// The user of each channel between the bot and a user.
    pub(crate) direct_channels: HashMap<u64, u64>,
}

#[derive(Debug)]
pub(crate) struct Guild {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) owner: u64,
    pub(crate) roles: BTreeMap<u64, Role>,
    pub(crate) channels: BTreeMap<u64, Channel>,
    pub(crate) members: BTreeMap<u64, Member>,
    /// People in the order of their joining, for the load.
    pub(crate) people: Vec<u64>,
    pub(crate) bans: BTreeMap<u64, Option<String>>,
    pub(crate) messages: HashMap<u64, Message>,
    pub(crate) message_order: VecDeque<u64>,
    /// Newest last.
    pub(crate) audit_log: Vec<Value>,
}

#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) permissions: u64,
    pub(crate) position: u32,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) kind: u8,
    pub(crate) position: u32,
    pub(crate) parent: Option<u64>,
    /// The message that was sent last, also when it is deleted.
    pub(crate) last_message: Option<u64>,
    /// Of a thread.
    pub(crate) owner: u64,
    /// Of a thread.
    pub(crate) auto_archive_minutes: u64,
    /// Of a thread.
    pub(crate) archived: bool,
    /// Of a thread.
    pub(crate) locked: bool,
    /// Roles that see it; none where everyone does.
    pub(crate) readers: Vec<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Member {
    pub(crate) roles: Vec<u64>,
    pub(crate) joined_at: u64,
    pub(crate) timed_out_until: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) channel: u64,
    pub(crate) author: u64,
    pub(crate) content: String,
    pub(crate) edited_at: Option<u64>,
    pub(crate) reply_to: Option<u64>,
    pub(crate) nonce: Option<Value>,
    /// Embeds, components and flags as they were sent; attachments and what it forwards.
    pub(crate) extra: Value,
    /// How often it was reacted to, by emoji as JSON.
    pub(crate) reactions: BTreeMap<String, u32>,
}

#[derive(Debug)]
pub(crate) struct Interaction {
    pub(crate) token: String,
    pub(crate) sent_at: std::time::Instant,
    pub(crate) answered: bool,
    pub(crate) guild: u64,
    pub(crate) channel: u64,
    pub(crate) user: u64,
    /// The message whose component was used. An answer that only its user sees has its interaction's id.
    pub(crate) message: Option<u64>,
    /// Whether its answers change that message, and are none of their own.
    pub(crate) updates: bool,
    /// The answer as its user sees it now.
    pub(crate) shown: Value,
    /// The modal that it opened, until that is sent.
    pub(crate) modal: Value,
}

impl Channel {
    pub(crate) fn is_thread(&self) -> bool {
        (10..=12).contains(&self.kind)
    }
}

impl World {
    pub(crate) fn user_name(&self, id: u64) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| format!("user-{id}"))
    }

    pub(crate) fn guild_of_channel(&self, channel: u64) -> Option<u64> {
        self.channels.get(&channel).copied()
    }

    /// The guild's channel of this name.
    pub(crate) fn channel_named(&self, guild: u64, name: &str) -> Option<u64> {
        self.guilds
            .get(&guild)?
            .channels
            .values()
            .find(|channel| channel.name == name)
            .map(|channel| channel.id)
    }
}

impl Guild {
    /// Keeps a message, and forgets the oldest beyond the bound.
    pub(crate) fn keep(&mut self, message: Message, bound: usize) {
        if let Some(channel) = self.channels.get_mut(&message.channel) {
            channel.last_message = Some(message.id);
        }
        self.message_order.push_back(message.id);
        self.messages.insert(message.id, message);
        while self.message_order.len() > bound.max(1) {
            if let Some(oldest) = self.message_order.pop_front() {
                self.messages.remove(&oldest);
            }
        }
    }

    /// Positions of the member's highest role.
    pub(crate) fn rank(&self, user: u64) -> u32 {
        let Some(member) = self.members.get(&user) else {
            return 0;
        };
        member
            .roles
            .iter()
            .filter_map(|role| self.roles.get(role))
            .map(|role| role.position)
            .max()
            .unwrap_or(0)
    }

    /// The member's permissions in the guild.
    pub(crate) fn permissions(&self, user: u64) -> u64 {
        const ADMINISTRATOR: u64 = 1 << 3;
        let own = self.members.get(&user).map_or(&[][..], |member| &member.roles);
        let bits = own
            .iter()
            .chain([&self.id])
            .filter_map(|role| self.roles.get(role))
            .fold(0, |bits, role| bits | role.permissions);
        if user == self.owner || bits & ADMINISTRATOR != 0 {
            u64::MAX
        } else {
            bits
        }
    }
}
