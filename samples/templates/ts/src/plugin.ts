// Greets whoever writes for the first time.

import { submit } from "guildhall:plugin/actions@0.2.0";
import { open } from "guildhall:plugin/database@0.2.0";
import type { Event, Message } from "guildhall:plugin/events@0.2.0";
import { settings } from "guildhall:plugin/guild@0.2.0";
import type { Description, Id } from "guildhall:plugin/types@0.2.0";
import { reason } from "./reason";

/** They fit the schema, and what is not set has its default: the host sees to both. */
interface Settings {
    greeting: string;
}

const SETTINGS_SCHEMA = {
    type: "object",
    additionalProperties: false,
    properties: { greeting: { type: "string", maxLength: 100, default: "Welcome", description: "How to greet" } },
};

export function describe(): Description {
    return {
        id: "__id__",
        version: "0.1.0",
        events: { messageCreate: true },
        capabilities: { sendMessages: true },
        migrations: [{ version: 1, sql: "CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)" }],
        settingsSchema: JSON.stringify(SETTINGS_SCHEMA),
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
export function handle({ data }: Event): void {
    try {
        if (data.tag === "message-create" && !data.val.author.bot) {
            greet(data.val);
        }
    } catch (error) {
        throw reason(error);
    }
}

function greet(message: Message): void {
    const user = message.author.id;
    const sql = "INSERT OR IGNORE INTO __snake___greeted VALUES (?1)";
    const isNew = open().execute(sql, [{ tag: "integer", val: user }]) === 1n;
    if (isNew) {
        const { greeting }: Settings = JSON.parse(settings());
        sendMessage(message.channel, `${greeting}, <@${user}>!`);
    }
}

function sendMessage(channel: Id, content: string): void {
    const body = { content, embeds: [], components: "", allowMentions: false, flags: 0, files: [] };
    submit({ tag: "send-message", val: { channel, body } }, {});
}
