"""What a person did, read out of an update: who, which action, and whether a button's data is ours. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial
from typing import Any

from plugins.commands import command_in
from plugins.context import COMMANDING
from services.core.identifiers import is_telegram_id
from services.messaging.buttons.callback_data import CallbackSigner, Opened
from services.messaging.limits.judge import Act
from services.messaging.limits.verdicts import Refusal
from services.queueing.lanes import kind_of

UNLIMITED = ("successful_payment", "refunded_payment")  # money that has moved is never turned away
CREDIBLE_SECONDS = 86_400  # Telegram keeps updates for so long; a date further back is no date


def act_of(
    update: dict[str, Any],
    *,
    bot_id: int,
    bot_username: str,
    arrived_ms: int,
    signer: CallbackSigner,
    sensitive: Set[str],
    former_chat: Callable[[int], int | None] = lambda _chat: None,
) -> Act | None:
    """The act behind an update; None for those that are never limited (memberships, payments, channel posts …) and for
    commands to another bot, which no handler of ours gets.

    `arrived_ms` is when it came in; `sensitive` the actions with a cooldown of their own. `former_chat` tells the
    id that a supergroup had as a group, and is asked only about buttons that were not made for the chat as it is.
    """
    kind = kind_of(update)
    event = update.get(kind)
    if not isinstance(event, dict):
        return None
    user = _user_of(event)
    if user is None:
        return None
    if kind == "callback_query":
        opening = partial(_open, event, int(user), bot_id, arrived_ms / 1000, signer, former_chat)
        return _tap(event, user, int(update["update_id"]), bot_id, arrived_ms, opening, sensitive)
    if kind not in COMMANDING or any(name in event for name in UNLIMITED):
        return None
    command = command_in(event.get("text"))
    if command is not None and not command.is_for(bot_username):
        return None
    action = f"cmd:/{command.name}" if command is not None and kind == "message" else "text"
    cooling = action if action in sensitive else ""
    at = _moment_of(event, arrived_ms)
    return Act(bot_id, user, action, int(update["update_id"]), at, cooling)


def _tap(
    query: dict[str, Any],
    user: str,
    update_id: int,
    bot_id: int,
    arrived_ms: int,
    opening: Callable[[str], Opened | Refusal],
    sensitive: Set[str],
) -> Act:
    data = str(query.get("data") or "")
    if not data.startswith("!"):  # not packed by us: only for handlers that ask for raw taps
        return Act(bot_id, user, "cb", update_id, arrived_ms, cooling=f"cb:{data[:64]}")
    opened = opening(data)
    if isinstance(opened, Refusal):
        return Act(bot_id, user, "cb", update_id, arrived_ms, refusal=opened)
    action = f"cb:{opened.action}"
    # Turning pages is no double tap: unless marked sensitive, only the same button cools down.
    cooling = action if action in sensitive else f"{action}:{opened.payload}"
    return Act(bot_id, user, action, update_id, arrived_ms, cooling, opened)


def _open(
    query: dict[str, Any],
    user_id: int,
    bot_id: int,
    now: float,
    signer: CallbackSigner,
    former_chat: Callable[[int], int | None],
    data: str,
) -> Opened | Refusal:
    """The button's data, made for the chat or for the group that it was before its upgrade."""
    chat_id = _chat_of(query, user_id)
    opened = signer.open(data, bot_id=bot_id, user_id=user_id, chat_id=chat_id, now=now)
    former = former_chat(chat_id) if opened is Refusal.FORGED else None
    if former is None:
        return opened
    return signer.open(data, bot_id=bot_id, user_id=user_id, chat_id=former, now=now)


def _user_of(event: dict[str, Any]) -> str | None:
    """Who is counted: the person, or the chat on whose behalf they write (all anonymous admins share one user id)."""
    for person in (event.get("sender_chat"), event.get("from")):
        if isinstance(person, dict) and is_telegram_id(person.get("id")):
            return str(person["id"])
    return None


def _chat_of(query: dict[str, Any], user_id: int) -> int:
    """The chat of the button's message; the person for buttons of inline messages, which tell no chat."""
    message = query.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    chat_id = chat.get("id") if isinstance(chat, dict) else None
    return chat_id if is_telegram_id(chat_id) else user_id


def _moment_of(message: dict[str, Any], arrived_ms: int) -> int:
    """When the person sent it, so that what piled up while we were away does not look like a flood."""
    sent = message.get("edit_date") or message.get("date")
    if not isinstance(sent, int) or not 0 <= arrived_ms - sent * 1000 < CREDIBLE_SECONDS * 1000:
        return arrived_ms
    return sent * 1000
