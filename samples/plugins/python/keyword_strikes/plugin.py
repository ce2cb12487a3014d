"""What happens when the host calls."""

import json
import traceback

import wit_world
from componentize_py_types import Err
from wit_world.imports import clock, log, metrics
from wit_world.imports.events import (
    ActionResult,
    Event,
    EventData,
    EventData_ActionResult,
    EventData_InteractionCreate,
    EventData_MessageCreate,
    EventData_Timer,
    Interaction,
    Message,
    Outcome_Refused,
)
from wit_world.imports.types import Description

from .actions import answer_privately, delete_message, send_message, time_out
from .description import FORGIVE, description
from .settings import is_staff, log_channel, read_settings
from .strikes import add_strike, clear_strikes, forgive_strikes, strikes_of
from .words import find_keyword

MINUTE = 60_000
HOUR = 60 * MINUTE


class WitWorld(wit_world.WitWorld):
    def describe(self) -> Description:
        return description()

    def handle(self, event: Event) -> None:
        """An error undoes the call's rows and actions."""
        try:
            dispatch(event.data)
        except Exception:
            # The contract wants a text; the host's own errors are none.
            raise Err(traceback.format_exc()) from None


def dispatch(data: EventData) -> None:
    match data:
        case EventData_MessageCreate(message):
            judge(message)
        case EventData_InteractionCreate(interaction) if interaction.command == "strikes":
            show_strikes(interaction)
        case EventData_Timer(timer) if timer.name == FORGIVE:
            forgive()
        case EventData_ActionResult(result):
            note_refusal(result)


def judge(message: Message) -> None:
    # Webhooks are no members.
    if message.author.bot or message.member is None or is_staff(message.member):
        return
    settings = read_settings()
    keyword = find_keyword(message.content, settings.keywords)
    if keyword is None:
        return
    metrics.count("matches", 1)
    user = message.author.id
    add_strike(message, keyword, clock.now())
    count = len(strikes_of(user))
    strike = f'Strike {count} of {settings.limit}, for "{keyword}"'
    log.write_fields(log.Level.INFO, strike, [("user", str(user))])
    delete_message(message, strike)
    if count < settings.limit:
        return
    until = clock.now() + settings.timeout_minutes * MINUTE
    time_out(user, until, strike)
    channel = log_channel(settings)
    if channel is not None:
        send_message(channel, f"<@{user}> gets a timeout until <t:{until // 1000}:t>. {strike}.")
    clear_strikes(user)


def show_strikes(interaction: Interaction) -> None:
    user = int(json.loads(interaction.data)["options"][0]["value"])
    strikes = strikes_of(user)
    if not strikes:
        return answer_privately(interaction, f"<@{user}> has no strikes.")
    lines = [f"<@{user}> has {len(strikes)} of {read_settings().limit} strikes:"]
    lines += [f'- "{strike.keyword}" <t:{strike.at // 1000}:R>' for strike in strikes]
    answer_privately(interaction, "\n".join(lines))


def forgive() -> None:
    forgiven = forgive_strikes(clock.now() - read_settings().forgive_hours * HOUR)
    if forgiven > 0:
        metrics.count("forgiven", forgiven)
        log.write(log.Level.INFO, f"Strikes forgiven: {forgiven}")


def note_refusal(result: ActionResult) -> None:
    if result.token.startswith("timeout:") and isinstance(result.outcome, Outcome_Refused):
        refusal = result.outcome.value
        user = result.token.removeprefix("timeout:")
        log.write(log.Level.WARN, f"The timeout of {user} was refused: {refusal.message} ({refusal.code})")
