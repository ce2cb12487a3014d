"""What the plugin tells the host of itself."""

import json

from wit_world.imports.types import Capabilities, Description, EventKinds, Migration, RecurringTimer

FORGIVE = "forgive"

SETTINGS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "keywords": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 100},
            "maxItems": 200,
            "default": [],
            "description": "Words, or several words in a row, that cost a strike",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": 20, "default": 3, "description": "Strikes until a timeout"},
        "timeout_minutes": {
            "type": "integer", "minimum": 1, "maximum": 40320, "default": 10, "description": "How long the timeout is",
        },
        "forgive_hours": {
            "type": "integer", "minimum": 1, "maximum": 8760, "default": 24, "description": "How long a strike counts",
        },
        "log_channel": {
            "type": "string", "pattern": "^[0-9]+$",
            "description": "Where timeouts are noted; the guild's log channel if not set",
        },
    },
}

STRIKES_COMMAND = {
    "name": "strikes",
    "description": "Shows how many strikes somebody has",
    "default_member_permissions": str(1 << 40),  # MODERATE_MEMBERS
    "contexts": [0],
    "options": [{"type": 6, "name": "user", "description": "Whose strikes", "required": True}],  # 6 is a user
}

TABLES = """
CREATE TABLE keyword_strikes_strikes (
    message INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    keyword TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX keyword_strikes_by_user ON keyword_strikes_strikes (user);
CREATE INDEX keyword_strikes_by_time ON keyword_strikes_strikes (at);
"""


def description() -> Description:
    return Description(
        id="keyword-strikes",
        version="1.0.0",
        events=EventKinds.MESSAGE_CREATE | EventKinds.INTERACTION_CREATE | EventKinds.TIMER | EventKinds.ACTION_RESULT,
        capabilities=Capabilities.DELETE_MESSAGES
        | Capabilities.TIMEOUT_MEMBERS
        | Capabilities.SEND_MESSAGES
        | Capabilities.RESPOND_TO_INTERACTIONS,
        commands=[json.dumps(STRIKES_COMMAND)],
        settings_schema=json.dumps(SETTINGS),
        settings_migrations=[],
        migrations=[Migration(version=1, sql=TABLES)],
        timers=[RecurringTimer(name=FORGIVE, every_seconds=3600)],
        topics=[],
        emits=[],
        readable_plugins=[],
        http_hosts=[],
    )
