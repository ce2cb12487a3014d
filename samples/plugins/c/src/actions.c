// The actions that the plugin submits. They leave when the call's rows are on disk.
#include "keyword_strikes.h"

#include <inttypes.h>
#include <stdio.h>

static plugin_option_string_t given(const char *text) {
    return (plugin_option_string_t){true, borrowed(text)};
}

static bool submit(actions_action_t action, actions_options_t options) {
    actions_error_t error;
    if (actions_submit(&action, &options, &error)) {
        return true;
    }
    // Each case carries a text.
    fail("action", error.val.invalid);
    actions_error_free(&error);
    return false;
}

bool delete_message(const events_message_t *message, const char *reason) {
    actions_id_t messages[] = {message->id};
    actions_action_t action = {
        .tag = ACTIONS_ACTION_DELETE_MESSAGES, .val.delete_messages = {message->channel, {messages, 1}}};
    return submit(action, (actions_options_t){.reason = given(reason)});
}

// The result comes back as an action-result with this token.
bool time_out(uint64_t user, uint64_t until, const char *reason) {
    char token[32];
    snprintf(token, sizeof token, "timeout:%" PRIu64, user);
    actions_action_t action = {.tag = ACTIONS_ACTION_TIMEOUT, .val.timeout = {user, {true, until}}};
    return submit(action, (actions_options_t){.reason = given(reason), .token = given(token)});
}

bool send_message(uint64_t channel, const char *content) {
    actions_action_t action = {
        .tag = ACTIONS_ACTION_SEND_MESSAGE, .val.send_message = {channel, {.content = given(content)}}};
    return submit(action, (actions_options_t){0});
}

// Answers an interaction with a text that only its user sees. SQLite writes the JSON.
bool answer_privately(const events_interaction_t *interaction, const char *content) {
    types_value_t values[] = {text(borrowed(content))};
    database_rows_t rows;
    if (!query("SELECT json_object('content', ?1, 'flags', 64, 'allowed_mentions', json_object('parse', json_array()))",
               values, 1, &rows)) {
        return false;
    }
    actions_respond_t answer = {
        .interaction = interaction->id, .token = interaction->token, .kind = 4, .data = rows.values.ptr[0].val.text};
    actions_action_t action = {.tag = ACTIONS_ACTION_RESPOND, .val.respond = answer};
    bool done = submit(action, (actions_options_t){0});
    database_rows_free(&rows);
    return done;
}
