"""Plays a flow of the account: what a bot says and does, as data that is edited in the panel."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.effects import Priority
from plugins.flows.engine import Engine
from plugins.flows.parts import ButtonKind
from plugins.flows.playing import Player
from plugins.flows.run import (
    AFTER,
    FOLLOW_UP,
    MOVED,
    PUT,
    RELEASE,
    Notice,
    Outcome,
)
from plugins.flows.telling import NOTICES, STARS, TAP, ButtonName
from plugins.router import PASS, Router
from plugins.timers import TimerFired


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
    takes_payments = True
    config_model = FlowConfig

    def setup_handlers(self, router: Router) -> None:
        """Take what moves people on."""
        router.command("start", where=_is_private)(self._start)
        router.callback(TAP, where=_is_private)(self._tapped)
        router.on("pre_checkout_query")(self._asked_to_sell)
        router.content_type("successful_payment", where=_is_private)(self._paid)
        router.text(where=_is_private)(self._wrote)
        router.on("my_chat_member", where=_is_private)(self._came_or_went)
        router.timer(FOLLOW_UP, AFTER, RELEASE, MOVED)(self._due)
        router.timer(PUT)(self._put)

    # What comes

    def _start(self, _message: Any, ctx: Context) -> object:
        flow = self.db.flow(self.get_config("flow"))
        if flow is None:
            ctx.logger.warning("there is no flow %r, or no version of it yet", self.get_config("flow"))
            return PASS
        Player(ctx, self.db).play(lambda engine: engine.start(start_param=ctx.start_param), flow)
        return None

    def _tapped(self, _query: Any, ctx: Context) -> object:
        name = ButtonName.read(ctx.tap.payload if ctx.tap else "")
        flow = (name and self.db.flow_by_id(name.flow_id)) or self.db.flow(self.get_config("flow"))
        if name is None or flow is None:
            return PASS
        version = name.version if flow.flow_id == name.flow_id else 0
        place = (name.step, name.place)

        def is_taken_over() -> bool:
            return self.db.is_taken_over(ctx.lead.telegram_id)

        Player(ctx, self.db).play(lambda engine: engine.tap(version, place, is_taken_over), flow)
        return None

    def _wrote(self, message: Any, ctx: Context) -> object:
        outcome = Player(ctx, self.db).play(lambda engine: engine.write(message.text))
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
        Player(ctx, self.db).play(lambda engine: engine.paid(name.version, (name.step, name.place)), flow)
        return None

    def _came_or_went(self, change: Any, ctx: Context) -> object:
        has_left = change.new_chat_member.status == "kicked"
        Player(ctx, self.db).play(lambda engine: engine.block() if has_left else engine.come_back())
        return PASS

    def _due(self, fired: TimerFired, ctx: Context) -> None:
        note = fired.note if isinstance(fired.note, dict) else {}

        def event(engine: Engine) -> Outcome:
            if fired.name == RELEASE:
                return engine.release()
            return engine.moved() if fired.name == MOVED else engine.due(fired.name, note)

        Player(ctx, self.db, Priority.BULK).play(event)

    def _put(self, fired: TimerFired, ctx: Context) -> None:
        """Somebody else, a broadcast or the inbox, puts the person at a step."""
        flow, step = self.db.flow(str(fired.note.get("flow"))), fired.note.get("step")
        if flow is not None and "entrance" in fired.note and flow.resolve(step) is None:
            ctx.logger.warning("nobody is put at the step %r: it is gone", step)
            return  # a broadcast's people are not to begin the whole flow instead
        if flow is None:
            ctx.logger.warning("nobody is put into the flow %r: there is none", fired.note.get("flow"))
            return
        Player(ctx, self.db, Priority.BULK).play(lambda engine: engine.start(step), flow)


def _is_private(_event: Any, ctx: Context) -> bool:
    return ctx.chat_id == ctx.lead.telegram_id


def _of_invoice(payload: str) -> ButtonName | None:
    """The button that an invoice of a flow was asked for by."""
    action, _, name = payload.partition(":")
    return ButtonName.read(name) if action == TAP else None


plugin = FlowPlugin
