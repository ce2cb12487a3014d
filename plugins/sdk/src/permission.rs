//! Discord's permission bits that moderation asks for (Discord, Permissions).

/// Kick members.
pub const KICK_MEMBERS: u64 = 1 << 1;
/// Ban members.
pub const BAN_MEMBERS: u64 = 1 << 2;
/// Everything.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Create, edit and delete channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// Change the guild.
pub const MANAGE_GUILD: u64 = 1 << 5;
/// Add reactions.
pub const ADD_REACTIONS: u64 = 1 << 6;
/// Read the audit log.
pub const VIEW_AUDIT_LOG: u64 = 1 << 7;
/// See a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Send messages.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Delete others' messages.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Post embeds.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Attach files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Read older messages.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Mention @everyone, @here and all roles.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Give and take roles below the highest own one.
pub const MANAGE_ROLES: u64 = 1 << 28;
/// Manage threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Create public threads.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Create private threads.
pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
/// Write in threads.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
/// Time members out.
pub const MODERATE_MEMBERS: u64 = 1 << 40;

/// Whether these permissions hold this one; administrators have all.
pub fn allows(permissions: u64, needed: u64) -> bool {
    permissions & (needed | ADMINISTRATOR) != 0
}
