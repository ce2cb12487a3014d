// What the plugin tells the host of itself.

export const FORGIVE = "forgive";

const SETTINGS = {
    type: "object",
    additionalProperties: false,
    properties: {
        keywords: {
            type: "array",
            items: { type: "string", minLength: 1, maxLength: 100 },
            maxItems: 200,
            default: [],
            description: "Words, or several words in a row, that cost a strike",
        },
        limit: { type: "integer", minimum: 1, maximum: 20, default: 3, description: "Strikes until a timeout" },
        timeout_minutes: {
            type: "integer", minimum: 1, maximum: 40320, default: 10, description: "How long the timeout is",
        },
        forgive_hours: {
            type: "integer", minimum: 1, maximum: 8760, default: 24, description: "How long a strike counts",
        },
        log_channel: {
            type: "string", pattern: "^[0-9]+$",
            description: "Where timeouts are noted; the guild's log channel if not set",
        },
    },
};

const STRIKES_COMMAND = {
    name: "strikes",
    description: "Shows how many strikes somebody has",
    // MODERATE_MEMBERS
    default_member_permissions: String(1n << 40n),
    contexts: [0],
    // 6 is a user.
    options: [{ type: 6, name: "user", description: "Whose strikes", required: true }],
};

const TABLES = `
CREATE TABLE keyword_strikes_strikes (
    message INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    keyword TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX keyword_strikes_by_user ON keyword_strikes_strikes (user);
CREATE INDEX keyword_strikes_by_time ON keyword_strikes_strikes (at);
`;

export function describe() {
    return {
        id: "keyword-strikes",
        version: "1.0.0",
        events: { messageCreate: true, interactionCreate: true, timer: true, actionResult: true },
        capabilities: { deleteMessages: true, timeoutMembers: true, sendMessages: true, respondToInteractions: true },
        commands: [JSON.stringify(STRIKES_COMMAND)],
        settingsSchema: JSON.stringify(SETTINGS),
        settingsMigrations: [],
        migrations: [{ version: 1, sql: TABLES }],
        timers: [{ name: FORGIVE, everySeconds: 3600 }],
        topics: [],
        emits: [],
        readablePlugins: [],
        httpHosts: [],
    };
}
