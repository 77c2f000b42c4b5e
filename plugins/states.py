"""States of a conversation as classes, so that a slip of the pen is an error of Python's and no state that nobody knows.

class Form(StatesGroup):
    waiting_for_name = State()

router.state(Form.waiting_for_name)(self.take_name)   # or where=Form.waiting_for_name, on any route
ctx.set_state(Form.waiting_for_name)
"""

from __future__ import annotations

from typing import Any

SIGN = ":"  # between group and state: "Form:waiting_for_name"


class State:
    """A state of a StatesGroup. It is its own filter: it holds where the plugin that asks has the conversation in it."""

    def __init__(self) -> None:
        self.name = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.name = f"{owner.__name__}{SIGN}{attribute}"

    def __call__(self, _event: Any, ctx: Any) -> bool:
        return bool(ctx.state == self.name and ctx.state_owner == ctx.plugin)

    def __eq__(self, other: object) -> bool:
        return self.name == (other.name if isinstance(other, State) else other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name


class StatesGroup:
    """The states of one conversation, named as class attributes. Groups of different plugins may have the same name."""
