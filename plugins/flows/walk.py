"""Going through a flow: entering steps, doing what they do, and beginning to wait. `engine` has the events that lead here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from plugins.flows.choices import LONGEST_VALUE, branched, drawn
from plugins.flows.document import FlowDocument, Step
from plugins.flows.parts import (
    Branch,
    CallApi,
    Goto,
    HandOver,
    Next,
    OtherFlow,
    PutTag,
    ReachGoal,
    SetVariable,
    Split,
)
from plugins.flows.run import (
    AFTER,
    FOLLOW_UP,
    RELEASE,
    Armed,
    Disarmed,
    FlowInForce,
    Left,
    Notice,
    Outcome,
    Person,
    Reached,
    Run,
    RunStatus,
    Said,
    Tagged,
)

MOST_AT_ONCE: Final = 50  # steps entered by one event; the checks refuse circles that wait for nobody
CIRCLE_SECONDS: Final = 60.0
MOST_FOLLOW_UPS: Final = 10
Ask = Callable[[CallApi, Mapping[str, str]], Mapping[str, str] | None]  # what was saved; None: no answer
Documents = Callable[[int], FlowDocument | None]  # of the flow, by version


@dataclass
class Walk:
    """A person on their way through a flow at one moment. What comes of it gathers in the outcome."""

    flow: FlowInForce
    person: Person
    run: Run | None
    now: datetime
    ask: Ask
    document_at: Documents

    def __post_init__(self) -> None:
        self._done = Outcome(self.run)
        self._entered = 0
        if self.run is not None:
            self.person = replace(self.person, goals=self.person.goals | self.run.goals)

    # Where it leads

    def _lead_to(self, key: str | None) -> Outcome:
        """Go to a step that some version named: to what it is now, to the end it was mapped to, else to the start."""
        step = self.flow.resolve(key)
        if step is not None:
            return self._go_on(step)
        if key is not None and self.flow.was_ended(key):
            self._end()
            return self._answer(Notice.OVER)
        self._done.effects.append(Notice.GONE)
        return self._go_on(self.flow.resolve(self.flow.document.start))

    def _go_on(self, step: Step | None) -> Outcome:
        """Enter a step, and those behind it for as long as nothing is waited for."""
        while step is not None and self._entered < MOST_AT_ONCE:
            self._entered += 1
            key = self._enter(step)
            following = self.flow.resolve(key)
            if key is not None and following is None:
                return self._lead_to(key)
            step = following
        if (
            step is not None
        ):  # a circle that waits for nobody: it goes on in a while, and nobody is lost in it
            self._arm(AFTER, CIRCLE_SECONDS)
        return self._finished()

    def _enter(self, step: Step) -> str | None:
        """Do what the step does; the next one's key, None where it waits or ends."""
        self._disarm()
        self._change(
            flow_id=self.flow.flow_id,
            step=step.key,
            status=RunStatus.WAITING,
            version=self.flow.number,
            entered_at=self.now,
            paused_until=None,
            is_moved=False,
        )
        self._done.visited.append(step.key)
        for action in step.actions:
            failed = self._act(action)
            if failed is not None:
                return failed
        self._say(step)
        if step.after is None and step.then is not None:
            return self._next(step.then)
        self._await(step)
        return None

    def _go_on_by(self, then: Next | None) -> Outcome:
        key = None if then is None else self._next(then)
        return self._finished() if key is None else self._lead_to(key)

    def _next(self, then: Next) -> str | None:
        match then:
            case Goto(step=key):
                return key
            case Branch():
                return branched(then, self.person, self._variables)
            case Split():
                return drawn(self.flow.flow_id, then, self.person).step
            case OtherFlow(flow=flow):
                self._leave(flow)
            case HandOver(minutes=minutes):
                self.pause(None if minutes is None else self.now + timedelta(minutes=minutes))
            case _:
                self._end()
        return None

    def _leave(self, flow: str) -> Outcome:
        self._disarm()
        self._done.effects.append(Left(flow))
        return self._finished()

    def _end(self) -> None:
        self._disarm()
        self._change(status=RunStatus.ENDED)

    def pause(self, until: datetime | None) -> Outcome:
        """People of the inbox take over."""
        if self.run is None or self.run.status is RunStatus.ENDED:
            return self._finished()
        self._disarm()
        self._change(status=RunStatus.PAUSED, paused_until=until)
        if until is not None:
            self._arm(RELEASE, (until - self.now).total_seconds())
        return self._finished()

    # What a step does

    def _act(self, action: PutTag | SetVariable | ReachGoal | CallApi) -> str | None:
        """Do it; the step to go to when an API does not answer."""
        match action:
            case PutTag(kind=kind, tag=tag):
                self._tag(tag, on=kind == "tag")
            case SetVariable(name=name, value=value):
                self._set(name, value)
            case ReachGoal(goal=goal, value=value, currency=currency):
                self._done.effects.append(Reached(goal, value, currency))
                self.person = replace(self.person, goals=self.person.goals | {goal})
                self._change(goals=(self.run.goals if self.run else frozenset()) | {goal})
            case CallApi():
                found = self.ask(action, self._variables)
                for name, value in (found or {}).items():
                    self._set(name, value)
                return action.failed if found is None else None
        return None

    def _say(self, step: Step) -> None:
        for number, message in enumerate(step.messages):
            said = Said(self.flow.number, step.key, number, message, dict(self._variables))
            self._done.effects.append(said)

    def _await(self, step: Step) -> None:
        """Begin what the step waits for by time."""
        for number, each in enumerate(step.follow_ups):
            self._arm(f"{FOLLOW_UP}:{number}", each.after, number=number)
        if step.after is not None and step.then is not None:
            self._arm(AFTER, step.after)

    # Small things

    @property
    def _variables(self) -> Mapping[str, str]:
        return self.run.variables if self.run else {}

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
        note = {"step": self.run.step if self.run else "", "version": self.flow.number, **more}
        self._done.effects.append(Armed(key, max(0.0, seconds), note))

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

    def _present_step(self) -> Step | None:
        return self.flow.resolve(self.run.step) if self.run else None

    def _answer(self, notice: Notice) -> Outcome:
        self._done.effects.append(notice)
        return self._finished()

    def _finished(self) -> Outcome:
        self._done.run = self.run
        return self._done
