// Statements on the guild's database, and why a call failed.
#include "keyword_strikes.h"

#include <stdio.h>
#include <string.h>

plugin_string_t failure;

bool fail(const char *subject, plugin_string_t reason) {
    char why[TEXT_BYTES];
    snprintf(why, sizeof why, "%s: %.*s", subject, (int)reason.len, reason.ptr);
    plugin_string_dup(&failure, why);
    return false;
}

plugin_string_t borrowed(const char *text) {
    return (plugin_string_t){(uint8_t *)text, strlen(text)};
}

// SQLite's integers are signed; ids and times fit.
types_value_t integer(uint64_t value) {
    return (types_value_t){.tag = TYPES_VALUE_INTEGER, .val.integer = (int64_t)value};
}

types_value_t text(plugin_string_t value) {
    return (types_value_t){.tag = TYPES_VALUE_TEXT, .val.text = value};
}

// Frees the error.
static bool failed(database_error_t *error) {
    // All cases but this carry a text.
    fail("database", error->tag == DATABASE_ERROR_CLOSED ? borrowed("the handle outlived its call") : error->val.sql);
    database_error_free(error);
    return false;
}

bool query(const char *sql, types_value_t *values, size_t count, database_rows_t *rows) {
    database_own_connection_t connection;
    database_error_t error;
    if (!database_open(&connection, &error)) {
        return failed(&error);
    }
    plugin_string_t statement = borrowed(sql);
    database_list_value_t parameters = {values, count};
    bool done = database_method_connection_query(
        database_borrow_connection(connection), &statement, &parameters, rows, &error);
    database_connection_drop_own(connection);
    return done || failed(&error);
}

bool execute(const char *sql, types_value_t *values, size_t count, uint64_t *changed) {
    database_own_connection_t connection;
    database_error_t error;
    if (!database_open(&connection, &error)) {
        return failed(&error);
    }
    plugin_string_t statement = borrowed(sql);
    database_list_value_t parameters = {values, count};
    bool done = database_method_connection_execute(
        database_borrow_connection(connection), &statement, &parameters, changed, &error);
    database_connection_drop_own(connection);
    return done || failed(&error);
}
