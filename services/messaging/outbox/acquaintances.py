"""Who may be written to by a bot that got another identity at Telegram: only those who have turned to that one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sqlalchemy import select

from models import Lead
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.platform import Platform

REMEMBERED: Final = 100_000  # (bot, identity, chat) per process known to have returned


class Acquaintances:
    """Asks the database once per person who has returned, and each time for one who has not. Thread-safe."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._returned: OrderedDict[tuple[int, int, str], None] = OrderedDict()

    def knows(self, outgoing: OutboxMessage, identity: int) -> bool:
        """Whether the message may be tried: True unless it is for a lead who has met former identities only.

        Of groups, and of people who are no leads, Telegram itself decides. Raises Unavailable.
        """
        person = (outgoing.bot_id, identity, outgoing.chat)
        if not outgoing.chat.isdecimal() or "business_connection_id" in outgoing.call["params"]:
            return True
        if person in self._returned:
            return True
        met = select(Lead.identity).where(
            Lead.bot_id == outgoing.bot_id, Lead.telegram_id == int(outgoing.chat)
        )
        with self._platform.database.reading() as session:
            found = session.scalar(met)
        if found is not None and found != identity:
            return False
        self._remember(person)
        return True

    def _remember(self, person: tuple[int, int, str]) -> None:
        self._returned[person] = None
        if len(self._returned) > REMEMBERED:
            self._returned.popitem(last=False)
