// What the parts of the plugin share. Functions that answer a bool answer false when they fail, and have said why by `fail`.
#pragma once

#include "plugin.h"

#define FORGIVE_TIMER "forgive"
// Bytes of a keyword in lower case, and of the texts that it stands in.
#define KEYWORD_BYTES 512
#define TEXT_BYTES 1024

// database.c: values, statements, and why something failed.

extern plugin_string_t failure;
bool fail(const char *subject, plugin_string_t reason);
plugin_string_t borrowed(const char *text);
types_value_t integer(uint64_t value);
types_value_t text(plugin_string_t value);
bool query(const char *sql, types_value_t *values, size_t count, database_rows_t *rows);
bool execute(const char *sql, types_value_t *values, size_t count, uint64_t *changed);

// settings.c

typedef struct {
    uint64_t limit, timeout_minutes, forgive_hours;
    // Where timeouts are noted.
    events_option_id_t log_channel;
} settings_t;

bool read_settings(settings_t *settings);
// The rows are the keywords; free them by `database_rows_free`.
bool read_keywords(database_rows_t *keywords);
bool is_staff(const events_member_t *member);

// words.c

bool find_keyword(plugin_string_t text, const database_rows_t *keywords, char found[KEYWORD_BYTES]);

// strikes.c: the strikes in the guild's database.

bool add_strike(const events_message_t *message, const char *keyword, uint64_t now);
// The rows are keyword and time, the newest first; free them by `database_rows_free`.
bool strikes_of(uint64_t user, database_rows_t *strikes);
bool clear_strikes(uint64_t user);
bool forgive_strikes(uint64_t until, uint64_t *forgiven);

// actions.c: they leave when the call's rows are on disk.

bool delete_message(const events_message_t *message, const char *reason);
bool time_out(uint64_t user, uint64_t until, const char *reason);
bool send_message(uint64_t channel, const char *content);
bool answer_privately(const events_interaction_t *interaction, const char *content);
