// What the plugin tells the host of itself. The host frees it, so all of it is on the heap.
#include "keyword_strikes.h"

#include <stdlib.h>

static const char SETTINGS_SCHEMA[] =
    "{"
    "  \"type\": \"object\","
    "  \"additionalProperties\": false,"
    "  \"properties\": {"
    "    \"keywords\": {"
    "      \"type\": \"array\", \"items\": { \"type\": \"string\", \"minLength\": 1, \"maxLength\": 100 }, \"maxItems\": 200,"
    "      \"default\": [], \"description\": \"Words, or several words in a row, that cost a strike\""
    "    },"
    "    \"limit\": {"
    "      \"type\": \"integer\", \"minimum\": 1, \"maximum\": 20, \"default\": 3,"
    "      \"description\": \"Strikes until a timeout\""
    "    },"
    "    \"timeout_minutes\": {"
    "      \"type\": \"integer\", \"minimum\": 1, \"maximum\": 40320, \"default\": 10,"
    "      \"description\": \"How long the timeout is\""
    "    },"
    "    \"forgive_hours\": {"
    "      \"type\": \"integer\", \"minimum\": 1, \"maximum\": 8760, \"default\": 24,"
    "      \"description\": \"How long a strike counts\""
    "    },"
    "    \"log_channel\": {"
    "      \"type\": \"string\", \"pattern\": \"^[0-9]+$\","
    "      \"description\": \"Where timeouts are noted; the guild's log channel if not set\""
    "    }"
    "  }"
    "}";

// The permissions are Moderate Members; an option of type 6 is a user.
static const char STRIKES_COMMAND[] =
    "{"
    "  \"name\": \"strikes\","
    "  \"description\": \"Shows how many strikes somebody has\","
    "  \"default_member_permissions\": \"1099511627776\","
    "  \"contexts\": [0],"
    "  \"options\": [{ \"type\": 6, \"name\": \"user\", \"description\": \"Whose strikes\", \"required\": true }]"
    "}";

static const char TABLES[] =
    "CREATE TABLE keyword_strikes_strikes ("
    "    message INTEGER PRIMARY KEY,"
    "    user INTEGER NOT NULL,"
    "    keyword TEXT NOT NULL,"
    "    at INTEGER NOT NULL"
    ");"
    "CREATE INDEX keyword_strikes_by_user ON keyword_strikes_strikes (user);"
    "CREATE INDEX keyword_strikes_by_time ON keyword_strikes_strikes (at);";

void exports_plugin_describe(plugin_description_t *description) {
    *description = (plugin_description_t){
        .events = TYPES_EVENT_KINDS_MESSAGE_CREATE | TYPES_EVENT_KINDS_INTERACTION_CREATE | TYPES_EVENT_KINDS_TIMER
            | TYPES_EVENT_KINDS_ACTION_RESULT,
        .capabilities = TYPES_CAPABILITIES_DELETE_MESSAGES | TYPES_CAPABILITIES_TIMEOUT_MEMBERS
            | TYPES_CAPABILITIES_SEND_MESSAGES | TYPES_CAPABILITIES_RESPOND_TO_INTERACTIONS,
        .commands = {malloc(sizeof(plugin_string_t)), 1},
        .migrations = {malloc(sizeof(types_migration_t)), 1},
        .timers = {malloc(sizeof(types_recurring_timer_t)), 1},
    };
    plugin_string_dup(&description->id, "keyword-strikes");
    plugin_string_dup(&description->version, "1.0.0");
    plugin_string_dup(&description->settings_schema, SETTINGS_SCHEMA);
    plugin_string_dup(description->commands.ptr, STRIKES_COMMAND);
    description->migrations.ptr->version = 1;
    plugin_string_dup(&description->migrations.ptr->sql, TABLES);
    description->timers.ptr->every_seconds = 3600;
    plugin_string_dup(&description->timers.ptr->name, FORGIVE_TIMER);
}
