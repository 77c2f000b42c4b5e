"""Telegram as far as a plugin's test needs it: chats with the messages that stand in them. Nothing leaves the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plugins.markup import MarkupError, visible
from plugins.texts import LONGEST_CAPTION, LONGEST_MESSAGE, is_blank, units

WRITING: Final = ("send", "copyMessage", "forwardMessage")  # methods that begin so make a message
NO_MESSAGE: Final = ("sendChatAction",)
BAD_REQUEST: Final = 400


class TelegramRefuses(AssertionError):
    """Telegram would answer a call of the plugin with an error; `error_code` and `description` are its words."""

    def __init__(self, description: str, error_code: int = BAD_REQUEST) -> None:
        super().__init__(description)
        self.description = description
        self.error_code = error_code


@dataclass
class ShownMessage:
    """A message of the bot as it stands in a chat.

    `text` is what people see, of a text or caption; `params` is what the plugin asked for, `params["text"]` with its markup.
    """

    message_id: int
    chat_id: int
    method: str
    params: dict[str, Any]
    text: str
    edited: bool = False

    @property
    def thread(self) -> int:
        """The topic that it stands in, 0 for none."""
        return int(self.params.get("message_thread_id") or 0)

    @property
    def buttons(self) -> list[str]:
        """The labels below it, row by row."""
        return [str(button["text"]) for button in self.all_buttons()]

    def all_buttons(self) -> Iterator[dict[str, Any]]:
        """The buttons below it; of a keyboard of plain texts also those."""
        markup = self.params.get("reply_markup") or {}
        for row in markup.get("inline_keyboard") or markup.get("keyboard") or ():
            for button in row:
                yield button if isinstance(button, dict) else {"text": button}


@dataclass
class PlayedTelegram:
    """What the bot has done, and what stands in its chats. `forums` are the groups with topics."""

    shown: list[ShownMessage] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    forums: set[int] = field(default_factory=set)
    gone_topics: dict[int, str] = field(default_factory=dict)  # topic -> description of the refusal
    silent: set[str] = field(default_factory=set)  # methods whose answer never comes
    refusals: dict[str, str] = field(default_factory=dict)  # method -> description, on a test's order
    _last_id: int = 100

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """What Telegram answers; TelegramRefuses for what it would not do."""
        self.calls.append((method, params))
        if method in self.refusals:
            raise TelegramRefuses(self.refusals[method])
        if method.startswith(WRITING) and method not in NO_MESSAGE:
            return self._written(method, params)
        if method.startswith("edit") and "message_id" in params:
            return self._edited(params)
        if method == "createForumTopic":
            return self._topic(params)
        if method in ("deleteMessage", "deleteMessages"):
            gone = {params.get("message_id"), *params.get("message_ids", ())}
            self.shown = [
                each for each in self.shown if (each.chat_id, each.message_id) not in _at(params, gone)
            ]
        elif method == "answerCallbackQuery" and params.get("text"):
            self.notices.append(str(params["text"]))
        return True

    def next_id(self) -> int:
        """The number of the next message or topic."""
        self._last_id += 1
        return self._last_id

    def _written(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        text = _seen(params)
        if (topic := params.get("message_thread_id")) in self.gone_topics:
            raise TelegramRefuses(self.gone_topics[topic])
        if method == "sendMessage" and is_blank(text):
            raise TelegramRefuses("Bad Request: message text is empty")
        message = ShownMessage(self.next_id(), int(params["chat_id"]), method, params, text)
        self.shown.append(message)
        return {"message_id": message.message_id, "chat": {"id": message.chat_id}}

    def _edited(self, params: dict[str, Any]) -> bool:
        place = (int(params["chat_id"]), int(params["message_id"]))
        for each in self.shown:
            if (each.chat_id, each.message_id) == place:
                kept = {name: value for name, value in each.params.items() if name != "reply_markup"}
                each.params, each.edited = {**kept, **params}, True
                each.text = _seen(each.params)
                return True
        raise TelegramRefuses("Bad Request: message to edit not found")

    def _topic(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["chat_id"] not in self.forums:
            raise TelegramRefuses("Bad Request: the chat is not a forum")
        return {"message_thread_id": self.next_id(), "name": params["name"]}


def _at(params: Mapping[str, Any], numbers: set[Any]) -> set[tuple[Any, Any]]:
    return {(params["chat_id"], number) for number in numbers}


def _seen(params: Mapping[str, Any]) -> str:
    """The text or caption that people see; TelegramRefuses for markup that cannot be read and for what is too long."""
    of_caption = "text" not in params
    source = str(params.get("caption", "") if of_caption else params["text"])
    try:
        text = visible(source, params.get("parse_mode"))
    except MarkupError as error:
        raise TelegramRefuses(f"Bad Request: can't parse entities: {error.kind} {error.values}") from None
    if units(text) > (LONGEST_CAPTION if of_caption else LONGEST_MESSAGE):
        raise TelegramRefuses("Bad Request: message is too long")
    return text
