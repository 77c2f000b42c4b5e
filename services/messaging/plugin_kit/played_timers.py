"""The timers of a bot that is played: rows in memory, and which of them is due next."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable
from datetime import UTC, datetime

from models import Timer
from services.messaging.timers.rows import TimerChange

MOST_AT_ONCE = (
    1000  # that go off in one wait: a plugin that sets a timer of no seconds in each would never end
)


class PlayedTimers:
    """What would be in the table `timers`."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str, int, str], Timer] = {}
        self._numbers = itertools.count(1)

    def change(self, changes: Iterable[TimerChange]) -> None:
        """Set and forget timers."""
        for each in changes:
            self._rows.pop(each.place, None)
            if each.due_at is not None:
                self._rows[each.place] = self._row(each, each.due_at)

    def take_due(self, until: float, plugins: Container[str]) -> Timer | None:
        """Take the next one that is due by `until` (epoch s) away, of one of `plugins`: others wait for theirs."""
        moment = datetime.fromtimestamp(until, UTC)
        due = [row for row in self._rows.values() if row.due_at <= moment and row.plugin in plugins]
        if not due:
            return None
        first = min(due, key=lambda row: (row.due_at, row.id))
        return self._rows.pop((first.bot_id, first.plugin, first.chat_id, first.key))

    def of(self, plugin: str, chat_id: int) -> dict[str, datetime]:
        """The keys of a plugin's timers in a chat, and when they are due."""
        rows = sorted(self._rows.values(), key=lambda row: (row.due_at, row.id))
        return {row.key: row.due_at for row in rows if (row.plugin, row.chat_id) == (plugin, chat_id)}

    def _row(self, change: TimerChange, due_at: datetime) -> Timer:
        return Timer(
            id=next(self._numbers),
            bot_id=change.bot_id,
            plugin=change.plugin,
            chat_id=change.chat_id,
            telegram_id=change.telegram_id,
            key=change.key,
            due_at=due_at,
            ring_at=due_at,
            rings=1,
            note=change.note,
            address=change.address or {},
        )
