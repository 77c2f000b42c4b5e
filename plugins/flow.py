"""Plays a flow of the account: what a bot says and does, as data that is edited in the panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.effects import Priority
from plugins.flows.document import FlowDocument
from plugins.flows.engine import Engine
from plugins.flows.parts import ButtonKind
from plugins.flows.run import (
    AFTER,
    FOLLOW_UP,
    MOVED,
    PUT,
    RELEASE,
    FlowInForce,
    Left,
    Notice,
    Outcome,
    Person,
    Run,
    RunStatus,
)
from plugins.flows.telling import NOTICES, STARS, TAP, ButtonName, Teller, asked
from plugins.router import PASS, Router
from plugins.timers import TimerFired

MOST_JUMPS: Final = 5  # from flow to flow by one event
Event = Callable[[Engine], Outcome]


class FlowConfig(PluginConfig):
    """Configuration of `flow`."""

    flow: str = Field(
        "", pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$", description="The key of the flow that /start begins"
    )


class FlowPlugin(BasePlugin):
    """Takes people through the steps of a flow, in private chats."""

    name = "flow"
    title = "Flow"
    description = "Plays a flow: steps with messages, buttons, waits and follow-ups"
    author = "Flotilla"
    allowed_updates = ("pre_checkout_query",)
    config_model = FlowConfig

    def setup_handlers(self, router: Router) -> None:
        """Take what moves people on."""
        router.command("start", where=_is_private)(self._start)
        router.callback(TAP, where=_is_private)(self._tapped)
        router.on("pre_checkout_query")(self._asked_to_sell)
        router.content_type("successful_payment", where=_is_private)(self._paid)
        router.text(where=_is_private)(self._wrote)
        router.member(where=_is_private)(self._came_or_went)
        router.timer(FOLLOW_UP, AFTER, RELEASE, MOVED)(self._due)
        router.timer(PUT)(self._put)

    # What comes

    def _start(self, _message: Any, ctx: Context) -> object:
        flow = self.db.flow(self.get_config("flow"))
        if flow is None:
            ctx.logger.warning("there is no flow %r, or no version of it yet", self.get_config("flow"))
            return PASS
        self._play(ctx, lambda engine: engine.start(), flow)
        return None

    def _tapped(self, _query: Any, ctx: Context) -> object:
        name = ButtonName.read(ctx.tap.payload if ctx.tap else "")
        flow = (name and self.db.flow_by_id(name.flow_id)) or self.db.flow(self.get_config("flow"))
        if name is None or flow is None:
            return PASS
        version = name.version if flow.flow_id == name.flow_id else 0
        self._play(ctx, lambda engine: engine.tap(version, (name.step, name.place)), flow)
        return None

    def _wrote(self, message: Any, ctx: Context) -> object:
        outcome = self._play(ctx, lambda engine: engine.write(message.text))
        return None if outcome is not None and outcome.taken else PASS

    def _asked_to_sell(self, query: Any, ctx: Context) -> object:
        name = _of_invoice(query.invoice_payload)
        if name is None:
            return PASS
        sells = self._sells(name, query.currency, query.total_amount)
        refusal = None if sells else ctx.translate(NOTICES[Notice.GONE])
        ctx.api("answerPreCheckoutQuery", pre_checkout_query_id=query.id, ok=sells, error_message=refusal)
        return None

    def _sells(self, name: ButtonName, currency: str, amount: int) -> bool:
        """Whether the button that asked for the money is one of ours, and asked for so much."""
        document = self.db.flow_version(name.flow_id, name.version)
        message, row, column = name.place
        try:
            button = document.steps[name.step].messages[message].buttons[row][column] if document else None
        except IndexError:
            return False
        return bool(button and button.kind is ButtonKind.PAY and currency == STARS and button.stars == amount)

    def _paid(self, message: Any, ctx: Context) -> object:
        name = _of_invoice(message.successful_payment.invoice_payload)
        flow = self.db.flow_by_id(name.flow_id) if name else None
        if name is None or flow is None:
            return PASS
        self._play(ctx, lambda engine: engine.paid(name.version, (name.step, name.place)), flow)
        return None

    def _came_or_went(self, change: Any, ctx: Context) -> object:
        if ctx.kind == "my_chat_member":
            has_left = change.new_chat_member.status == "kicked"
            self._play(ctx, lambda engine: engine.block() if has_left else engine.come_back())
        return PASS

    def _due(self, fired: TimerFired, ctx: Context) -> None:
        note = fired.note if isinstance(fired.note, dict) else {}

        def event(engine: Engine) -> Outcome:
            if fired.name == RELEASE:
                return engine.release()
            return engine.moved() if fired.name == MOVED else engine.due(fired.name, note)

        self._play(ctx, event, priority=Priority.BULK)

    def _put(self, fired: TimerFired, ctx: Context) -> None:
        """Somebody else, a broadcast or the inbox, puts the person at a step."""
        flow, step = self.db.flow(str(fired.note.get("flow"))), fired.note.get("step")
        if flow is None:
            ctx.logger.warning("nobody is put into the flow %r: there is none", fired.note.get("flow"))
            return
        self._play(ctx, lambda engine: engine.start(step), flow, Priority.BULK)

    # What comes of it

    def _play(
        self,
        ctx: Context,
        event: Event,
        flow: FlowInForce | None = None,
        priority: Priority = Priority.REPLY,
    ) -> Outcome | None:
        """Play an event in `flow`, or in the one where the person is; None when they are in none, or it is not there any more."""
        before = self.db.flow_run(ctx.lead.telegram_id)
        if flow is None and before is not None:
            flow = self.db.flow_by_id(before.flow_id)
        if flow is None:
            return None
        outcome = self._apply(ctx, event, flow, before, priority)
        first = outcome
        for _ in range(MOST_JUMPS):
            left = next((each for each in outcome.effects if isinstance(each, Left)), None)
            if left is None:
                break
            outcome = self._jump(ctx, left, flow, outcome, priority)
        else:
            ctx.logger.warning("flows lead to each other without end")
            outcome = Outcome(outcome.run and replace(outcome.run, status=RunStatus.ENDED))
        if outcome.run is not None and outcome.run != before:
            self.db.save_flow_run(ctx.lead.telegram_id, outcome.run)
        return first

    def _jump(
        self, ctx: Context, left: Left, flow: FlowInForce, outcome: Outcome, priority: Priority
    ) -> Outcome:
        """Go on at the start of another flow; where there is none, it ends, which is said to whoever tapped."""
        other = self.db.flow(left.flow)
        if other is not None:
            return self._apply(ctx, lambda engine: engine.start(), other, outcome.run, priority)
        ctx.logger.warning("a flow leads to %r, which is not there", left.flow)
        Teller(ctx, self.db, flow, priority).tell([Notice.OVER])
        ended = None if outcome.run is None else replace(outcome.run, status=RunStatus.ENDED)
        return Outcome(ended)

    def _apply(
        self, ctx: Context, event: Event, flow: FlowInForce, run: Run | None, priority: Priority
    ) -> Outcome:
        lead = self.db.lead(ctx.lead.telegram_id)
        person = Person(
            ctx.lead.telegram_id, ctx.lead.language, frozenset(lead.tags if lead is not None else ())
        )

        @cache
        def document_at(number: int) -> FlowDocument | None:
            return flow.document if number == flow.number else self.db.flow_version(flow.flow_id, number)

        engine = Engine(
            flow,
            person,
            run,
            ctx.now,
            lambda call, variables: asked(ctx, call, variables),
            document_at,
        )
        outcome = event(engine)
        Teller(ctx, self.db, flow, priority).tell(outcome.effects)
        if outcome.visited and outcome.run is not None:
            self.db.save_flow_run(ctx.lead.telegram_id, outcome.run, outcome.visited)
        return outcome


def _is_private(_event: Any, ctx: Context) -> bool:
    return ctx.chat_id == ctx.lead.telegram_id


def _of_invoice(payload: str) -> ButtonName | None:
    """The button that an invoice of a flow was asked for by."""
    action, _, name = payload.partition(":")
    return ButtonName.read(name) if action == TAP else None


plugin = FlowPlugin
