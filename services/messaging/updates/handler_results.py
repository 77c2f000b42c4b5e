"""What a handler wants, in the form in which it is written: tokens sealed, JSON as text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from plugins.context import Context
from plugins.effects import Call, Effects
from services.core.encryption import Vault
from services.messaging.buttons.button_links import check_buttons
from services.messaging.outbox.call_answers import continuation_of
from services.messaging.outbox.outgoing import slot_of
from services.messaging.updates.event_facts import conversation_key
from services.messaging.updates.queued_update import HandlerResult, QueuedUpdate, Send
from services.platform.redis import keys
from services.platform.token_encryption import dump_sealed, seal_tokens

NOBODY: Final[Mapping[int, Mapping[str, Any]]] = MappingProxyType({})


def result_of(
    vault: Vault,
    ctx: Context,
    queued: QueuedUpdate,
    *,
    plugin: str = "",
    heard: Mapping[int, Mapping[str, Any]] = NOBODY,
) -> HandlerResult:
    """The wishes collected in `ctx`, handled by `plugin`; `heard` says of calls, by their place, who else hears what comes of them.

    A wish that JSON cannot hold (ValueError, TypeError) or a refused link is the handler's failure.
    """
    wanted = ctx.effects
    conversation = _conversation(vault, wanted, queued.bot_id)
    sends = tuple(_send(vault, ctx, call, queued, heard.get(at)) for at, call in enumerate(wanted.calls))
    kept = tuple(
        (
            keys.button_payload(queued.bot_id, each.name),
            seal_tokens(vault, each.payload, queued.bot_id),
            each.seconds,
        )
        for each in wanted.kept
    )
    if queued.unused:
        kept += ((keys.used_button(queued.bot_id, queued.unused), "", 0),)
    return HandlerResult(sends, conversation_key(ctx), conversation, kept, plugin)


def _conversation(vault: Vault, wanted: Effects, bot_id: int) -> str | None:
    """None when untouched, "" when ended."""
    if wanted.conversation is None:
        return None
    return dump_sealed(vault, wanted.conversation, bot_id) if any(wanted.conversation.values()) else ""


def _send(
    vault: Vault, ctx: Context, call: Call, queued: QueuedUpdate, heard: Mapping[str, Any] | None
) -> Send:
    check_buttons(call.params)
    chat = str(call.params.get("chat_id", queued.chat))
    stored: dict[str, Any] = {"method": call.method, "params": call.params}
    if call.then:
        stored["then"] = continuation_of(ctx, call, queued.chat)
    elif heard is not None:
        stored["then"] = dict(heard)
    slot = slot_of(call.method, call.params, str(call.priority), chat)
    return Send(*slot, dump_sealed(vault, stored, queued.bot_id))
