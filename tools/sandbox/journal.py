"""What the bots sent: a bounded list of accepted outgoing calls, and counters of everything."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

JOURNAL_LIMIT = 400_000
"""Entries kept (about 200 MB at most); a 2-minute benchmark at 2,000 messages/s fits."""
WEBHOOK_TIMES = 100_000
"""Of the latest deliveries; a float each."""


@dataclass(slots=True)
class Sent:
    """One accepted outgoing Bot API call."""

    seq: int
    time: float
    bot_id: int
    bot: str
    method: str
    chat_id: int | None
    text: str | None
    params: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The form of ``GET /sandbox/api/sent``."""
        return {
            "seq": self.seq,
            "time": self.time,
            "bot": self.bot,
            "bot_id": self.bot_id,
            "method": self.method,
            "chat_id": self.chat_id,
            "text": self.text,
            "params": self.params,
        }


class Journal:
    """Accepted outgoing calls with a sequence number from 1."""

    def __init__(self) -> None:
        self._items: list[Sent] = []
        self._dropped = 0

    @property
    def last_seq(self) -> int:
        """The newest sequence number, 0 when empty."""
        return self._dropped + len(self._items)

    def add(
        self,
        time: float,
        bot_id: int,
        bot: str,
        method: str,
        chat_id: int | None,
        text: str | None,
        params: dict[str, Any],
    ) -> None:
        """Record one call; above JOURNAL_LIMIT the older half is forgotten."""
        self._items.append(Sent(self.last_seq + 1, time, bot_id, bot, method, chat_id, text, params))
        if len(self._items) > JOURNAL_LIMIT:
            half = JOURNAL_LIMIT // 2
            del self._items[:half]
            self._dropped += half

    def since(self, seq: int, bot_id: int | None, method: str, limit: int) -> list[Sent]:
        """Entries above ``seq``, oldest first, at most ``limit``, of one bot or method if named."""
        found: list[Sent] = []
        for item in self._items[max(0, seq - self._dropped) :]:
            if (bot_id is None or item.bot_id == bot_id) and (not method or item.method == method):
                found.append(item)
                if len(found) >= limit:
                    break
        return found


@dataclass
class Counters:
    """Everything ``GET /sandbox/api/stats`` shows."""

    calls: Counter[tuple[str, int]] = field(default_factory=Counter)
    updates_created: int = 0
    updates_filtered: int = 0
    updates_delivered: int = 0
    updates_retried: int = 0
    updates_expired: int = 0
    faults_applied: int = 0
    webhook_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=WEBHOOK_TIMES))
    """From posting an accepted update to its answer; shown apart, by ``GET /sandbox/api/webhook-times``."""

    def calls_by_method(self) -> dict[str, dict[str, int]]:
        """``{method: {status: count}}``; status 0 means the connection was dropped."""
        table: dict[str, dict[str, int]] = {}
        for (method, status), count in sorted(self.calls.items()):
            table.setdefault(method, {})[str(status)] = count
        return table
