// The actions that the plugin submits. They leave when the call's rows are on disk.

import { submit } from "guildhall:plugin/actions@0.2.0";

export function deleteMessage(message, reason) {
    submit({ tag: "delete-messages", val: { channel: message.channel, messages: [message.id] } }, { reason });
}

/** The result comes back as an `action-result` with this token. */
export function timeOut(user, until, reason) {
    submit({ tag: "timeout", val: { user, until } }, { reason, token: `timeout:${user}` });
}

export function sendMessage(channel, content) {
    const body = { content, embeds: [], components: "", allowMentions: false, flags: 0, files: [] };
    submit({ tag: "send-message", val: { channel, body } }, {});
}

/** Answers an interaction with a text that only its user sees. */
export function answerPrivately(interaction, content) {
    const data = JSON.stringify({ content, flags: 1 << 6, allowed_mentions: { parse: [] } });
    submit({ tag: "respond", val: { interaction: interaction.id, token: interaction.token, kind: 4, data } }, {});
}
