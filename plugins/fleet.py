"""What the manager bot's plugin may ask of the house: the fleet of whoever writes, and nothing of anybody else's.

The product gives it to the manager bot alone. In the context of every other bot stands `NoFleet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class FleetButton:
    """A button below a screen: an action with a payload, or an address. `once`: it works a single time, for five minutes."""

    text: str
    action: str = ""
    payload: str = ""
    once: bool = False
    url: str = ""


@dataclass(frozen=True)
class FleetFile:
    """A small file of text that a person is sent."""

    name: str
    text: str


@dataclass(frozen=True)
class Screen:
    """What a person is shown, plain text in their language, with rows of buttons; a file comes behind it."""

    text: str
    buttons: Sequence[Sequence[FleetButton]] = ()
    file: FleetFile | None = None


class Fleet(Protocol):
    """The fleet of the person behind an update. None is an answer too: then nothing is said."""

    def command(self, name: str, args: str) -> Screen | None:
        """What a command brings, `args` being the text behind it; `name` is "" for words that are none."""

    def tap(self, action: str, payload: str) -> Screen | None:
        """What takes the place of the screen whose button was tapped."""

    def in_group(self) -> Screen | None:
        """What is said in a group, once in a while."""

    def tokens_in(self, update: dict[str, Any]) -> list[str]:
        """Everything in an update that looks like a bot's token, wherever in it."""

    def register(self, tokens: Sequence[str], *, was_deleted: bool) -> Screen | None:
        """What comes of tokens that the person pasted, once their message was deleted, or could not be."""

    def code_in(self, update: dict[str, Any]) -> str:
        """The code of two-step sign-in that a message is and nothing else; "" where it is none."""

    def confirm(self, code: str, *, was_deleted: bool) -> Screen | None:
        """What comes of a code that the person sent, once their message was deleted, or could not be."""

    def approved(self, request: str) -> Screen | None:
        """What comes of what somebody approved in the panel."""

    def managed(self, update: dict[str, Any]) -> Screen | None:
        """What comes of a bot that somebody made by the manager's link, or changed since: a `managed_bot` update."""


class NoFleet:
    """Stands in where a bot is not the manager."""

    def command(self, name: str, args: str) -> Screen | None:
        """Nothing."""

    def tap(self, action: str, payload: str) -> Screen | None:
        """Nothing."""

    def in_group(self) -> Screen | None:
        """Nothing."""

    def tokens_in(self, update: dict[str, Any]) -> list[str]:
        """None."""
        return []

    def register(self, tokens: Sequence[str], *, was_deleted: bool) -> Screen | None:
        """Nothing."""

    def code_in(self, update: dict[str, Any]) -> str:
        """None."""
        return ""

    def confirm(self, code: str, *, was_deleted: bool) -> Screen | None:
        """Nothing."""

    def approved(self, request: str) -> Screen | None:
        """Nothing."""

    def managed(self, update: dict[str, Any]) -> Screen | None:
        """Nothing."""
