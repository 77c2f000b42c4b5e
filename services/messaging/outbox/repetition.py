"""Whether a message that may have arrived is sent once more, and when (`at_least_once`, `at_most_once`)."""

from __future__ import annotations

import time
from typing import Final

from services.core.errors import NeverSent, Rejected, TelegramError, TokenRejected, TooManyRequests
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.telegram.client import TelegramClient

MOST_UNCERTAIN: Final = 2  # sends of one message whose outcome is unknown: the first, and one repetition
KNOWN_SECONDS: Final = 1.0  # that one look at a bot holds for all its messages


def most_uncertain(at_most_once: bool) -> int:
    """The sends of unknown outcome after which a message is given up."""
    return 1 if at_most_once else MOST_UNCERTAIN


def may_have_arrived(message: OutboxMessage, error: TelegramError) -> bool:
    """Whether a message that is given up for `error` may be there: what ended its repetition tells nothing about the first send."""
    return error.may_have_arrived or message.uncertain > 0


class Repetitions:
    """When the messages of one process are repeated: once Telegram answers their bots again.

    Whatever kept the answer to the first send from coming would keep that to the repetition as well, and there is but one: a Bot API
    that hangs up for two seconds would make a dead letter of all that was on its way.
    """

    def __init__(self, client: TelegramClient, timeout: float) -> None:
        self._client = client
        self._timeout = timeout  # s
        self._looks: dict[
            int, tuple[float, TelegramError | None]
        ] = {}  # bot -> until when, monotonic, and the answer

    def reason_to_wait(self, bot_id: int, token: str) -> TelegramError | None:
        """What a repetition for the bot fails by already; None when it may leave."""
        until, error = self._looks.get(bot_id, (0.0, None))
        if time.monotonic() >= until:
            error = self._look(token)
            now = time.monotonic()
            others = {bot: look for bot, look in self._looks.items() if look[0] > now}
            self._looks = {**others, bot_id: (now + KNOWN_SECONDS, error)}
        return error

    def _look(self, token: str) -> TelegramError | None:
        try:
            self._client.call(token, "getMe", total_timeout=self._timeout)
        except Rejected:
            return None
        except (TooManyRequests, TokenRejected) as error:
            return error
        except TelegramError as error:
            return NeverSent(error.text, error_code=error.error_code)
        return None
