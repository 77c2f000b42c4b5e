"""Buttons whose taps can be believed: what a plugin puts on them, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tap:
    """A tap on a button made by `ctx.button`: its data was signed by us, for this chat and person, and is still valid.

    `anonymous`: the button was made for an anonymous administrator; an administrator of the group tapped, under their own id.
    """

    action: str
    payload: str = ""
    anonymous: bool = False


@dataclass(frozen=True)
class Button:
    """What a button is to carry. `user_id` 0 lets everybody in the chat use it; `seconds` None means the usual life."""

    action: str
    payload: str
    user_id: int
    chat_id: int
    once: bool = False
    seconds: int | None = None


@dataclass(frozen=True)
class Kept:
    """A payload too large for a button, to be kept under `name` for `seconds`."""

    name: str
    payload: str
    seconds: int


def unpacked(button: Button) -> tuple[str, Kept | None]:
    """Stand-in where no keys are at hand, as in a plugin's own tests."""
    return f"{button.action}:{button.payload}", None
