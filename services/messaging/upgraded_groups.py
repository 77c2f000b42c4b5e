"""Groups that became supergroups: Telegram gives the chat another id, and what was kept under the former one goes on.

Both ids are told by a service message in either chat, and by the refusal of whatever is sent to the former one.
"""

from __future__ import annotations

from typing import Any

from services.core.identifiers import is_telegram_id
from services.platform.platform import Platform
from services.platform.redis import keys

SUPERGROUPS = -(10**12)  # ids below are supergroups and channels, ids between it and 0 groups


class UpgradedGroups:
    """Which supergroup was which group, by bot."""

    def __init__(self, platform: Platform) -> None:
        self._redis = platform.redis
        settings = platform.settings
        self._seconds = max(settings.callback_menu_seconds, settings.conversation_ttl_seconds)

    def note(self, bot_id: int, former: int, present: int) -> None:
        """Remember that the group `former` became the supergroup `present`. Raises RedisError."""
        self._redis.set(keys.former_chat(bot_id, present), former, ex=self._seconds)

    def former_id(self, bot_id: int, chat_id: int) -> int | None:
        """The id that a supergroup had as a group; None when it is not known to have been one. Raises RedisError."""
        found = self._redis.get(keys.former_chat(bot_id, chat_id)) if chat_id < SUPERGROUPS else None
        return None if found is None else int(str(found))

    def stored(self, bot_id: int, chat_id: int, key: str) -> tuple[str | None, int]:
        """The value of `key` and, if there is none, the chat's former id or 0, in one round trip. Raises RedisError."""
        if chat_id >= SUPERGROUPS:
            found = self._redis.get(key)
            return (None if found is None else str(found)), 0
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(key)
            pipe.getex(keys.former_chat(bot_id, chat_id), ex=self._seconds)
            found, former = pipe.execute()
        return (None if found is None else str(found)), int(former or 0) if found is None else 0


def upgrade_told_by(update: dict[str, Any]) -> tuple[int, int] | None:
    """Former and present id of the group whose upgrade a service message tells of; None for all other updates."""
    message = update.get("message")
    if not isinstance(message, dict) or "text" in message:
        return None
    chat = message.get("chat")
    here = chat.get("id") if isinstance(chat, dict) else None
    for ids in ((here, message.get("migrate_to_chat_id")), (message.get("migrate_from_chat_id"), here)):
        former, present = ids
        if is_telegram_id(former) and is_telegram_id(present) and present < SUPERGROUPS < former < 0:
            return former, present
    return None
