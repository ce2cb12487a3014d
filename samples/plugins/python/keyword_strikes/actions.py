"""The actions that the plugin submits. They leave when the call's rows are on disk."""

import json

from wit_world.imports.actions import (
    Action_DeleteMessages,
    Action_Respond,
    Action_SendMessage,
    Action_Timeout,
    DeleteMessages,
    MessageBody,
    Options,
    Respond,
    SendMessage,
    Timeout,
    submit,
)
from wit_world.imports.events import Interaction, Message


def delete_message(message: Message, reason: str) -> None:
    action = DeleteMessages(channel=message.channel, messages=[message.id])
    submit(Action_DeleteMessages(action), Options(reason=reason, token=None))


def time_out(user: int, until: int, reason: str) -> None:
    """The result comes back as an `action-result` with this token."""
    submit(Action_Timeout(Timeout(user, until)), Options(reason=reason, token=f"timeout:{user}"))


def send_message(channel: int, content: str) -> None:
    body = MessageBody(
        content=content, embeds=[], components="", reply_to=None, allow_mentions=False, flags=0, files=[], forward=None
    )
    submit(Action_SendMessage(SendMessage(channel, body)), Options(reason=None, token=None))


def answer_privately(interaction: Interaction, content: str) -> None:
    """Answers an interaction with a text that only its user sees."""
    data = json.dumps({"content": content, "flags": 1 << 6, "allowed_mentions": {"parse": []}})
    answer = Respond(interaction=interaction.id, token=interaction.token, kind=4, data=data)
    submit(Action_Respond(answer), Options(reason=None, token=None))
