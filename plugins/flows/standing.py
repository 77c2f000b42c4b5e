"""A person at a place in a flow: what is known of them there, and the small changes that everything else is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from plugins.flows.choices import LONGEST_VALUE
from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import Button, CallApi, HandOver
from plugins.flows.run import (
    AFTER,
    FOLLOW_UP,
    RELEASE,
    START_PARAM,
    Armed,
    Disarmed,
    FlowInForce,
    Notice,
    Outcome,
    Person,
    Place,
    Run,
    RunStatus,
    Tagged,
)

MOST_FOLLOW_UPS: Final = 10
Ask = Callable[[CallApi, Mapping[str, str]], Mapping[str, str] | None]  # what was saved; None: no answer
Documents = Callable[[int], FlowDocument | None]  # of the flow, by version


@dataclass
class Standing:
    """A person in a flow at one moment. What comes of it gathers in the outcome."""

    flow: FlowInForce
    person: Person
    run: Run | None
    now: datetime
    ask: Ask
    document_at: Documents

    def __post_init__(self) -> None:
        self._done = Outcome(self.run)
        self._entered = 0
        if self.run is not None and not self.is_elsewhere:
            self.person = replace(self.person, goals=self.person.goals | self.run.goals)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the person is in another flow than the one that is played."""
        return self.run is not None and self.run.flow_id != self.flow.flow_id

    def _replied(self) -> None:
        """A tap or a text came: follow-ups that it calls off are."""
        step = self._own_step()
        for number, each in enumerate(step.follow_ups if step else ()):
            if "reply" in each.unless:
                self._done.effects.append(Disarmed(f"{FOLLOW_UP}:{number}"))

    def _begin_silently(self) -> None:
        """The person is in no flow, of which nothing is known any more: they stand at the start, until the event leads on."""
        start = self.flow.document.start
        status, variables = RunStatus.WAITING, {**self.flow.document.variables, **self._came_with}
        self.run = Run(
            self.flow.flow_id, self.flow.number, start, status, self.now, self.now, variables=variables
        )

    @property
    def _variables(self) -> Mapping[str, str]:
        if self.run is not None and not self.is_elsewhere:
            return self.run.variables
        return {**self.flow.document.variables, **self._came_with}

    @property
    def _came_with(self) -> Mapping[str, str]:
        """What the last /start came with, whichever flow it began."""
        known = self.run.variables.get(START_PARAM, "") if self.run else ""
        return {START_PARAM: known} if known else {}

    def _set(self, name: str, value: str) -> None:
        self._change(variables={**self._variables, name: value[:LONGEST_VALUE]})

    def _tag(self, tag: str, *, on: bool = True) -> None:
        self._done.effects.append(Tagged(tag, on))
        tags = self.person.tags | {tag} if on else self.person.tags - {tag}
        self.person = replace(self.person, tags=tags)

    def _change(self, **values: object) -> None:
        if self.run is not None:
            self.run = replace(self.run, **values)  # type: ignore[arg-type]

    def _arm(self, key: str, seconds: float, **more: object) -> None:
        if self.run is not None:
            note = {"step": self.run.step, "entered": self._entrance, "version": self.flow.number, **more}
            self._done.effects.append(Armed(key, max(0.0, seconds), note))

    @property
    def _entrance(self) -> str:
        """Which stay at a step a timer is of: a person may come back to one while a timer of an earlier stay is under way."""
        return self.run.entered_at.isoformat() if self.run else ""

    def _await(self, step: Step) -> None:
        """Begin what the step waits for by time; it hands a person over once, not again when they are released."""
        for number, each in enumerate(step.follow_ups):
            self._arm(f"{FOLLOW_UP}:{number}", each.after, number=number)
        is_done = isinstance(step.then, HandOver) and self.run is not None and self.run.handed_over
        if step.after is not None and step.then is not None and not is_done:
            self._arm(AFTER, step.after)

    def _wait_anew(self, step: Step) -> Outcome:
        """Wait at a step without saying its messages again."""
        self._change(step=step.key, version=self.flow.number, entered_at=self.now)
        self._await(step)
        return self._finished()

    def _wake(self) -> None:
        """Whoever is heard of has not blocked the bot: what their step waits for begins anew."""
        if self.run is not None and self.run.status is RunStatus.STOPPED:
            self._change(status=RunStatus.WAITING)
            step = self._present_step()
            if step is not None and not self.run.is_moved:
                self._wait_anew(step)

    def _disarm(self) -> None:
        """Forget all that the person waits for. Which timers there are, the version knows under which they were set."""
        step = self._own_step()
        names = [
            f"{FOLLOW_UP}:{number}" for number in range(len(step.follow_ups) if step else MOST_FOLLOW_UPS)
        ]
        if step is None or step.after is not None:
            names.append(AFTER)
        if self.run is not None and self.run.status is RunStatus.PAUSED:
            names.append(RELEASE)
        if self.run is not None:
            self._done.effects.extend(Disarmed(name) for name in names)

    def _own_step(self) -> Step | None:
        """The person's step as it was when they entered it."""
        if self.run is None or self.run.flow_id != self.flow.flow_id:
            return None
        document = self.document_at(self.run.version)
        return None if document is None else document.step(self.run.step)

    def _step_at(self, version: int, number: int) -> Step | None:
        document = self.document_at(version)
        steps = document.steps if document is not None else []
        return steps[number] if number < len(steps) else None

    def _button(self, version: int, place: tuple[int, Place]) -> Button | None:
        step, (message, row, column) = self._step_at(version, place[0]), place[1]
        try:
            return step.messages[message].buttons[row][column] if step else None
        except IndexError:
            return None

    def _present_step(self) -> Step | None:
        return self.flow.resolve(self.run.step) if self.run else None

    def _answer(self, notice: Notice) -> Outcome:
        self._done.effects.append(notice)
        return self._finished()

    def _finished(self) -> Outcome:
        self._done.run = self.run
        return self._done
