"""The settings of the guild."""

import json
from dataclasses import dataclass

from wit_world.imports import guild
from wit_world.imports.events import Member


@dataclass
class Settings:
    keywords: list[str]
    limit: int
    timeout_minutes: int
    forgive_hours: int
    log_channel: str | None = None


def read_settings() -> Settings:
    """They fit the schema, and what is not set has its default: the host sees to both."""
    return Settings(**json.loads(guild.settings()))


def log_channel(settings: Settings) -> int | None:
    """Where timeouts are noted: the plugin's own setting comes before the guild's."""
    return guild.common().log_channel if settings.log_channel is None else int(settings.log_channel)


def is_staff(member: Member) -> bool:
    """Staff is never judged."""
    return guild.common().moderator_role in member.roles
