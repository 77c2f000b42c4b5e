# mypy: disable-error-code="import-untyped"
"""A bot's incoming updates: ids, filter, expiry, confirmation. No sockets here but one wake-up event."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gevent.event import Event

KINDS = frozenset(
    {
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "callback_query",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "managed_bot",
    }
)
OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds that Telegram sends only to bots that name them in allowed_updates."""

DAY = 24 * 3600.0
LIFETIME = {"callback_query": 150.0, "pre_checkout_query": 150.0, "inline_query": 30.0}
"""Seconds after which Telegram gives up delivering; everything else 24 h (Bot API documentation)."""


@dataclass(slots=True)
class Entry:
    """One update waiting for delivery; ``lane`` names the queue it is ordered in."""

    seq: int
    update_id: int
    kind: str
    lane: str
    body: dict[str, Any]
    expires_at: float


class Inbox:
    """Pending updates of one bot in order of arrival."""

    def __init__(self, rng: random.Random) -> None:
        self.entries: dict[int, Entry] = {}
        self.allowed: frozenset[str] | None = None
        """None: the default set (all but OPT_IN)."""
        self.next_update_id = rng.randrange(100_000_000, 900_000_000)
        self.arrived = Event()
        self._seq = 0
        self._earliest_expiry = float("inf")

    def accepts(self, kind: str) -> bool:
        """Whether the bot asked for this kind of update."""
        return kind in self.allowed if self.allowed is not None else kind not in OPT_IN

    def push(self, kind: str, lane: str, payload: Any, now: float, update_id: int | None = None) -> Entry:
        """Append an update; without ``update_id`` the next sequential one is used."""
        if update_id is None:
            update_id = self.next_update_id
        self.next_update_id = max(self.next_update_id, update_id + 1)
        self._seq += 1
        expires_at = now + LIFETIME.get(kind, DAY)
        entry = Entry(self._seq, update_id, kind, lane, {"update_id": update_id, kind: payload}, expires_at)
        self.entries[entry.seq] = entry
        self._earliest_expiry = min(self._earliest_expiry, expires_at)
        self.wake()
        return entry

    def wake(self) -> None:
        """Wake every waiting getUpdates; each waits on the event of its own time, so none is missed."""
        past, self.arrived = self.arrived, Event()
        past.set()

    def confirm(self, seqs: Iterable[int]) -> None:
        """Forget delivered updates; unknown ones are ignored."""
        for seq in seqs:
            self.entries.pop(seq, None)

    def confirm_below(self, offset: int) -> int:
        """getUpdates' offset: a negative one keeps only the last ``-offset``. Returns how many went."""
        if offset < 0:
            done = list(self.entries)[:offset]
        else:
            done = [seq for seq, entry in self.entries.items() if entry.update_id < offset]
        self.confirm(done)
        return len(done)

    def expire(self, now: float) -> int:
        """Drop what is too old; returns how many were dropped."""
        if now < self._earliest_expiry:
            return 0
        dead = [seq for seq, entry in self.entries.items() if entry.expires_at <= now]
        self.confirm(dead)
        self._earliest_expiry = min((e.expires_at for e in self.entries.values()), default=float("inf"))
        return len(dead)

    def head(self, limit: int) -> Iterator[Entry]:
        """The oldest ``limit`` updates."""
        for position, entry in enumerate(self.entries.values()):
            if position >= limit:
                return
            yield entry

    def clear(self) -> int:
        """drop_pending_updates; returns how many there were."""
        count = len(self.entries)
        self.entries.clear()
        return count


def lane_of(kind: str, payload: Any) -> str:
    """The queue an update is ordered in: messages per chat, callbacks per user, memberships apart."""
    sender = payload.get("from") or payload.get("user") or {}
    if kind == "callback_query":
        return f"callback:{sender.get('id')}"
    chat = payload.get("chat") or (payload.get("message") or {}).get("chat") or {}
    if kind in ("my_chat_member", "chat_member"):
        return f"{kind}:{chat.get('id')}"
    return f"chat:{chat['id']}" if "id" in chat else f"{kind}:{sender.get('id')}"
