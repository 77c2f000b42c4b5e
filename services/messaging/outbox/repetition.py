"""Whether a message that may have arrived is sent once more, and when (`at_least_once`, `at_most_once`)."""

from __future__ import annotations

from typing import Final

from services.core.errors import NeverSent, Rejected, TelegramError, TokenRejected, TooManyRequests, Uncertain
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.telegram.client import TelegramClient

AT_LEAST_ONCE: Final = 2  # sends whose outcome is unknown: the first, and one repetition
AT_MOST_ONCE: Final = 1


def most_uncertain(at_most_once: bool) -> int:
    """The sends of unknown outcome after which a message is given up."""
    return AT_MOST_ONCE if at_most_once else AT_LEAST_ONCE


def silence(client: TelegramClient, token: str) -> TelegramError | None:
    """Why a repetition has to wait; None once Telegram answers the bot.

    Whatever kept the answer to the first send from coming would keep that to the repetition as well, and there is but one: a Bot API
    that hangs up for two seconds would make a dead letter of all that was on its way.
    """
    try:
        client.call(token, "getMe")
    except Rejected:
        return None
    except (TooManyRequests, TokenRejected) as error:
        return error
    except TelegramError as error:
        return NeverSent(error.text, error_code=error.error_code)
    return None


def given_up_for(message: OutboxMessage, error: TelegramError) -> TelegramError:
    """What its dead letter says: a repetition that never left tells nothing about the first send."""
    return Uncertain(error.text) if message.uncertain and isinstance(error, NeverSent) else error
