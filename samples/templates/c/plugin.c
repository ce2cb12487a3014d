// Greets whoever writes for the first time.
#include "bindings/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char SETTINGS_SCHEMA[] =
    "{"
    "  \"type\": \"object\","
    "  \"additionalProperties\": false,"
    "  \"properties\": {"
    "    \"greeting\": { \"type\": \"string\", \"maxLength\": 100, \"default\": \"Welcome\", \"description\": \"How to greet\" }"
    "  }"
    "}";

// The host frees it, so all of it is on the heap.
void exports_plugin_describe(plugin_description_t *description) {
    *description = (plugin_description_t){
        .events = TYPES_EVENT_KINDS_MESSAGE_CREATE,
        .capabilities = TYPES_CAPABILITIES_SEND_MESSAGES,
        .migrations = {malloc(sizeof(types_migration_t)), 1},
    };
    plugin_string_dup(&description->id, "__id__");
    plugin_string_dup(&description->version, "0.1.0");
    plugin_string_dup(&description->settings_schema, SETTINGS_SCHEMA);
    description->migrations.ptr->version = 1;
    plugin_string_dup(&description->migrations.ptr->sql, "CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)");
}

static plugin_string_t borrowed(const char *text) {
    return (plugin_string_t){(uint8_t *)text, strlen(text)};
}

// Runs a statement with one parameter, and frees the error.
static bool query(const char *sql, types_value_t parameter, database_rows_t *rows, plugin_string_t *why) {
    database_own_connection_t connection;
    database_error_t error;
    bool done = database_open(&connection, &error);
    if (done) {
        plugin_string_t statement = borrowed(sql);
        database_list_value_t parameters = {&parameter, 1};
        done = database_method_connection_query(
            database_borrow_connection(connection), &statement, &parameters, rows, &error);
        database_connection_drop_own(connection);
    }
    if (!done) {
        // All cases but this carry a text.
        plugin_string_t text = error.tag == DATABASE_ERROR_CLOSED ? borrowed("closed") : error.val.sql;
        plugin_string_dup_n(why, (char *)text.ptr, text.len);
        database_error_free(&error);
    }
    return done;
}

static bool send_message(uint64_t channel, const char *content, plugin_string_t *why) {
    actions_action_t action = {
        .tag = ACTIONS_ACTION_SEND_MESSAGE,
        .val.send_message = {channel, {.content = {true, borrowed(content)}}},
    };
    actions_options_t options = {0};
    actions_error_t error;
    if (actions_submit(&action, &options, &error)) {
        return true;
    }
    // Each case carries a text, which is ours now.
    *why = error.val.invalid;
    return false;
}

static bool greet(const events_message_t *message, plugin_string_t *why) {
    types_value_t user = {.tag = TYPES_VALUE_INTEGER, .val.integer = (int64_t)message->author.id};
    database_rows_t added;
    if (!query("INSERT OR IGNORE INTO __snake___greeted VALUES (?1) RETURNING user", user, &added, why)) {
        return false;
    }
    bool is_new = added.values.len == 1;
    database_rows_free(&added);
    if (!is_new) {
        return true;
    }
    // They fit the schema, and what is not set has its default: the host sees to both. SQLite reads the JSON.
    types_value_t settings = {.tag = TYPES_VALUE_TEXT};
    guild_settings(&settings.val.text);
    database_rows_t rows;
    bool done = query("SELECT json_extract(?1, '$.greeting')", settings, &rows, why);
    types_value_free(&settings);
    if (!done) {
        return false;
    }
    char text[512];
    plugin_string_t greeting = rows.values.ptr[0].val.text;
    snprintf(text, sizeof text, "%.*s, <@%" PRIu64 ">!", (int)greeting.len, greeting.ptr, message->author.id);
    database_rows_free(&rows);
    return send_message(message->channel, text, why);
}

// One event of one guild. An error undoes its rows and actions.
bool exports_plugin_handle(plugin_event_t *event, plugin_string_t *error) {
    const events_event_data_t *data = &event->data;
    bool done = data->tag != EVENTS_EVENT_DATA_MESSAGE_CREATE || data->val.message_create.author.bot
        || greet(&data->val.message_create, error);
    plugin_event_free(event);
    return done;
}
