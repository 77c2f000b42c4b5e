"""Telegram's words of refusal, as they were seen, and whose affair each is."""

from __future__ import annotations

import pytest

from services.core.errors import Rejected
from services.platform.telegram.outcomes import failure_of
from services.platform.telegram.refusals import RefusalClass, lead_state, refusal_class

SEEN = {
    RefusalClass.AS_DONE: (
        (400, "deleteMessage", "Bad Request: message to delete not found"),
        (400, "editMessageText", "Bad Request: message to edit not found"),
        (
            400,
            "editMessageText",
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message",
        ),
        (
            400,
            "answerCallbackQuery",
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        ),
        (400, "editMessageText", "Bad Request: MESSAGE_ID_INVALID"),
        (400, "closeForumTopic", "Bad Request: TOPIC_NOT_MODIFIED"),
        (400, "setChatTitle", "Bad Request: chat title is not modified"),
        (400, "approveChatJoinRequest", "Bad Request: HIDE_REQUESTER_MISSING"),
    ),
    RefusalClass.PLACE_GONE: (
        (400, "sendMessage", "Bad Request: chat not found"),
        (400, "sendMessage", "Bad Request: TOPIC_CLOSED"),
        (400, "sendMessage", "Bad Request: message thread not found"),
        (400, "sendMessage", "Bad Request: have no rights to send a message"),
        (400, "sendMessage", "Bad Request: not enough rights to send text messages to the chat"),
        (400, "sendMessage", "Bad Request: need administrator rights in the channel chat"),
        (400, "sendPhoto", "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN"),
        (400, "sendMessage", "Bad Request: CHAT_WRITE_FORBIDDEN"),
        (400, "deleteMessage", "Bad Request: message can't be deleted for everyone"),
        (400, "sendMessage", "Bad Request: BUSINESS_CONNECTION_INVALID"),
        (403, "sendMessage", "Forbidden: bot was kicked from the supergroup chat"),
        (403, "sendMessage", "Forbidden: bot is not a member of the channel chat"),
        (403, "sendMessage", "Forbidden: the group chat was deleted"),
        (403, "deleteMessage", "Forbidden: MESSAGE_DELETE_FORBIDDEN"),
        (403, "sendMessage", "Forbidden: words of tomorrow"),
    ),
    RefusalClass.PERSON_GONE: (
        (403, "sendMessage", "Forbidden: bot was blocked by the user"),
        (403, "sendMessage", "Forbidden: user is deactivated"),
        (403, "sendMessage", "Forbidden: bot can't initiate conversation with a user"),
        (400, "sendMessage", "Bad Request: USER_IS_BLOCKED"),
    ),
    RefusalClass.OUR_FAULT: (
        (400, "sendMessage", "Bad Request: message text is empty"),
        (400, "sendMessage", "Bad Request: message is too long"),
        (400, "sendMessage", "Bad Request: message to be replied not found"),
        (
            400,
            "sendMessage",
            'Bad Request: can\'t parse entities: Unsupported start tag "chat not found" at byte offset 0',
        ),
        (400, "copyMessage", "Bad Request: MESSAGE_ID_INVALID"),
        (400, "sendMessage", "Bad Request: BUTTON_DATA_INVALID"),
        (404, "sendNothing", "Not Found: method not found"),
        (400, "sendMessage", "Bad Request: words of tomorrow"),
    ),
}
CASES = [(meaning, *case) for meaning, cases in SEEN.items() for case in cases]


def rejected(code: int, description: str) -> Rejected:
    """The error made of Telegram's answer."""
    error = failure_of(code, {"ok": False, "error_code": code, "description": description})
    assert isinstance(error, Rejected)
    return error


@pytest.mark.parametrize(("meaning", "code", "method", "description"), CASES)
def test_each_refusal_has_its_class(meaning: RefusalClass, code: int, method: str, description: str) -> None:
    assert refusal_class(rejected(code, description), method) is meaning


def test_a_person_who_left_telegram_is_told_from_one_who_blocked_the_bot() -> None:
    gone = [description for meaning, _, _, description in CASES if meaning is RefusalClass.PERSON_GONE]
    states = [lead_state(rejected(403, description)) for description in gone]
    assert states == ["blocked", "deactivated", "blocked", "blocked"]
