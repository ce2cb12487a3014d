//! Which events a session's intents let through (Discord, Gateway, List of Intents).

/// Every bit that Discord defines.
const KNOWN: u64 = 0b11_0000_0011_0001_1111_1111_1111_1111;
pub(crate) const GUILD_MEMBERS: u64 = 1 << 1;
pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;

pub(crate) fn are_valid(intents: u64) -> bool {
    intents & !KNOWN == 0
}

/// Whether a session with these intents gets this event.
pub(crate) fn allow(intents: u64, event: &str) -> bool {
    let needed = match event {
        "GUILD_MEMBER_ADD" | "GUILD_MEMBER_REMOVE" | "GUILD_MEMBER_UPDATE" => GUILD_MEMBERS,
        "GUILD_BAN_ADD" | "GUILD_BAN_REMOVE" | "GUILD_AUDIT_LOG_ENTRY_CREATE" => 1 << 2,
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => 1 << 9,
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => 1 << 10,
        "TYPING_START" => 1 << 11,
        "PRESENCE_UPDATE" => 1 << 8,
        "AUTO_MODERATION_ACTION_EXECUTION" => 1 << 21,
        "INTERACTION_CREATE" | "READY" | "RESUMED" | "RATE_LIMITED" | "GUILD_MEMBERS_CHUNK" => return true,
        _ => 1,
    };
    intents & needed != 0
}
