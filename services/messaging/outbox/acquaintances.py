"""Who may be written to by a bot that got another identity at Telegram: only those who have turned to that one in private."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sqlalchemy import select

from models import Lead
from services.core.errors import Rejected
from services.fleet.bots.identity import Identity
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.platform import Platform
from services.platform.telegram.refusals import FORBIDDEN

REMEMBERED: Final = 100_000  # (bot, identity, chat) per process known to have returned


class Acquaintances:
    """Asks the database once per person who has returned, and each time for one who has not. Thread-safe."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._returned: OrderedDict[tuple[int, int, str], None] = OrderedDict()

    def check(self, outgoing: OutboxMessage, identity: Identity) -> None:
        """Raise Rejected for a message that the bot's present identity cannot send, in place of trying; or Unavailable.

        What was written before it took over speaks of chats, messages and buttons of another bot. Of groups, and of people
        who are no leads, Telegram itself decides.
        """
        if identity.number == 1:
            return
        if identity.is_after(outgoing.entry_id):
            raise Rejected(
                "It waited when another bot of Telegram took over, which knows none of its chats and messages",
                code="former_identity",
            )
        if not self._knows(outgoing, identity.number):
            raise Rejected(
                "This person knows only the bot's former identity and has not pressed Start at the new one yet",
                code="not_returned",
                error_code=FORBIDDEN,
            )

    def _knows(self, outgoing: OutboxMessage, identity: int) -> bool:
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
