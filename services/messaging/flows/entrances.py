"""A broadcast's way of putting a person at a step: what its timer says, and how it is told from all others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from plugins.flows.run import PUT
from plugins.timers import TIMER_FIRED
from services.fleet.flows.users import PLUGIN
from services.messaging.timers.own_update import is_timer

NOTED: Final = "entrance"  # in the note of the timer


@dataclass(frozen=True)
class Entrance:
    """By which broadcast: its id, the messages a second of each bot, and whose button people tap who want no more, 0 for no button.

    A timer of its own per broadcast: what somebody else wants of the person at the same moment does not replace it.
    """

    broadcast_id: int
    per_second: int
    opt_out: int = 0

    @property
    def key(self) -> str:
        """Of the timer."""
        return f"{PUT}:{self.broadcast_id}"

    def noted(self) -> dict[str, Any]:
        """For the timer's note."""
        return {NOTED: asdict(self)}

    @classmethod
    def read(cls, plugin: str, note: Any) -> Self | None:
        """From what a timer of `plugin` says; None for others."""
        said = note.get(NOTED) if plugin == PLUGIN and isinstance(note, Mapping) else None
        return cls(**said) if isinstance(said, Mapping) else None


def entrance_of(update: Mapping[str, Any]) -> Entrance | None:
    """The entrance that an update of our own is; None for all others."""
    content = update.get(TIMER_FIRED)
    if not isinstance(content, dict) or not is_timer(dict(update), TIMER_FIRED):
        return None
    return Entrance.read(str(content.get("plugin")), content.get("note"))
