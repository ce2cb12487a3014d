"""The strikes in the guild's database."""

import itertools
from dataclasses import dataclass

from wit_world.imports import database
from wit_world.imports.events import Message
from wit_world.imports.types import Value, Value_Integer, Value_Text


@dataclass
class Strike:
    keyword: str
    at: int


def add_strike(message: Message, keyword: str, now: int) -> None:
    sql = "INSERT INTO keyword_strikes_strikes (message, user, keyword, at) VALUES (?1, ?2, ?3, ?4)"
    author = message.author.id
    values: list[Value] = [Value_Integer(message.id), Value_Integer(author), Value_Text(keyword), Value_Integer(now)]
    database.open().execute(sql, values)


def strikes_of(user: int) -> list[Strike]:
    """The user's strikes, the newest first."""
    sql = "SELECT keyword, at FROM keyword_strikes_strikes WHERE user = ?1 ORDER BY message DESC"
    rows = database.open().query(sql, [Value_Integer(user)])
    strikes = []
    # The values stand row after row in one list.
    for row in itertools.batched(rows.values, len(rows.columns)):
        match row:
            case (Value_Text(keyword), Value_Integer(at)):
                strikes.append(Strike(keyword, at))
    return strikes


def clear_strikes(user: int) -> None:
    database.open().execute("DELETE FROM keyword_strikes_strikes WHERE user = ?1", [Value_Integer(user)])


def forgive_strikes(until: int) -> int:
    """Forgets strikes of this moment and before; answers how many."""
    return database.open().execute("DELETE FROM keyword_strikes_strikes WHERE at <= ?1", [Value_Integer(until)])
