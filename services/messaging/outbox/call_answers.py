"""A call's answer on its way back to the plugin that asked for it: an update of our own, in the lane of the chat (ADR 27)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from plugins.address import Address
from plugins.answers import CALL_ANSWERED
from plugins.context import Context
from plugins.effects import Call

SEQUENCE_BITS, RANK_BITS = 14, 2  # beside the milliseconds of an entry's id: unique per bot, and below 2**63


def continuation_of(ctx: Context, call: Call, chat: str) -> dict[str, Any]:
    """What the outbox keeps beside a call whose answer is wanted: by whom, and of which update it is part. `chat` names
    whose turn the answer waits for."""
    content = ctx.update.get(ctx.kind)
    content = content if isinstance(content, dict) else {}
    holder = content.get("message") if isinstance(content.get("message"), dict) else content
    return {
        "name": call.then,
        "plugin": call.plugin,
        "note": call.note,
        "turn": chat,
        "chat": (holder or {}).get("chat"),
        "from": content.get("from"),
        "address": asdict(ctx.address),
    }


def continuation_to(
    plugin: str, name: str, note: Any, person: int, first_name: str, language: str
) -> dict[str, Any]:
    """The same for a call that no handler makes, to a person's private chat: its answer comes as if they had caused it."""
    return {
        "name": name,
        "plugin": plugin,
        "note": note,
        "turn": str(person),
        "chat": {"id": person, "type": "private"},
        "from": {"id": person, "is_bot": False, "first_name": first_name, "language_code": language},
        "address": asdict(Address(person)),
    }


def answer_update(
    then: dict[str, Any], method: str, outcome: dict[str, Any], place: tuple[str, int]
) -> dict[str, Any]:
    """The update that brings the outcome of a call; `place` is the entry and rank of the call in its bot's outboxes."""
    entry_id, rank = place
    moment, _, number = entry_id.partition("-")
    within = (int(number or 0) % (1 << SEQUENCE_BITS)) << RANK_BITS | rank
    update_id = -(
        int(moment) << (SEQUENCE_BITS + RANK_BITS) | within
    )  # never one of Telegram's, which are positive
    wanted = {name: then.get(name) for name in ("name", "plugin", "note", "chat", "from", "address")}
    return {"update_id": update_id, CALL_ANSWERED: {**wanted, "method": method, **outcome}}


def is_call_answer(update: dict[str, Any], kind: str) -> bool:
    """Whether an update is one of our own; nobody outside can send one, for the door takes no negative number."""
    number = update.get("update_id")
    return kind == CALL_ANSWERED and isinstance(number, int) and number < 0
