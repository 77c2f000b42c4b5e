"""Playing the events of a person: where they stand is read, the engine moves them, and what it wants is told to the context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

from plugins.context import Context
from plugins.database import PluginDatabase
from plugins.effects import Priority
from plugins.flows.document import FlowDocument
from plugins.flows.engine import Engine
from plugins.flows.run import (
    FlowInForce,
    Left,
    Notice,
    Outcome,
    Person,
    Run,
    RunStatus,
)
from plugins.flows.telling import Teller, asked

MOST_JUMPS: Final = 5  # from flow to flow by one event
Event = Callable[[Engine], Outcome]


class Player:
    """Plays events of the person whom a handler's update is of."""

    def __init__(self, ctx: Context, db: PluginDatabase, priority: Priority = Priority.REPLY) -> None:
        self._ctx, self._db, self._priority = ctx, db, priority

    def play(self, event: Event, flow: FlowInForce | None = None) -> Outcome | None:
        """Play an event in `flow`, or in the one where the person is; None when they are in none, or it is not there any more."""
        before = self._db.flow_run(self._ctx.lead.telegram_id)
        if flow is None and before is not None:
            flow = self._db.flow_by_id(before.flow_id)
        if flow is None:
            return None
        outcome = self._apply(event, flow, before)
        first = outcome
        for _ in range(MOST_JUMPS):
            left = next((each for each in outcome.effects if isinstance(each, Left)), None)
            if left is None:
                break
            outcome = self._jump(left, flow, outcome)
        if any(isinstance(each, Left) for each in outcome.effects):
            self._ctx.logger.warning("flows lead to each other without end")
            outcome = Outcome(outcome.run and replace(outcome.run, status=RunStatus.ENDED))
        if outcome.run is not None and outcome.run != before:
            self._db.save_flow_run(self._ctx.lead.telegram_id, outcome.run)
        return first

    def _jump(self, left: Left, flow: FlowInForce, outcome: Outcome) -> Outcome:
        """Go on at the start of another flow; where there is none, it ends, which is said to whoever tapped."""
        other = self._db.flow(left.flow)
        if other is not None:
            return self._apply(lambda engine: engine.start(), other, outcome.run)
        self._ctx.logger.warning("a flow leads to %r, which is not there", left.flow)
        Teller(self._ctx, self._db, flow, self._priority).tell([Notice.OVER])
        ended = None if outcome.run is None else replace(outcome.run, status=RunStatus.ENDED)
        return Outcome(ended)

    def _apply(self, event: Event, flow: FlowInForce, run: Run | None) -> Outcome:
        lead = self._db.lead(self._ctx.lead.telegram_id)
        person = Person(
            self._ctx.lead.telegram_id,
            self._ctx.lead.language,
            frozenset(lead.tags if lead is not None else ()),
        )

        @cache
        def document_at(number: int) -> FlowDocument | None:
            return flow.document if number == flow.number else self._db.flow_version(flow.flow_id, number)

        engine = Engine(
            flow,
            person,
            run,
            self._ctx.now,
            lambda call, variables: asked(self._ctx, call, variables),
            document_at,
        )
        outcome = event(engine)
        Teller(self._ctx, self._db, flow, self._priority).tell(outcome.effects)
        if outcome.visited and outcome.run is not None:
            self._db.save_flow_run(self._ctx.lead.telegram_id, outcome.run, outcome.visited)
        return outcome
