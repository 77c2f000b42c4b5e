"""What Telegram's refusal of one call means: the table of its words, and whose affair each is.

The words are those of the Bot API's `description`, looked for in any case; the list grows with what is seen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from services.core.errors import Rejected, TelegramError, TokenRejected


class RefusalClass(StrEnum):
    """Whose affair a refusal is. Only what is our fault is of use to anybody who looks at it later."""

    AS_DONE = "as_done"  # what was wanted is so already, or nobody waits for it any more
    PLACE_GONE = "place_gone"  # the chat, topic or connection is closed to the bot
    PERSON_GONE = "person_gone"  # blocked the bot, left Telegram, or never wrote to it
    OUR_FAULT = "our_fault"  # the call itself was wrong: a plugin, a text, this program


FORBIDDEN: Final = 403  # Telegram's answer about people and places; in unknown words it is about the place
DEACTIVATED: Final = "deactivated"
MALFORMED: Final = "can't parse entities"  # first in the table: what follows quotes the text that was sent
DELETED: Final = "message_id_invalid"  # an inline message that its chat deleted; of other methods, a wrong id
CHANGES: Final = ("edit", "delete", "stop")  # methods that begin so want nothing of a message that is gone
REFUSALS: Final[dict[str, RefusalClass]] = {
    MALFORMED: RefusalClass.OUR_FAULT,
    "message to delete not found": RefusalClass.AS_DONE,
    "message to edit not found": RefusalClass.AS_DONE,
    "message to pin not found": RefusalClass.AS_DONE,
    "message to unpin not found": RefusalClass.AS_DONE,
    "message to react not found": RefusalClass.AS_DONE,
    "is not modified": RefusalClass.AS_DONE,  # a message, a chat's title or description
    "not_modified": RefusalClass.AS_DONE,
    "query is too old": RefusalClass.AS_DONE,
    "hide_requester_missing": RefusalClass.AS_DONE,  # a request to join that somebody else decided
    "user_already_participant": RefusalClass.AS_DONE,
    "chat not found": RefusalClass.PLACE_GONE,
    "chat was deleted": RefusalClass.PLACE_GONE,
    "upgraded to a supergroup": RefusalClass.PLACE_GONE,  # what named one of its messages: they have no successors
    "group chat was deactivated": RefusalClass.PLACE_GONE,
    "bot was kicked": RefusalClass.PLACE_GONE,
    "bot is not a member": RefusalClass.PLACE_GONE,
    "channel_private": RefusalClass.PLACE_GONE,
    "peer_id_invalid": RefusalClass.PLACE_GONE,
    "thread not found": RefusalClass.PLACE_GONE,
    "topic_closed": RefusalClass.PLACE_GONE,
    "topic_deleted": RefusalClass.PLACE_GONE,
    "topic_id_invalid": RefusalClass.PLACE_GONE,
    "have no rights": RefusalClass.PLACE_GONE,
    "not enough rights": RefusalClass.PLACE_GONE,
    "need administrator rights": RefusalClass.PLACE_GONE,
    "chat_admin_required": RefusalClass.PLACE_GONE,
    "chat_restricted": RefusalClass.PLACE_GONE,
    "chat_write_forbidden": RefusalClass.PLACE_GONE,
    "chat_send_": RefusalClass.PLACE_GONE,  # CHAT_SEND_PHOTOS_FORBIDDEN and its siblings
    "voice_messages_forbidden": RefusalClass.PLACE_GONE,
    "message can't be deleted": RefusalClass.PLACE_GONE,  # no right to, or older than 48 hours
    "business_connection_invalid": RefusalClass.PLACE_GONE,
    "business_connection_not_allowed": RefusalClass.PLACE_GONE,
    "business connection not found": RefusalClass.PLACE_GONE,
    "business_peer_invalid": RefusalClass.PLACE_GONE,
    "blocked by the user": RefusalClass.PERSON_GONE,
    "user_is_blocked": RefusalClass.PERSON_GONE,
    "user is deactivated": RefusalClass.PERSON_GONE,
    "input_user_deactivated": RefusalClass.PERSON_GONE,
    "can't initiate conversation": RefusalClass.PERSON_GONE,
    "can't send messages to bots": RefusalClass.PERSON_GONE,
}


def refusal_class(error: Rejected, method: str) -> RefusalClass:
    """What it means that Telegram refused a call of `method` with `error`."""
    words = error.message.lower()
    known = next((found for part, found in REFUSALS.items() if part in words), None)
    if known is not None:
        return known
    if DELETED in words and method.startswith(CHANGES):
        return RefusalClass.AS_DONE
    return RefusalClass.PLACE_GONE if error.error_code == FORBIDDEN else RefusalClass.OUR_FAULT


def rejection_cause(error: TelegramError) -> str:
    """Why the bot itself is refused, as the checks' stable word; "" where something else is."""
    if isinstance(error, TokenRejected):
        return "not_found" if error.error_code == 404 else "unauthorized"
    return "frozen" if isinstance(error, Rejected) and error.code == "telegram_frozen" else ""


def lead_state(error: Rejected) -> str:
    """The state of the person behind a refusal of the class PERSON_GONE."""
    return "deactivated" if DEACTIVATED in error.message.lower() else "blocked"


def is_malformed(error: Rejected) -> bool:
    """Whether Telegram could not read the formatting of a text."""
    return MALFORMED in error.message.lower()
