// Greets whoever writes for the first time.

import { submit } from "guildhall:plugin/actions@0.2.0";
import { open } from "guildhall:plugin/database@0.2.0";
import { settings } from "guildhall:plugin/guild@0.2.0";
import { reason } from "./reason.js";

const SETTINGS = {
    type: "object",
    additionalProperties: false,
    properties: { greeting: { type: "string", maxLength: 100, default: "Welcome", description: "How to greet" } },
};

export function describe() {
    return {
        id: "__id__",
        version: "0.1.0",
        events: { messageCreate: true },
        capabilities: { sendMessages: true },
        migrations: [{ version: 1, sql: "CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)" }],
        settingsSchema: JSON.stringify(SETTINGS),
        settingsMigrations: [],
        commands: [],
        timers: [],
        topics: [],
        emits: [],
        readablePlugins: [],
        httpHosts: [],
    };
}

/** One event of one guild. An error undoes its rows and actions. */
export function handle({ data }) {
    try {
        if (data.tag === "message-create" && !data.val.author.bot) {
            greet(data.val);
        }
    } catch (error) {
        throw reason(error);
    }
}

function greet(message) {
    const user = message.author.id;
    const sql = "INSERT OR IGNORE INTO __snake___greeted VALUES (?1)";
    const isNew = open().execute(sql, [{ tag: "integer", val: user }]) === 1n;
    if (isNew) {
        const { greeting } = JSON.parse(settings());
        sendMessage(message.channel, `${greeting}, <@${user}>!`);
    }
}

function sendMessage(channel, content) {
    const body = { content, embeds: [], components: "", allowMentions: false, flags: 0, files: [] };
    submit({ tag: "send-message", val: { channel, body } }, {});
}
