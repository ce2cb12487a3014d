// The strikes in the guild's database.

import { open } from "guildhall:plugin/database@0.2.0";

const integer = (val) => ({ tag: "integer", val });
const text = (val) => ({ tag: "text", val });

export function addStrike(message, keyword, now) {
    const sql = "INSERT INTO keyword_strikes_strikes (message, user, keyword, at) VALUES (?1, ?2, ?3, ?4)";
    open().execute(sql, [integer(message.id), integer(message.author.id), text(keyword), integer(now)]);
}

/** The user's strikes, the newest first. */
export function strikesOf(user) {
    const sql = "SELECT keyword, at FROM keyword_strikes_strikes WHERE user = ?1 ORDER BY message DESC";
    const { columns, values } = open().query(sql, [integer(user)]);
    const strikes = [];
    for (let row = 0; row < values.length; row += columns.length) {
        strikes.push({ keyword: values[row].val, at: values[row + 1].val });
    }
    return strikes;
}

export function clearStrikes(user) {
    open().execute("DELETE FROM keyword_strikes_strikes WHERE user = ?1", [integer(user)]);
}

/** Forgets strikes of this moment and before; answers how many. */
export function forgiveStrikes(until) {
    return open().execute("DELETE FROM keyword_strikes_strikes WHERE at <= ?1", [integer(until)]);
}
