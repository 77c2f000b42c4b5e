"""Where a person stands in a flow, what moves them, and what comes of it: plain values, as the engine takes and gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import Message

Place = tuple[int, int, int]  # of a button: message, row, column

# Names of the plugin's timers, and of what a timer's note says.
FOLLOW_UP: Final = "follow_up"
AFTER: Final = "after"
RELEASE: Final = "release"
MOVED: Final = "moved"
PUT: Final = "put"  # somebody else puts the person at a step

START_PARAM: Final = "start_param"  # the variable that holds what /start came with, without a click's token


class RunStatus(StrEnum):
    """How it is with a person in a flow. `paused`: people of the inbox speak with them; `stopped`: they blocked the bot."""

    WAITING = "waiting"
    PAUSED = "paused"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Run:
    """Where a person stands. `revision` is that of the row it was read from, 0 for none; times are UTC."""

    flow_id: int
    version: int  # in force when the step was entered
    step: str
    status: RunStatus
    entered_at: datetime
    started_at: datetime
    paused_until: datetime | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    goals: frozenset[str] = frozenset()
    is_moved: bool = False  # a publication put the person at the step, which they have not entered yet
    handed_over: bool = False  # the step has handed the person over to people, in this stay at it
    revision: int = 0


def moved_to(run: Run, number: int, step: str | None) -> Run:
    """Where a person of a removed step stands after the publication of version `number`; None is the end."""
    revision = run.revision + 1
    if step is None:
        return replace(run, status=RunStatus.ENDED, version=number, revision=revision)
    return replace(run, step=step, version=number, is_moved=True, revision=revision)


@dataclass(frozen=True)
class FlowInForce:
    """A flow's version that bots play now. `moves` are the steps that were removed up to it, and where their people went."""

    flow_id: int
    number: int
    document: FlowDocument
    moves: Mapping[str, str | None] = field(default_factory=dict)

    def resolve(self, step: str | None) -> Step | None:
        """The present step for one that some version had: the same, or what took its place; None where nothing does."""
        seen: set[str] = set()
        while step is not None and step not in seen:
            found = self.document.step(step)
            if found is not None:
                return found
            seen.add(step)
            step = self.moves.get(step)
        return None

    def was_ended(self, step: str) -> bool:
        """Whether a removed step was mapped to the end of the flow, by way of others perhaps."""
        seen: set[str] = set()
        while step not in seen and self.document.step(step) is None and step in self.moves:
            seen.add(step)
            after = self.moves[step]
            if after is None:
                return True
            step = after
        return False


@dataclass(frozen=True)
class Person:
    """What conditions look at."""

    telegram_id: int
    language: str = ""
    tags: frozenset[str] = frozenset()
    goals: frozenset[str] = frozenset()


# What comes of an event


@dataclass(frozen=True)
class Said:
    """A message of a step, with what was known by then."""

    version: int
    step: str
    number: int
    message: Message
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Tagged:
    """A tag that is put on, or taken off."""

    tag: str
    on: bool = True


@dataclass(frozen=True)
class Reached:
    """A goal, with its worth."""

    goal: str
    value: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Armed:
    """A timer to be set."""

    key: str
    seconds: float
    note: Mapping[str, Any]


@dataclass(frozen=True)
class Disarmed:
    """A timer to be forgotten."""

    key: str


@dataclass(frozen=True)
class Billed:
    """A payment in Stars is asked for."""

    version: int
    step: str
    place: Place
    label: str
    stars: int
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Left:
    """The person goes on in another flow."""

    flow: str


@dataclass(frozen=True)
class HandedOver:
    """The person waits for people of the inbox."""


class Notice(StrEnum):
    """What a tap is answered with where it could not do what it was made for."""

    GONE = "gone"  # the step is not there any more: it goes on at the start
    OVER = "over"  # the flow ended where it led
    WITH_PEOPLE = "with_people"  # people of the inbox speak with the person


Effect = Said | Tagged | Reached | Armed | Disarmed | Billed | Left | HandedOver | Notice


@dataclass
class Outcome:
    """What an event comes to. `run` is None where nothing was begun; `taken` False leaves the event to others."""

    run: Run | None
    effects: list[Effect] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    taken: bool = True
