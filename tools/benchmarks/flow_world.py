"""People in a flow that is edited all the time, by the engine and by the model, and what the two disagree about."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from plugins.database import MemoryDatabase
from plugins.flows.engine import Engine
from plugins.flows.run import Armed, Disarmed, Outcome, Person, Run, RunStatus, Said
from plugins.flows.telling import number_of
from tools.benchmarks.flow_documents import Author
from tools.benchmarks.flow_model import Model, ModelPerson, Moves

REMEMBERED = 5  # buttons of a person that may still be tapped
KEY = "main"


@dataclass
class Inhabitant:
    """One person, as the engine has moved them and as the model says; `buttons` are those that they were shown."""

    number: int
    model: ModelPerson = field(default_factory=ModelPerson)
    shown: list[str] = field(default_factory=list)
    timers: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)
    buttons: list[tuple[int, int, tuple[int, int, int], str]] = field(default_factory=list)


@dataclass
class Differences:
    """Events at which the engine and the model disagree, by what that means for a person."""

    stranded: int = 0  # elsewhere than they ought to stand, or waiting for less
    doubled: int = 0  # were shown more
    lost: int = 0  # were shown less


class World:
    """A flow, its author, and its people. Time is in seconds and stands while nobody moves it."""

    def __init__(self, seed: int, people: int) -> None:
        self.chance = Random(seed)
        self.database = MemoryDatabase()
        self.model, self.author = Model(), Author(self.chance)
        self.people = [Inhabitant(number) for number in range(1, people + 1)]
        self.now, self.events = 1_000_000.0, 0
        self.differences = Differences()
        self._queue: list[tuple[float, int, int, str]] = []  # due, order, person, key of the timer
        self._publish({})
        for person in self.people:
            self._play(person, lambda engine: engine.start())
            self.model.start(person.model, self.now)

    def edit(self) -> None:
        """An edit, or now and then the way back to a former version, is published; whoever is moved enters their step."""
        if self.chance.random() < 0.1 and len(self.model.versions) > 1:
            self._publish(self.author.restore(self.chance.choice(self.model.versions)))
        else:
            self._publish(self.author.edit())

    def act(self, people: int) -> None:
        """So many people do something."""
        for person in self.chance.sample(self.people, min(people, len(self.people))):
            self._act(person)

    def wait(self, seconds: float) -> None:
        """Time passes; what is due goes off at its moment."""
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            due, _, number, key = heapq.heappop(self._queue)
            person = self.people[number - 1]
            if key not in person.timers or person.timers[key][0] != due:
                continue  # cancelled, or set anew
            self.now = due
            _, note = person.timers.pop(key)
            self._play(person, partial(_go_off, key.partition(":")[0], note))
        self.now = until
        for person in self.people:
            self.model.due(person.model, until)

    def compare(self) -> None:
        """Count what engine and model disagree about, of everybody."""
        for person in self.people:
            run, model = self._run(person), person.model
            place = (run.step, str(run.status)) if run else ("", "")
            waits = {wait.due for wait in model.waits}
            has = {due for due, _ in person.timers.values()}
            is_astray = place != (model.step, model.status) and model.status != "ended"
            if is_astray or (run is not None and str(run.status) != model.status) or waits - has:
                self.differences.stranded += 1
            self.differences.doubled += max(0, len(person.shown) - len(model.shown))
            self.differences.lost += max(0, len(model.shown) - len(person.shown))
            if len(model.shown) == len(person.shown) and model.shown != person.shown:
                self.differences.stranded += 1
            person.shown.clear()
            model.shown.clear()

    def _publish(self, moves: Moves) -> None:
        document = self.author.document
        self.database.publish_flow(KEY, document, moves)
        self.model.publish(document, moves, [person.model for person in self.people])
        for person in self.people:
            run = self._run(person)
            if run is not None and run.is_moved and run.status is RunStatus.WAITING:
                self._play(person, lambda engine: engine.moved())
                self.model.after_publication(person.model, self.now)

    def _act(self, person: Inhabitant) -> None:
        what = self.chance.choice(
            ("start", "tap", "tap", "tap", "yes", "other", "block", "back", "pause", "release")
        )
        now, model = self.now, person.model
        if what == "tap" and person.buttons:
            version, step, place, target = self.chance.choice(person.buttons)
            self._play(person, lambda engine: engine.tap(version, (step, place)))
            self.model.tap(model, version, target, now)
        elif what in ("yes", "other"):
            self._play(person, lambda engine: engine.write(what))
            self.model.write(model, what, now)
        elif what == "block":
            self._play(person, lambda engine: engine.block())
            self.model.go(model, "stopped")
        elif what == "pause":
            self._play(person, lambda engine: engine.pause(None))
            self.model.go(model, "paused")
        elif what in ("back", "release"):
            self._play(person, lambda engine: engine.come_back() if what == "back" else engine.release())
            self.model.come(model, "stopped" if what == "back" else "paused", now)
        elif what == "start":
            self._play(person, lambda engine: engine.start())
            self.model.start(model, now)

    def _run(self, person: Inhabitant) -> Run | None:
        return self.database.flow_run(person.number)

    def _play(self, person: Inhabitant, event: Callable[[Engine], Outcome]) -> None:
        """Have the engine take an event; now and then twice, of which the first one counts for nothing."""
        self.events += 1
        flow, run = self.database.flow(KEY), self._run(person)
        assert flow is not None

        def outcome() -> Outcome:
            known = Person(person.number)
            moment = datetime.fromtimestamp(self.now, UTC)
            return event(Engine(flow, known, run, moment, lambda *_: {}, self._version))

        if self.chance.random() < 0.01:
            outcome()
        self._apply(person, outcome())

    def _version(self, number: int) -> Any:
        return self.database.flow_version(1, number)

    def _apply(self, person: Inhabitant, outcome: Outcome) -> None:
        for effect in outcome.effects:
            match effect:
                case Said():
                    person.shown.append(effect.step)
                    self._keep_buttons(person, effect)
                case Armed(key=key, seconds=seconds, note=note):
                    person.timers[key] = (self.now + seconds, dict(note))
                    rank = int(note["number"]) if "number" in note else 1000
                    heapq.heappush(self._queue, (self.now + seconds, rank, person.number, key))
                case Disarmed(key=key):
                    person.timers.pop(key, None)
        if outcome.run is not None and outcome.run != self._run(person):
            self.database.save_flow_run(person.number, outcome.run)

    def _keep_buttons(self, person: Inhabitant, said: Said) -> None:
        step = number_of(self.model.versions[said.version - 1], said.step)
        for row, buttons in enumerate(said.message.buttons):
            place = (said.number, row, 0)
            person.buttons.append((said.version, step, place, str(buttons[0].step)))
        del person.buttons[:-REMEMBERED]


def _go_off(name: str, note: dict[str, Any], engine: Engine) -> Outcome:
    return engine.due(name, note)
