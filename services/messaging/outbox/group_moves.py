"""What was meant for a group that became a supergroup goes there; what names a message of the group finds it gone."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.upgraded_groups import SUPERGROUPS, UpgradedGroups
from services.platform.platform import Platform

REMEMBERED: Final = 1000  # groups of this process: forgotten ones cost a refused call
OF_THE_GROUP: Final = frozenset(("message_id", "message_ids"))


class GroupMoves:
    """The upgrades that one process's senders have met."""

    def __init__(self, platform: Platform) -> None:
        self._groups = UpgradedGroups(platform)
        self._present: OrderedDict[tuple[int, int], int] = OrderedDict()

    def follow(self, message: OutboxMessage) -> None:
        """Send to the supergroup what waits for a group whose upgrade is known."""
        present = self._present.get((message.bot_id, _chat_of(message)))
        if present is not None and _can_follow(message):
            message.migrate(present)

    def learn(self, message: OutboxMessage, present: int) -> bool:
        """Whether the message now goes to `present`, as Telegram's refusal said. Raises RedisError."""
        if not _can_follow(message):
            return False
        former = _chat_of(message)
        self._groups.note(message.bot_id, former, present)
        self._present[message.bot_id, former] = present
        if len(self._present) > REMEMBERED:
            self._present.popitem(last=False)
        message.migrate(present)
        return True


def _can_follow(message: OutboxMessage) -> bool:
    """Messages get other numbers in the supergroup: who names one of the group's own would change a stranger there."""
    params: dict[str, Any] = message.call["params"]
    names_own = bool(OF_THE_GROUP & params.keys()) and "from_chat_id" not in params
    return not message.migrated and not names_own and SUPERGROUPS < _chat_of(message) < 0


def _chat_of(message: OutboxMessage) -> int:
    chat = str(message.call["params"].get("chat_id", ""))
    return int(chat) if chat.removeprefix("-").isdecimal() else 0
