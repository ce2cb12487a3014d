// The settings of the guild. They fit the schema, and what is not set has its default: the host sees to both. SQLite reads
// their JSON for us.
#include "keyword_strikes.h"

#include <stdlib.h>

static bool query_settings(const char *sql, database_rows_t *rows) {
    plugin_string_t json;
    guild_settings(&json);
    types_value_t values[] = {text(json)};
    bool done = query(sql, values, 1, rows);
    plugin_string_free(&json);
    return done;
}

bool read_settings(settings_t *settings) {
    database_rows_t rows;
    if (!query_settings("SELECT json_extract(?1, '$.limit'), json_extract(?1, '$.timeout_minutes'),"
                        " json_extract(?1, '$.forgive_hours'), CAST(json_extract(?1, '$.log_channel') AS INTEGER)",
                        &rows)) {
        return false;
    }
    types_value_t *columns = rows.values.ptr;
    settings->limit = columns[0].val.integer;
    settings->timeout_minutes = columns[1].val.integer;
    settings->forgive_hours = columns[2].val.integer;
    if (columns[3].tag == TYPES_VALUE_INTEGER) {
        settings->log_channel = (events_option_id_t){true, columns[3].val.integer};
    } else {
        guild_common_settings_t common;
        guild_common(&common);
        settings->log_channel = (events_option_id_t){common.log_channel.is_some, common.log_channel.val};
    }
    database_rows_free(&rows);
    return true;
}

bool read_keywords(database_rows_t *keywords) {
    return query_settings("SELECT value FROM json_each(?1, '$.keywords')", keywords);
}

// Staff is never judged.
bool is_staff(const events_member_t *member) {
    guild_common_settings_t common;
    guild_common(&common);
    for (size_t i = 0; i < member->roles.len; i++) {
        if (common.moderator_role.is_some && member->roles.ptr[i] == common.moderator_role.val) {
            return true;
        }
    }
    return false;
}
