"""Whether a message that may have arrived is sent once more, and when (`at_least_once`, `at_most_once`)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from services.core.errors import NeverSent, Rejected, TelegramError, TokenRejected, TooManyRequests
from services.core.i18n import Text
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.telegram.client import TelegramClient

MOST_SENDS: Final = 2  # of one message whose outcome is unknown: the first, and one repetition
KNOWN_SECONDS: Final = 1.0  # that one look at a bot holds for all its messages
BEING_ASKED: Final = Text("Telegram is being asked whether it answers again")


def most_uncertain(at_most_once: bool) -> int:
    """The sends of unknown outcome after which a message is given up."""
    return 1 if at_most_once else MOST_SENDS


def may_be_there(message: OutboxMessage, error: TelegramError) -> bool:
    """Whether a message that is given up for `error` may have arrived: what ended its repetition tells nothing about the first send."""
    return error.may_have_arrived or message.uncertain > 0


@dataclass
class _Look:
    """What was last heard of one bot: why it was not answered, None when it was. It holds `until` then, monotonic."""

    asking: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0.0
    error: TelegramError | None = None


class Repetitions:
    """When the messages of one process are repeated: once Telegram answers their bots again.

    Whatever kept the answer to the first send from coming would keep that to the repetition as well, and there is but one: a Bot API
    that hangs up for two seconds would make a dead letter of all that was on its way. One message of a bot asks for all.
    """

    def __init__(self, client: TelegramClient) -> None:
        self._client = client
        self._looks: dict[int, _Look] = {}  # of bots that had something to repeat

    def reason_to_wait(self, bot_id: int, token: str) -> TelegramError | None:
        """Why nothing of the bot is repeated now: NeverSent. None when Telegram answers it, be it by a refusal."""
        look = self._looks.setdefault(bot_id, _Look())
        if not look.asking.acquire(blocking=False):
            return NeverSent(BEING_ASKED)
        try:
            if time.monotonic() >= look.until:
                look.error = self._ask(token)
                look.until = time.monotonic() + KNOWN_SECONDS
            return look.error
        finally:
            look.asking.release()

    def _ask(self, token: str) -> TelegramError | None:
        try:
            self._client.call(token, "getMe")
        except (Rejected, TokenRejected, TooManyRequests):
            return None
        except TelegramError as error:
            return NeverSent(error.text, error_code=error.error_code)
        return None
