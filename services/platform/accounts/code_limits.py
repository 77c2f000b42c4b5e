"""How many codes of two-step sign-in may be guessed: for the panel, which counts them by its limiter, and for the chat here.

Both count in one window of the account, so that nobody has twice the guesses by taking both roads.
"""

from __future__ import annotations

import math
import time
from typing import Final

from limits import RateLimitItem, parse

from services.core.errors import RateLimited
from services.core.i18n import Text
from services.platform.platform import Platform
from services.platform.redis.windows import FixedWindows

PER_PERSON: Final = "10 per 15 minutes"  # as far as one can be told from others
CODES_PER_ACCOUNT: Final = "30 per hour"  # of 333,333: three of a million codes are right at any moment
ANYWHERE: Final = "code_anywhere"  # the scope of the account's window
CHAT: Final = "code_chat"


def hashed(platform: Platform, *parts: str) -> str:
    """A key made of what identifies a client, of which nothing can be read back."""
    return platform.vault.signature("limits", "\n".join(parts)).hex()[:32]


class ChatGuesses:
    """The guesses of one person in the manager bot's chat. An attempt counts before it is checked, and not when it was right."""

    def __init__(self, platform: Platform, email: str, telegram_id: int) -> None:
        self._windows = FixedWindows(platform.redis)
        person, account = parse(PER_PERSON), parse(CODES_PER_ACCOUNT)
        self._person = (person, person.key_for(hashed(platform, "telegram", str(telegram_id)), CHAT))
        self._account = (account, account.key_for(hashed(platform, "account", email), ANYWHERE))

    def count(self) -> None:
        """Count one. Raises RateLimited when there were too many."""
        for limit, name in (self._person, self._account):
            self._count(limit, name)

    def forget(self) -> None:
        """The code was right: forget the person's failures before it, and uncount this attempt of the account's."""
        limit, name = self._account
        self._windows.clear(self._person[1])
        self._windows.count(name, limit.get_expiry(), -1)

    def _count(self, limit: RateLimitItem, name: str) -> None:
        window = self._windows.count(name, limit.get_expiry())
        if window.count > limit.amount:
            minutes = max(1, math.ceil((window.ends_at - time.time()) / 60))
            raise RateLimited(
                Text("Too many codes were tried. Try again in {minutes} min", minutes=minutes),
                retry_after=60.0 * minutes,
            )
