package export_wit_world

import types "keyword-strikes/bindings/guildhall_plugin_types"

const forgiveTimer = "forgive"

const settingsSchema = `{
    "type": "object",
    "additionalProperties": false,
    "properties": {
        "keywords": {
            "type": "array", "items": { "type": "string", "minLength": 1, "maxLength": 100 }, "maxItems": 200,
            "default": [], "description": "Words, or several words in a row, that cost a strike"
        },
        "limit": {
            "type": "integer", "minimum": 1, "maximum": 20, "default": 3, "description": "Strikes until a timeout"
        },
        "timeout_minutes": {
            "type": "integer", "minimum": 1, "maximum": 40320, "default": 10, "description": "How long the timeout is"
        },
        "forgive_hours": {
            "type": "integer", "minimum": 1, "maximum": 8760, "default": 24, "description": "How long a strike counts"
        },
        "log_channel": {
            "type": "string", "pattern": "^[0-9]+$",
            "description": "Where timeouts are noted; the guild's log channel if not set"
        }
    }
}`

// The permissions are Moderate Members; an option of type 6 is a user.
const strikesCommand = `{
    "name": "strikes",
    "description": "Shows how many strikes somebody has",
    "default_member_permissions": "1099511627776",
    "contexts": [0],
    "options": [{ "type": 6, "name": "user", "description": "Whose strikes", "required": true }]
}`

const tables = `
CREATE TABLE keyword_strikes_strikes (
    message INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    keyword TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX keyword_strikes_by_user ON keyword_strikes_strikes (user);
CREATE INDEX keyword_strikes_by_time ON keyword_strikes_strikes (at);
`

// Describe tells the host what the plugin is and wants.
func Describe() types.Description {
	return types.Description{
		Id:      "keyword-strikes",
		Version: "1.0.0",
		Events: types.EventKindsMessageCreate | types.EventKindsInteractionCreate |
			types.EventKindsTimer | types.EventKindsActionResult,
		Capabilities: types.CapabilitiesDeleteMessages | types.CapabilitiesTimeoutMembers |
			types.CapabilitiesSendMessages | types.CapabilitiesRespondToInteractions,
		Commands:       []string{strikesCommand},
		SettingsSchema: settingsSchema,
		Migrations:     []types.Migration{{Version: 1, Sql: tables}},
		Timers:         []types.RecurringTimer{{Name: forgiveTimer, EverySeconds: 3600}},
	}
}
