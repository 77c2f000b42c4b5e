"""What a step of a flow says to somebody whom a broadcast put there: the ledger hears of its first message, its last one has the
button by which people want no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plugins.context import Context
from services.messaging.broadcasts.rendering import opt_out_button
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.flows.entrances import entrance_of

KEYBOARD = "inline_keyboard"


def follow_up_on(ctx: Context, signer: CallbackSigner) -> dict[int, dict[str, Any]]:
    """Of the calls that a handler wants: place of the first message -> what the outbox is told of it. Nothing for any other update."""
    entrance = entrance_of(ctx.update)
    if entrance is None:
        return {}
    calls, person = ctx.effects.calls, ctx.lead.telegram_id
    said = [at for at, call in enumerate(calls) if call.method.startswith("send")]
    if not said:
        return {}
    last = calls[said[-1]]
    markup = last.params.get("reply_markup") or {KEYBOARD: []}
    if entrance.opt_out and KEYBOARD in markup:
        button = opt_out_button(signer, entrance.opt_out, ctx.bot.id, person, ctx.lead.language)
        with_button = {**markup, KEYBOARD: [*markup[KEYBOARD], [button]]}
        calls[said[-1]] = replace(last, params={**last.params, "reply_markup": with_button})
    told = {"broadcast": entrance.broadcast_id, "person": person, "per_second": entrance.per_second}
    return {said[0]: {**told, "entered": True}}
