"""Where an event belongs: its chat, topic, business connection and message, and the parameters by which a reply gets there.

The Bot API spells a place differently from method to method; the spellings are gathered here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

# Accounts of Telegram's own, under which comes what somebody else wrote: a group's administrator who does not show
# themselves, a channel that writes in a group, a channel's post in the group of its comments.
ANONYMOUS_ADMIN: Final = 1087968824
CHANNEL: Final = 136817688
TELEGRAM: Final = 777000
SERVICE_ACCOUNTS: Final = frozenset((ANONYMOUS_ADMIN, CHANNEL, TELEGRAM))


@dataclass(frozen=True)
class Address:
    """The place of one event. What it has none of is 0 or "".

    `message_id` and `inline_message_id` name the message that the event is or hangs on, whichever Telegram told.
    """

    chat_id: int
    message_id: int = 0
    message_thread_id: int = 0
    direct_messages_topic_id: int = 0
    business_connection_id: str = ""
    inline_message_id: str = ""

    def to_send(self) -> dict[str, Any]:
        """Parameters that put a new message beside the event: same chat, same topic, on the same account's behalf."""
        return {
            "chat_id": self.chat_id,
            **_given(
                business_connection_id=self.business_connection_id,
                message_thread_id=self.message_thread_id,
                direct_messages_topic_id=self.direct_messages_topic_id,
            ),
        }

    def to_reply(self) -> dict[str, Any]:
        """Parameters that make a new message a reply to the event's; sent all the same when that was deleted meanwhile."""
        if not self.message_id:
            return {}
        return {"reply_parameters": {"message_id": self.message_id, "allow_sending_without_reply": True}}

    def to_edit(self, message_id: int | None = None) -> dict[str, Any]:
        """Parameters that name a message to be edited: `message_id` of this chat, or the event's own.

        ValueError when the event hangs on none.
        """
        if self.inline_message_id and message_id is None:
            return {"inline_message_id": self.inline_message_id}
        return {
            "chat_id": self.chat_id,
            "message_id": self._named(message_id),
            **_given(business_connection_id=self.business_connection_id),
        }

    def to_delete(self, message_id: int | None = None) -> tuple[str, dict[str, Any]]:
        """Method and parameters that delete a message: `message_id` of this chat, or the event's own.

        No bot can delete a message that was sent by way of it (inline): that one loses its buttons. ValueError when the
        event hangs on none.
        """
        if self.inline_message_id and message_id is None:
            return "editMessageReplyMarkup", {"inline_message_id": self.inline_message_id}
        number = self._named(message_id)
        if self.business_connection_id:
            connection = {"business_connection_id": self.business_connection_id}
            return "deleteBusinessMessages", {**connection, "message_ids": [number]}
        return "deleteMessage", {"chat_id": self.chat_id, "message_id": number}

    def _named(self, message_id: int | None) -> int:
        found = message_id or self.message_id
        if not found:
            raise ValueError("this update hangs on no message: name one by message_id")
        return found


def address_of(event: Any, chat_id: int) -> Address:
    """The address of an event, as the library's type; `chat_id` is its chat, or the person's where it has none, or 0."""
    message = _told(event, "message") or event
    in_topic = _told(message, "is_topic_message")  # a thread of replies has an id too: no send may name it
    return Address(
        chat_id=chat_id or _told(event, "user_chat_id") or 0,
        message_id=_told(message, "message_id") or 0,
        message_thread_id=(_told(message, "message_thread_id") or 0) if in_topic else 0,
        direct_messages_topic_id=_told(_told(message, "direct_messages_topic"), "topic_id") or 0,
        business_connection_id=_told(message, "business_connection_id") or "",
        inline_message_id=_told(event, "inline_message_id") or "",
    )


def _told(holder: Any, name: str) -> Any:
    """A field of a type of the library's; asking for one that a message no longer shows would log a warning."""
    return getattr(holder, "__dict__", {}).get(name)


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value}
