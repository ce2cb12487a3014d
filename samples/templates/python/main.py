"""Greets whoever writes for the first time."""

import json
import traceback

import wit_world
from componentize_py_types import Err
from wit_world.imports import actions, database, guild
from wit_world.imports.events import Event, EventData_MessageCreate, Message
from wit_world.imports.types import Capabilities, Description, EventKinds, Migration, Value_Integer

SETTINGS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "greeting": {"type": "string", "maxLength": 100, "default": "Welcome", "description": "How to greet"},
    },
}


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Description:
        return Description(
            id="__id__",
            version="0.1.0",
            events=EventKinds.MESSAGE_CREATE,
            capabilities=Capabilities.SEND_MESSAGES,
            migrations=[Migration(1, "CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)")],
            settings_schema=json.dumps(SETTINGS),
            settings_migrations=[],
            commands=[],
            timers=[],
            topics=[],
            emits=[],
            readable_plugins=[],
            http_hosts=[],
        )

    def handle(self, event: Event) -> None:
        """One event of one guild. An error undoes its rows and actions."""
        try:
            match event.data:
                case EventData_MessageCreate(message) if not message.author.bot:
                    greet(message)
        except Exception:
            # The contract wants a text; the host's own errors are none.
            raise Err(traceback.format_exc()) from None


def greet(message: Message) -> None:
    user = message.author.id
    sql = "INSERT OR IGNORE INTO __snake___greeted VALUES (?1)"
    is_new = database.open().execute(sql, [Value_Integer(user)]) == 1
    if is_new:
        greeting = json.loads(guild.settings())["greeting"]
        send_message(message.channel, f"{greeting}, <@{user}>!")


def send_message(channel: int, content: str) -> None:
    body = actions.MessageBody(
        content=content, embeds=[], components="", reply_to=None, allow_mentions=False, flags=0, files=[], forward=None
    )
    options = actions.Options(reason=None, token=None)
    actions.submit(actions.Action_SendMessage(actions.SendMessage(channel, body)), options)
