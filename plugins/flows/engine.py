"""Playing a flow: a document, where a person stands, and an event give where they stand then, and what is to be done.

Pure: time, chance (a hash of the person) and other people's APIs (`ask`) come in as arguments. What was promised under a
version, by a button or a follow-up, is looked up in that version's document; where it leads is looked up in the one in
force (ADR 61).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plugins.flows.choices import answers, is_called_off
from plugins.flows.parts import (
    Button,
    ButtonKind,
    HandOver,
)
from plugins.flows.run import (
    AFTER,
    RELEASE,
    START_PARAM,
    Billed,
    Disarmed,
    Notice,
    Outcome,
    Place,
    Run,
    RunStatus,
)
from plugins.flows.walk import Walk


@dataclass
class Engine(Walk):
    """One event of one person in one flow. Each public method is an event, and gives its outcome; use once."""

    # Events

    def start(self, step: str | None = None, *, start_param: str | None = None) -> Outcome:
        """The person begins the flow, at its start or at `step`; whatever they were in ends.

        What /start came with is a variable from then on; None where no /start came: that of the run that ends.
        """
        found = self.flow.resolve(step) or self.flow.resolve(self.flow.document.start)
        goals = self.run.goals if self.run and self.run.flow_id == self.flow.flow_id else frozenset[str]()
        revision = self.run.revision if self.run else 0
        came_with = self._variables.get(START_PARAM, "") if start_param is None else start_param
        kept = {START_PARAM: came_with} if came_with else {}
        self._disarm()
        self.run = Run(
            self.flow.flow_id,
            self.flow.number,
            found.key if found else self.flow.document.start,
            RunStatus.WAITING,
            self.now,
            self.now,
            variables={**self.flow.document.variables, **kept},
            goals=goals,
            revision=revision,
        )
        return self._go_on(found)

    def tap(
        self, version: int, place: tuple[int, Place], is_taken_over: Callable[[], bool] = lambda: False
    ) -> Outcome:
        """A button was tapped: `place` is the step's number in its document, and the button's place in the step.

        `is_taken_over` tells whether people speak with somebody who is in no flow, where no run can say so.
        """
        is_outside = self.run is None or self.run.status is RunStatus.ENDED
        if (self.run and self.run.status is RunStatus.PAUSED) or (is_outside and is_taken_over()):
            return self._answer(Notice.WITH_PEOPLE)
        button = self._button(version, place)
        self._heard_of()
        if button is None:
            return self._go_to(None)
        return self._tapped(version, place, button)

    def write(self, text: str) -> Outcome:
        """A text was written. Nobody's here while people speak with the person, outside of the flow, or unexpected."""
        if self.run is None or self.run.status in (RunStatus.PAUSED, RunStatus.ENDED):
            return Outcome(self.run, taken=False)
        step = self._present_step()
        self._wake()
        self._replied()
        for reply in step.replies if step else ():
            if answers(reply, text):
                if reply.save:
                    self._set(reply.save, text)
                return self._lead_to(reply.step)
        if self.run.is_moved:
            return self._lead_to(self.run.step)
        self._done.taken = False
        return self._finished()

    def paid(self, version: int, place: tuple[int, Place]) -> Outcome:
        """An invoice was paid. It counts while people speak with the person, too: money has moved."""
        button = self._button(version, place)
        self._heard_of()
        return self._go_to(button.step) if button is not None and button.step else self._finished()

    def due(self, name: str, note: Mapping[str, object]) -> Outcome:
        """A follow-up, or what comes `after` a while, is due. One of a step that was left is nobody's."""
        run = self.run
        is_of_now = run is not None and (note.get("step"), note.get("entered")) == (run.step, self._entrance)
        if run is None or run.status is not RunStatus.WAITING or not is_of_now:
            return self._finished()
        document = self.document_at(int(str(note.get("version")))) or self.flow.document
        step = document.step(run.step)
        if step is None:
            return self._finished()
        if name == AFTER:
            return self._go_on_by(step.then)
        number = int(str(note.get("number")))
        follow_up = step.follow_ups[number] if number < len(step.follow_ups) else None
        if follow_up is None or is_called_off(follow_up.unless, self.person):
            return self._finished()
        return self._lead_to(follow_up.step)

    def release(self) -> Outcome:
        """They leave the person to the flow again: it goes on behind the step that handed over, or waits where it was.

        Where an operator took over before the step did, it is still to come.
        """
        if self.run is None or self.run.status is not RunStatus.PAUSED:
            return self._finished()
        self._done.effects.append(Disarmed(RELEASE))
        self._change(status=RunStatus.WAITING, paused_until=None)
        step = self._present_step()
        if step is None or self.run.is_moved:
            return self._lead_to(self.run.step)
        if self.run.handed_over and isinstance(step.then, HandOver) and step.then.step:
            return self._lead_to(step.then.step)
        return self._wait_anew(step)

    def moved(self) -> Outcome:
        """A publication has moved the person, who enters the step where they stand by now, unless they did already."""
        if self.run is None or self.run.status is not RunStatus.WAITING or not self.run.is_moved:
            return self._finished()
        return self._lead_to(self.run.step)

    def block(self) -> Outcome:
        """The person blocked the bot: nothing is tried until they return."""
        if self.run is None or self.run.status is not RunStatus.WAITING:
            return self._finished()
        self._disarm()
        self._change(status=RunStatus.STOPPED)
        return self._finished()

    def come_back(self) -> Outcome:
        """They unblocked it: what their step waits for begins anew."""
        if self.run is None or self.run.status is not RunStatus.STOPPED:
            return self._finished()
        self._wake()
        return self._lead_to(self.run.step) if self.run.is_moved else self._finished()

    # What a button does

    def _tapped(self, version: int, place: tuple[int, Place], button: Button) -> Outcome:
        if button.kind is ButtonKind.TAG and button.tag:
            self._tag(button.tag)
        if button.kind is ButtonKind.PAY and button.stars:
            key = self._step_at(version, place[0])
            step = key.key if key else ""
            bill = Billed(version, step, place[1], button.text, button.stars, dict(self._variables))
            self._done.effects.append(bill)
            return self._finished()
        if button.kind is ButtonKind.FLOW and button.flow:
            self._come_from_elsewhere()
            return self._leave(button.flow)
        return self._go_to(button.step) if button.step else self._finished()
