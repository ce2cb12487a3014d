// The strikes in the guild's database.
#include "keyword_strikes.h"

bool add_strike(const events_message_t *message, const char *keyword, uint64_t now) {
    types_value_t values[] = {
        integer(message->id), integer(message->author.id), text(borrowed(keyword)), integer(now)};
    uint64_t added;
    return execute("INSERT INTO keyword_strikes_strikes (message, user, keyword, at) VALUES (?1, ?2, ?3, ?4)", values, 4, &added);
}

bool strikes_of(uint64_t user, database_rows_t *strikes) {
    types_value_t values[] = {integer(user)};
    return query("SELECT keyword, at FROM keyword_strikes_strikes WHERE user = ?1 ORDER BY message DESC", values, 1, strikes);
}

bool clear_strikes(uint64_t user) {
    types_value_t values[] = {integer(user)};
    uint64_t cleared;
    return execute("DELETE FROM keyword_strikes_strikes WHERE user = ?1", values, 1, &cleared);
}

// Forgets strikes of this moment and before.
bool forgive_strikes(uint64_t until, uint64_t *forgiven) {
    types_value_t values[] = {integer(until)};
    return execute("DELETE FROM keyword_strikes_strikes WHERE at <= ?1", values, 1, forgiven);
}
