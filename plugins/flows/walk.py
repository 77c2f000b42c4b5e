"""Going through a flow: entering steps, doing what they do, and beginning to wait. `engine` has the events that lead here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from plugins.flows.choices import branched, drawn
from plugins.flows.document import Step
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
    RELEASE,
    HandedOver,
    Left,
    Notice,
    Outcome,
    Reached,
    RunStatus,
    Said,
)
from plugins.flows.standing import Standing

MOST_AT_ONCE: Final = 50  # steps entered by one event; the checks refuse circles that wait for nobody
CIRCLE_SECONDS: Final = 60.0


@dataclass
class Walk(Standing):
    """A person on their way through a flow: entering steps, doing what they do, and beginning to wait."""

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

    def _heard_of(self) -> None:
        """A tap or a payment came. Of a button of another flow than theirs, nothing changes where they are until it leads on."""
        if self.run is None:
            self._begin_silently()
        if not self.is_elsewhere:
            self._wake()
            self._replied()

    def _go_to(self, key: str | None) -> Outcome:
        self._come_from_elsewhere()
        return self._lead_to(key)

    def _come_from_elsewhere(self) -> None:
        """Whoever was in another flow begins this one: with its variables, and nothing of what they waited for there."""
        if self.run is not None and self.is_elsewhere:
            revision = self.run.revision
            self._disarm()
            self._begin_silently()
            self._change(revision=revision)

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
            handed_over=False,
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
                self._change(handed_over=True)
                self._done.effects.append(HandedOver())
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
