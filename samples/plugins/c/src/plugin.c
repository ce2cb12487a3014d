// Keyword strikes: a message with a keyword is deleted and costs a strike, and too many strikes are a timeout.
#include "keyword_strikes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE UINT64_C(60000)
#define HOUR (60 * MINUTE)
// A user's strikes in words, one a line: there are at most 20.
#define ANSWER_BYTES (20 * (KEYWORD_BYTES + 64))

static bool is(plugin_string_t text, const char *other) {
    return text.len == strlen(other) && memcmp(text.ptr, other, text.len) == 0;
}

static void count(const char *name, uint64_t amount) {
    plugin_string_t counter = borrowed(name);
    metrics_count(&counter, amount);
}

static void write_log(log_level_t level, const char *line) {
    plugin_string_t message = borrowed(line);
    log_write(level, &message);
}

static void write_log_of(uint64_t user, const char *line) {
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, user);
    plugin_tuple2_string_string_t field = {borrowed("user"), borrowed(id)};
    plugin_list_tuple2_string_string_t fields = {&field, 1};
    plugin_string_t message = borrowed(line);
    log_write_fields(LOG_LEVEL_INFO, &message, &fields);
}

static bool punish(const settings_t *settings, uint64_t user, const char *strike) {
    uint64_t until = clock_now() + settings->timeout_minutes * MINUTE;
    if (!time_out(user, until, strike)) {
        return false;
    }
    if (settings->log_channel.is_some) {
        char note[TEXT_BYTES];
        snprintf(note, sizeof note, "<@%" PRIu64 "> gets a timeout until <t:%" PRIu64 ":t>. %s.", user, until / 1000, strike);
        if (!send_message(settings->log_channel.val, note)) {
            return false;
        }
    }
    return clear_strikes(user);
}

static bool judge(const events_message_t *message, const char *keyword) {
    count("matches", 1);
    uint64_t user = message->author.id;
    settings_t settings;
    database_rows_t strikes;
    if (!read_settings(&settings) || !add_strike(message, keyword, clock_now()) || !strikes_of(user, &strikes)) {
        return false;
    }
    size_t number = strikes.values.len / strikes.columns.len;
    database_rows_free(&strikes);
    char strike[TEXT_BYTES];
    snprintf(strike, sizeof strike, "Strike %zu of %" PRIu64 ", for \"%s\"", number, settings.limit, keyword);
    write_log_of(user, strike);
    if (!delete_message(message, strike)) {
        return false;
    }
    return number < settings.limit || punish(&settings, user, strike);
}

static bool message_created(const events_message_t *message) {
    // Webhooks are no members.
    if (message->author.bot || !message->member.is_some || is_staff(&message->member.val)) {
        return true;
    }
    database_rows_t keywords;
    if (!read_keywords(&keywords)) {
        return false;
    }
    char keyword[KEYWORD_BYTES];
    bool found = find_keyword(message->content, &keywords, keyword);
    database_rows_free(&keywords);
    return !found || judge(message, keyword);
}

// The user that a command names: SQLite reads the JSON.
static bool named_user(const events_interaction_t *interaction, uint64_t *user) {
    types_value_t values[] = {text(interaction->data)};
    database_rows_t rows;
    if (!query("SELECT CAST(json_extract(?1, '$.options[0].value') AS INTEGER)", values, 1, &rows)) {
        return false;
    }
    types_value_t named = rows.values.ptr[0];
    database_rows_free(&rows);
    *user = named.val.integer;
    return named.tag == TYPES_VALUE_INTEGER || fail("command data without a user", interaction->data);
}

static bool show_strikes(const events_interaction_t *interaction) {
    uint64_t user;
    settings_t settings;
    database_rows_t strikes;
    if (!named_user(interaction, &user) || !read_settings(&settings) || !strikes_of(user, &strikes)) {
        return false;
    }
    static char answer[ANSWER_BYTES];
    size_t number = strikes.values.len / strikes.columns.len;
    if (number == 0) {
        snprintf(answer, sizeof answer, "<@%" PRIu64 "> has no strikes.", user);
    } else {
        size_t length = snprintf(
            answer, sizeof answer, "<@%" PRIu64 "> has %zu of %" PRIu64 " strikes:", user, number, settings.limit);
        for (types_value_t *row = strikes.values.ptr; number-- > 0; row += 2) {
            plugin_string_t keyword = row[0].val.text;
            length += snprintf(answer + length, sizeof answer - length, "\n- \"%.*s\" <t:%" PRId64 ":R>", (int)keyword.len,
                keyword.ptr, row[1].val.integer / 1000);
        }
    }
    database_rows_free(&strikes);
    return answer_privately(interaction, answer);
}

static bool forgive(void) {
    settings_t settings;
    uint64_t forgiven;
    if (!read_settings(&settings) || !forgive_strikes(clock_now() - settings.forgive_hours * HOUR, &forgiven)) {
        return false;
    }
    if (forgiven > 0) {
        count("forgiven", forgiven);
        char line[TEXT_BYTES];
        snprintf(line, sizeof line, "Strikes forgiven: %" PRIu64, forgiven);
        write_log(LOG_LEVEL_INFO, line);
    }
    return true;
}

static void note_refusal(const events_action_result_t *result) {
    const size_t prefix = strlen("timeout:");
    plugin_string_t token = result->token;
    if (result->outcome.tag != EVENTS_OUTCOME_REFUSED || token.len < prefix || memcmp(token.ptr, "timeout:", prefix) != 0) {
        return;
    }
    const events_refusal_t *refusal = &result->outcome.val.refused;
    char line[TEXT_BYTES];
    snprintf(line, sizeof line, "The timeout of %.*s was refused: %.*s (%" PRIu32 ")", (int)(token.len - prefix),
        token.ptr + prefix, (int)refusal->message.len, refusal->message.ptr, refusal->code);
    write_log(LOG_LEVEL_WARN, line);
}

static bool dispatch(const events_event_data_t *data) {
    switch (data->tag) {
    case EVENTS_EVENT_DATA_MESSAGE_CREATE:
        return message_created(&data->val.message_create);
    case EVENTS_EVENT_DATA_INTERACTION_CREATE:
        return !is(data->val.interaction_create.command, "strikes") || show_strikes(&data->val.interaction_create);
    case EVENTS_EVENT_DATA_TIMER:
        return !is(data->val.timer.name, FORGIVE_TIMER) || forgive();
    case EVENTS_EVENT_DATA_ACTION_RESULT:
        note_refusal(&data->val.action_result);
        return true;
    default:
        return true;
    }
}

// One event of one guild. An error undoes its rows and actions.
bool exports_plugin_handle(plugin_event_t *event, plugin_string_t *error) {
    bool done = dispatch(&event->data);
    plugin_event_free(event);
    if (!done) {
        *error = failure;
    }
    return done;
}
