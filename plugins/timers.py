"""What a plugin wants to be told of later: `ctx.set_timer("remind", 600)`, and `router.timer("remind")` ten minutes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plugins.address import Address
from plugins.database import StoreError, as_text
from plugins.effects import Effects, TimerWish

TIMER_FIRED: Final = "timer_fired"  # the kind of update; Telegram sends none of this name
LONGEST_KEY: Final = 100  # characters
LONGEST_WAIT: Final = 400 * 86_400  # seconds
LARGEST_NOTE: Final = 4096  # bytes of JSON
MOST_TIMERS: Final = 100  # set or cancelled by one handler


@dataclass(frozen=True)
class TimerFired:
    """A timer that is due. Chat, person and address are those of the update in whose handling it was set, `note` what was
    said then. It may come late, when the bot was stopped for example: `due_at` (UTC) says when it was meant to come.
    """

    key: str
    plugin: str
    address: Address
    due_at: datetime
    note: Any = None
    chat: Any = None
    from_user: Any = None

    @property
    def name(self) -> str:
        """What `router.timer` matches: the key up to its first colon."""
        return self.key.partition(":")[0]


class TimerContext:
    """The part of a context that sets timers. The attributes are those of the context."""

    effects: Effects
    plugin: str

    def set_timer(self, key: str, seconds: float, note: Any = None) -> None:
        """Have `router.timer(name)` of this plugin called for this chat in `seconds`; `name` is `key` up to its first colon.

        A timer of the same key in this chat is replaced. It takes effect with everything else that the handler wants. StoreError
        for a key, a time or a note (JSON, 4 KB) that cannot be kept.
        """
        if not 0 <= seconds <= LONGEST_WAIT:
            raise StoreError(f"A timer waits 0 to {LONGEST_WAIT // 86_400} days")
        if len(as_text(note).encode()) > LARGEST_NOTE:
            raise StoreError(f"The note of a timer has at most {LARGEST_NOTE // 1024} KB")
        self._wish(TimerWish(self.plugin, _checked(key), float(seconds), note))

    def cancel_timer(self, key: str) -> None:
        """Forget the timer of that key in this chat; nothing happens where there is none."""
        self._wish(TimerWish(self.plugin, _checked(key)))

    def _wish(self, wish: TimerWish) -> None:
        self.effects.timers[wish.plugin, wish.key] = wish
        if len(self.effects.timers) > MOST_TIMERS:
            raise StoreError(f"A handler sets and cancels at most {MOST_TIMERS} timers")


def _checked(key: str) -> str:
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise StoreError(f"The key of a timer has 1 to {LONGEST_KEY} characters that can be printed")
    return key
