//! `describe`'s answer, rows and values.

use crate::bindings::guildhall::plugin::{database, guild, types};
use guildhall_model::{
    Capability, EventKind, GuildInfo, Migration, PluginDescription, RecurringTimer, Role, Rows, SettingsChange,
    SettingsMigration, Value,
};

impl From<types::Description> for PluginDescription {
    fn from(description: types::Description) -> Self {
        Self {
            id: description.id,
            version: description.version,
            events: EVENT_KINDS
                .iter()
                .filter(|(flag, _)| description.events.contains(*flag))
                .map(|(_, kind)| *kind)
                .collect(),
            commands: description.commands,
            settings_schema: description.settings_schema,
            settings_migrations: description
                .settings_migrations
                .into_iter()
                .map(|migration| SettingsMigration {
                    version: migration.version,
                    changes: migration.changes.into_iter().map(SettingsChange::from).collect(),
                })
                .collect(),
            capabilities: CAPABILITIES
                .iter()
                .filter(|(flag, _)| description.capabilities.contains(*flag))
                .map(|(_, capability)| *capability)
                .collect(),
            migrations: description
                .migrations
                .into_iter()
                .map(|migration| Migration {
                    version: migration.version,
                    sql: migration.sql,
                })
                .collect(),
            timers: description
                .timers
                .into_iter()
                .map(|timer| RecurringTimer {
                    name: timer.name,
                    every_seconds: timer.every_seconds,
                })
                .collect(),
            topics: description.topics.into_iter().collect(),
            emits: description.emits.into_iter().collect(),
            readable_plugins: description.readable_plugins.into_iter().collect(),
            http_hosts: description.http_hosts.into_iter().collect(),
        }
    }
}

impl From<types::SettingsChange> for SettingsChange {
    fn from(change: types::SettingsChange) -> Self {
        match change {
            types::SettingsChange::Move(moved) => Self::Move {
                from: moved.from,
                to: moved.to,
            },
            types::SettingsChange::Remove(place) => Self::Remove(place),
        }
    }
}

const EVENT_KINDS: &[(types::EventKinds, EventKind)] = &[
    (types::EventKinds::MESSAGE_CREATE, EventKind::MessageCreate),
    (types::EventKinds::MESSAGE_UPDATE, EventKind::MessageUpdate),
    (types::EventKinds::MESSAGE_DELETE, EventKind::MessageDelete),
    (types::EventKinds::MESSAGE_DELETE_BULK, EventKind::MessageDeleteBulk),
    (types::EventKinds::MEMBER_ADD, EventKind::MemberAdd),
    (types::EventKinds::MEMBER_REMOVE, EventKind::MemberRemove),
    (types::EventKinds::MEMBER_UPDATE, EventKind::MemberUpdate),
    (types::EventKinds::BAN_ADD, EventKind::BanAdd),
    (types::EventKinds::BAN_REMOVE, EventKind::BanRemove),
    (types::EventKinds::REACTION_ADD, EventKind::ReactionAdd),
    (types::EventKinds::REACTION_REMOVE, EventKind::ReactionRemove),
    (types::EventKinds::AUTOMOD_EXECUTION, EventKind::AutomodExecution),
    (types::EventKinds::AUDIT_LOG_ENTRY, EventKind::AuditLogEntry),
    (types::EventKinds::INTERACTION_CREATE, EventKind::InteractionCreate),
    (types::EventKinds::THREAD_CREATE, EventKind::ThreadCreate),
    (types::EventKinds::GUILD_CREATE, EventKind::GuildCreate),
    (types::EventKinds::GUILD_UPDATE, EventKind::GuildUpdate),
    (types::EventKinds::TIMER, EventKind::Timer),
    (types::EventKinds::SIGNAL, EventKind::Signal),
    (types::EventKinds::ACTION_RESULT, EventKind::ActionResult),
    (types::EventKinds::USER_FLAGGED, EventKind::UserFlagged),
];

const CAPABILITIES: &[(types::Capabilities, Capability)] = &[
    (types::Capabilities::SEND_MESSAGES, Capability::SendMessages),
    (types::Capabilities::DELETE_MESSAGES, Capability::DeleteMessages),
    (types::Capabilities::TIMEOUT_MEMBERS, Capability::TimeoutMembers),
    (types::Capabilities::KICK_MEMBERS, Capability::KickMembers),
    (types::Capabilities::BAN_MEMBERS, Capability::BanMembers),
    (types::Capabilities::MANAGE_ROLES, Capability::ManageRoles),
    (types::Capabilities::CREATE_THREADS, Capability::CreateThreads),
    (
        types::Capabilities::RESPOND_TO_INTERACTIONS,
        Capability::RespondToInteractions,
    ),
    (types::Capabilities::TIMERS, Capability::Timers),
    (types::Capabilities::SIGNALS, Capability::Signals),
    (types::Capabilities::READ_DISCORD, Capability::ReadDiscord),
    (types::Capabilities::CREATE_CHANNELS, Capability::CreateChannels),
    (types::Capabilities::DIRECT_MESSAGES, Capability::DirectMessages),
    (types::Capabilities::CONFIGURE_GUILD, Capability::ConfigureGuild),
    (types::Capabilities::FLAG_USERS, Capability::FlagUsers),
    (types::Capabilities::HTTP_REQUESTS, Capability::HttpRequests),
];

impl From<types::Value> for Value {
    fn from(value: types::Value) -> Self {
        match value {
            types::Value::Null => Self::Null,
            types::Value::Integer(integer) => Self::Integer(integer),
            types::Value::Real(real) => Self::Real(real),
            types::Value::Text(text) => Self::Text(text),
            types::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Value> for types::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(integer) => Self::Integer(integer),
            Value::Real(real) => Self::Real(real),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Rows> for database::Rows {
    fn from(rows: Rows) -> Self {
        Self {
            columns: rows.columns,
            values: rows.values.into_iter().map(types::Value::from).collect(),
        }
    }
}

impl From<GuildInfo> for guild::Info {
    fn from(info: GuildInfo) -> Self {
        Self {
            id: info.id.0,
            name: info.name,
            owner: info.owner.0,
            own_user: info.own_user.0,
        }
    }
}

impl From<Role> for guild::Role {
    fn from(role: Role) -> Self {
        // Discord's positions are below the number of roles, at most 250.
        let position = i32::try_from(role.position).unwrap_or(i32::MAX);
        Self {
            id: role.id.0,
            name: role.name,
            permissions: role.permissions,
            position,
        }
    }
}
