//! The guilds that a simulation begins with: the same for the same seed.

use crate::config::SimConfig;
use crate::snowflake;
use crate::world::{Channel, Guild, Member, Role, World};
use std::collections::BTreeMap;

/// Names of every guild's text channels.
pub(crate) const CHANNELS: &[&str] = &[
    "general",
    "memes",
    "help",
    "off-topic",
    "links",
    "introductions",
    "honeypot",
    "mod-log",
    "deletion-log",
    "tickets",
    "best-of",
];

/// Those of them that are for moderators alone.
const PRIVATE: &[&str] = &["mod-log", "deletion-log"];

const DAY_MS: u64 = 86_400_000;
/// When the first guild was made: 2016-01-01.
const FIRST_GUILD_MS: u64 = 1_451_606_400_000;
/// What @everyone may do: view, send, react, read history.
pub(crate) const EVERYONE: u64 = 1 << 10 | 1 << 11 | 1 << 6 | 1 << 16;

pub(crate) fn world(config: &SimConfig) -> World {
    let bot = snowflake::at(FIRST_GUILD_MS) | 0xB07;
    let mut world = World {
        bot,
        ..World::default()
    };
    world.names.insert(bot, "guildhall".into());
    for index in 0..config.guilds {
        let guild = guild(config, bot, index as u64);
        for channel in guild.channels.keys() {
            world.channels.insert(*channel, guild.id);
        }
        world.guilds.insert(guild.id, guild);
    }
    world
}

fn guild(config: &SimConfig, bot: u64, index: u64) -> Guild {
    // A step that no small number of shards or threads divides: `id >> 22` spreads over them.
    let made_at = FIRST_GUILD_MS + (index + config.seed) * 7_919_011;
    let id = snowflake::at(made_at) | index & 0x3F_FFFF;
    let mut roles = BTreeMap::new();
    let mut role = |offset: u64, name: &str, permissions, position| {
        let id = if offset == 0 { id } else { id + (offset << 22) };
        roles.insert(
            id,
            Role {
                id,
                name: name.into(),
                permissions,
                position,
            },
        );
        id
    };
    role(0, "@everyone", config.everyone_permissions, 0);
    role(1, "restricted", 0, 1);
    // Kick, ban, manage messages, time out.
    let moderator = role(2, "moderator", 1 << 1 | 1 << 2 | 1 << 13 | 1 << 40, 5);
    let own = role(3, "guildhall", config.bot_permissions, 10);
    let channels = (100..)
        .zip(CHANNELS)
        .map(|(offset, name)| {
            let id = id + (offset << 22);
            let position = u32::try_from(offset).unwrap_or(0);
            (
                id,
                Channel {
                    id,
                    name: (*name).into(),
                    kind: 0,
                    position,
                    parent: None,
                    last_message: None,
                    owner: 0,
                    auto_archive_minutes: 0,
                    archived: false,
                    locked: false,
                    readers: if PRIVATE.contains(name) {
                        vec![moderator, own]
                    } else {
                        Vec::new()
                    },
                },
            )
        })
        .collect();
    let size = (config.members as u64 / (index + 1)).max(10);
    let mut members = BTreeMap::new();
    let mut people = Vec::new();
    for number in 0..size {
        // Accounts and memberships of several months: regulars.
        let user = id + ((1000 + number) << 22);
        let roles = if number == 1 { vec![moderator] } else { Vec::new() };
        members.insert(
            user,
            Member {
                roles,
                joined_at: made_at + DAY_MS,
                timed_out_until: None,
            },
        );
        people.push(user);
    }
    members.insert(
        bot,
        Member {
            roles: vec![own],
            joined_at: made_at + DAY_MS,
            timed_out_until: None,
        },
    );
    Guild {
        id,
        name: format!("Guild {}", index + 1),
        owner: people[0],
        roles,
        channels,
        members,
        people,
        bans: BTreeMap::new(),
        messages: Default::default(),
        message_order: Default::default(),
        audit_log: Vec::new(),
    }
}
