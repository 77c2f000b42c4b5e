"""What ought to become of people in a flow, written down a second time as plainly as possible: the model of the property test.

It knows buttons to steps, replies, follow-ups, waits and ends, people who block the bot and people who are taken over, and
publications. Of the engine it uses nothing but the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import Goto

Moves = dict[str, str | None]


@dataclass
class Wait:
    """Something due: of which step and version, and which follow-up of it; -1 is the step's own wait."""

    due: float
    step: str
    version: int
    number: int


@dataclass
class ModelPerson:
    """Where somebody ought to stand, what they ought to have been shown, and what they ought to wait for."""

    step: str = ""
    version: int = 0
    status: str = ""
    moved: bool = False
    waits: list[Wait] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


class Model:
    """All versions of one flow, in order, and the people in it."""

    def __init__(self) -> None:
        self.versions: list[FlowDocument] = []
        self._moves: list[Moves] = []

    @property
    def present(self) -> FlowDocument:
        """What is played."""
        return self.versions[-1]

    def publish(self, document: FlowDocument, moves: Moves, people: list[ModelPerson]) -> None:
        """Another version: who stands at a removed step stands at another, or nowhere."""
        self.versions.append(document)
        self._moves.append(moves)
        for person in people:
            if person.step not in moves or person.status in ("", "ended"):
                continue
            target = moves[person.step]
            if target is None:
                person.status = "ended"
                person.waits = []
            else:
                person.step, person.version, person.moved = target, len(self.versions), True

    def after_publication(self, person: ModelPerson, now: float) -> None:
        """Who was moved, and is there, sees the step."""
        if person.moved and person.status == "waiting":
            self._enter(person, person.step, now)

    # What people do

    def start(self, person: ModelPerson, now: float) -> None:
        """/start."""
        self._enter(person, self.present.start, now)

    def tap(self, person: ModelPerson, version: int, target: str, now: float) -> None:
        """A button that was shown under `version` and led to `target`."""
        if person.status == "paused":
            return
        self._hear(person, now)
        self._lead(person, target, now)

    def write(self, person: ModelPerson, text: str, now: float) -> None:
        """A text."""
        if person.status in ("paused", "ended"):
            return
        self._hear(person, now)
        for reply in self._step(person).replies:
            if reply.equals == text:
                self._lead(person, reply.step, now)
                return
        if person.moved:
            self._enter(person, person.step, now)

    def go(self, person: ModelPerson, status: str) -> None:
        """They block the bot, or people take over."""
        if person.status == "waiting" or (status == "paused" and person.status == "stopped"):
            person.status, person.waits = status, []

    def come(self, person: ModelPerson, status: str, now: float) -> None:
        """They come back, or people let go of them."""
        if person.status != status:
            return
        person.status = "waiting"
        if person.moved:
            self._enter(person, person.step, now)
        else:
            self._await(person, now)

    def due(self, person: ModelPerson, until: float) -> None:
        """Time has come to `until`."""
        while waits := sorted((wait for wait in person.waits if wait.due <= until), key=_order):
            wait = waits[0]
            person.waits.remove(wait)
            step = self.versions[wait.version - 1].step(wait.step)
            assert step is not None
            if wait.number >= 0:
                self._lead(person, step.follow_ups[wait.number].step, wait.due)
            elif isinstance(step.then, Goto):
                self._lead(person, step.then.step, wait.due)

    # What follows

    def _hear(self, person: ModelPerson, now: float) -> None:
        if person.status == "stopped":
            person.status = "waiting"
            if not person.moved:
                self._await(person, now)
        if person.moved:
            return
        entered = self.versions[person.version - 1].step(person.step)
        called_off = {
            n for n, each in enumerate(entered.follow_ups if entered else ()) if "reply" in each.unless
        }
        person.waits = [wait for wait in person.waits if wait.number not in called_off]

    def _lead(self, person: ModelPerson, target: str, now: float) -> None:
        found: str | None = target
        while found is not None and self.present.step(found) is None:
            found = next(moves[found] for moves in reversed(self._moves) if found in moves)
        if found is None:
            person.status, person.waits = "ended", []
        else:
            self._enter(person, found, now)

    def _enter(self, person: ModelPerson, key: str, now: float) -> None:
        person.step, person.version, person.moved, person.waits = key, len(self.versions), False, []
        person.status = "waiting"
        person.shown.append(key)
        step = self._step(person)
        if step.after is not None or step.then is None:
            self._await(person, now)
        elif isinstance(step.then, Goto):
            self._enter(person, step.then.step, now)
        else:
            person.status = "ended"

    def _await(self, person: ModelPerson, now: float) -> None:
        step = self._step(person)
        person.version = len(self.versions)
        person.waits = [
            Wait(now + each.after, step.key, person.version, number)
            for number, each in enumerate(step.follow_ups)
        ]
        if step.after is not None:
            person.waits.append(Wait(now + step.after, step.key, person.version, -1))

    def _step(self, person: ModelPerson) -> Step:
        found = self.present.step(person.step)
        assert found is not None
        return found


def _order(wait: Wait) -> tuple[float, int]:
    """What is due at the same moment: follow-ups first, in order."""
    return wait.due, wait.number if wait.number >= 0 else 1000
