// The settings of the guild.

import * as guild from "guildhall:plugin/guild@0.2.0";

/** They fit the schema, and what is not set has its default: the host sees to both. */
export function readSettings() {
    return JSON.parse(guild.settings());
}

/** Where timeouts are noted: the plugin's own setting comes before the guild's. */
export function logChannel(settings) {
    return settings.log_channel === undefined ? guild.common().logChannel : BigInt(settings.log_channel);
}

/** Staff is never judged. */
export function isStaff(member) {
    const moderatorRole = guild.common().moderatorRole;
    return moderatorRole !== undefined && member.roles.includes(moderatorRole);
}
