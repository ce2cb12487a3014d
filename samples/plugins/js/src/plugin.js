// Keyword strikes: a message with a keyword is deleted and costs a strike, and too many strikes are a timeout.

import { now } from "guildhall:plugin/clock@0.2.0";
import * as log from "guildhall:plugin/log@0.2.0";
import * as metrics from "guildhall:plugin/metrics@0.2.0";
import { answerPrivately, deleteMessage, sendMessage, timeOut } from "./actions.js";
import { FORGIVE, describe } from "./description.js";
import { reason } from "./reason.js";
import { isStaff, logChannel, readSettings } from "./settings.js";
import { addStrike, clearStrikes, forgiveStrikes, strikesOf } from "./strikes.js";
import { findKeyword } from "./words.js";

export { describe };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** An error undoes the call's rows and actions. */
export function handle({ data }) {
    try {
        dispatch(data);
    } catch (error) {
        throw reason(error);
    }
}

function dispatch(data) {
    switch (data.tag) {
        case "message-create":
            return judge(data.val);
        case "interaction-create":
            return data.val.command === "strikes" ? showStrikes(data.val) : undefined;
        case "timer":
            return data.val.name === FORGIVE ? forgive() : undefined;
        case "action-result":
            return noteRefusal(data.val);
    }
}

function judge(message) {
    // Webhooks are no members.
    if (message.author.bot || message.member === undefined || isStaff(message.member)) {
        return;
    }
    const settings = readSettings();
    const keyword = findKeyword(message.content, settings.keywords);
    if (keyword === undefined) {
        return;
    }
    metrics.count("matches", 1n);
    const user = message.author.id;
    addStrike(message, keyword, now());
    const count = strikesOf(user).length;
    const strike = `Strike ${count} of ${settings.limit}, for "${keyword}"`;
    log.writeFields("info", strike, [["user", String(user)]]);
    deleteMessage(message, strike);
    if (count < settings.limit) {
        return;
    }
    const until = now() + BigInt(settings.timeout_minutes * MINUTE);
    timeOut(user, until, strike);
    const channel = logChannel(settings);
    if (channel !== undefined) {
        sendMessage(channel, `<@${user}> gets a timeout until <t:${until / 1000n}:t>. ${strike}.`);
    }
    clearStrikes(user);
}

function showStrikes(interaction) {
    const user = BigInt(JSON.parse(interaction.data).options[0].value);
    const strikes = strikesOf(user);
    if (strikes.length === 0) {
        return answerPrivately(interaction, `<@${user}> has no strikes.`);
    }
    const lines = strikes.map(({ keyword, at }) => `- "${keyword}" <t:${at / 1000n}:R>`);
    answerPrivately(interaction, [`<@${user}> has ${strikes.length} of ${readSettings().limit} strikes:`, ...lines].join("\n"));
}

function forgive() {
    const forgiven = forgiveStrikes(now() - BigInt(readSettings().forgive_hours * HOUR));
    if (forgiven > 0n) {
        metrics.count("forgiven", forgiven);
        log.write("info", `Strikes forgiven: ${forgiven}`);
    }
}

function noteRefusal({ token, outcome }) {
    if (token.startsWith("timeout:") && outcome.tag === "refused") {
        const { message, code } = outcome.val;
        log.write("warn", `The timeout of ${token.slice("timeout:".length)} was refused: ${message} (${code})`);
    }
}
