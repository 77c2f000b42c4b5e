"""Whether a bot answers whoever is behind an update, by its owner's lists and switches. No I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from plugins.answers import CALL_ANSWERED
from services.core.identifiers import is_telegram_id
from services.fleet.bots.access_rules import AccessRules
from services.messaging.limits.acts import UNLIMITED
from services.messaging.limits.verdicts import Refusal
from services.queueing.lanes import kind_of

# Posts of channels are nobody's, answers of Telegram's the bot's own, and what was bought has been paid for.
EXEMPT: Final = frozenset(("channel_post", "edited_channel_post", CALL_ANSWERED, "purchased_paid_media"))
# Who writes, reacts or votes: the chat on whose behalf that is done, else the person, by whichever name a kind has for them.
ACTORS: Final = ("sender_chat", "actor_chat", "voter_chat", "from", "user")


def refusal_of(
    rules: AccessRules, update: dict[str, Any], now: datetime, *, replay: bool = False
) -> Refusal | None:
    """Why `rules` keep an update from the bot's handlers; None when they do not, nobody is behind it, or money has moved.

    A `replay` was asked for by the operator and passes while the bot is in maintenance.
    """
    actor = None if _is_exempt(update) else actor_of(update)
    if actor is None:
        return None
    if rules.is_blocked(actor, now):
        return Refusal.BLOCKED
    if not rules.is_allowed(actor, now):
        return Refusal.NOT_ALLOWED
    closed = rules.maintenance and not replay and not rules.is_admin(actor, now)
    return Refusal.MAINTENANCE if closed else None


def actor_of(update: dict[str, Any]) -> int | None:
    """The id that lists of people are asked for: a person's, or the chat's on whose behalf they write; None for nobody.

    All anonymous administrators share one account, so the group stands for them; they tap under their own id.
    """
    event = update.get(kind_of(update))
    if not isinstance(event, dict):
        return None
    for name in ACTORS:
        actor = event.get(name)
        if isinstance(actor, dict) and is_telegram_id(actor.get("id")):
            return int(actor["id"])
    return None


def _is_exempt(update: dict[str, Any]) -> bool:
    kind = kind_of(update)
    event = update.get(kind)
    return kind in EXEMPT or (isinstance(event, dict) and any(name in event for name in UNLIMITED))


def is_addressed(update: dict[str, Any], action: str) -> bool:
    """Whether it was meant for the bot, so that a refusal may be told: in a group not everything that is said there."""
    kind = kind_of(update)
    if kind != "message":
        return kind == "callback_query"
    chat = update[kind].get("chat")
    return action.startswith("cmd:") or (isinstance(chat, dict) and chat.get("type") == "private")
