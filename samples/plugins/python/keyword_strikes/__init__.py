"""Keyword strikes: a message with a keyword is deleted and costs a strike, and too many strikes are a timeout."""

from .plugin import WitWorld

__all__ = ["WitWorld"]
