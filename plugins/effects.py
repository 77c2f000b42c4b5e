"""What handlers want done: collected while they run, and made real together once they ended well."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from plugins.buttons import Kept


class Priority(StrEnum):
    """Replies are sent before bulk work of the same bot; answers to taps and payments before both, by themselves."""

    REPLY = "reply"
    BULK = "bulk"


@dataclass(frozen=True)
class Call:
    """A Bot API method to be called through the outbox. `then` names the route of `plugin` that is to have the answer."""

    method: str
    params: dict[str, Any]
    priority: Priority = Priority.REPLY
    then: str = ""
    note: Any = None
    plugin: str = ""


@dataclass(frozen=True)
class TimerWish:
    """A timer of `plugin` in the chat at hand, to be set to go off in `seconds`, or to be forgotten (None)."""

    plugin: str
    key: str
    seconds: float | None = None
    note: Any = None


class Busy(Exception):
    """Somebody else holds the lock. Uncaught, it makes the bot say so, and nothing the handler wanted happens."""


@dataclass
class Effects:
    """What a handler wants done. `conversation` is None when the state was not touched."""

    calls: list[Call] = field(default_factory=list)
    conversation: dict[str, Any] | None = None
    kept: list[Kept] = field(default_factory=list)
    timers: dict[tuple[str, str], TimerWish] = field(
        default_factory=dict
    )  # by plugin and key: the last counts
