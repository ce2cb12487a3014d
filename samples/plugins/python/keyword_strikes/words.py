"""Finding keywords in texts."""

import re

# Digits, and the letters of nearly all scripts; typographic punctuation and emoji lie in between.
WORD = re.compile("[0-9a-z\u00c0-\u1fff\u3040-\ud7ff]+")


def words(text: str) -> str:
    """The words of a text in lower case, with a space before and after each; empty where it has none."""
    found = WORD.findall(text.lower())
    return f" {' '.join(found)} " if found else ""


def find_keyword(text: str, keywords: list[str]) -> str | None:
    """The first keyword that stands in the text as whole words."""
    spaced = words(text)
    for keyword in map(words, keywords):
        if keyword and keyword in spaced:
            return keyword.strip()
    return None
