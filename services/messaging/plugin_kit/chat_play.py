"""A chat played from its steps: what stands in it at the end, or where the play ended early."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from typing_extensions import TypedDict

from plugins.http import HttpError
from services.fleet.text_preview import SAMPLE, BlockView, blocks_of
from services.messaging.plugin_kit.chat import Chat
from services.messaging.plugin_kit.played_bot import Chosen
from services.messaging.plugin_kit.played_telegram import ShownMessage, TelegramRefuses

MOST_STEPS: Final = 30
LONGEST_STEP: Final = 4096  # characters of a message, as Telegram takes it


@dataclass(frozen=True)
class Step:
    """What the person does: writes `text`, taps the button at `place` below the message `message_id`, or waits `seconds`."""

    text: str = ""
    message_id: int = 0
    place: int = 0
    seconds: int = 0


class ButtonView(TypedDict):
    """A button; `place` is how a step names it, `url` what it opens instead."""

    text: str
    place: int
    url: str


class ChatMessageView(TypedDict):
    """A message as it stands at the end, of the person (`is_own`) or the bot."""

    message_id: int
    is_own: bool
    blocks: list[BlockView]
    rows: list[list[ButtonView]]


class FailureView(TypedDict):
    """What a custom plugin did wrong: a stable code, and the line of its file where that is known."""

    file: str
    line: int | None
    code: str
    reason: str


class ChatPictureView(TypedDict):
    """The chat. `notice` is what the last tap was answered with. The play ended early with `refusal`, Telegram's word against a
    message, or with `failure`, of a custom plugin.
    """

    messages: list[ChatMessageView]
    notice: str
    refusal: str
    failure: FailureView | None


class _Away(dict[str, Any]):
    """Other APIs, none of which can be reached."""

    def __contains__(self, url: object) -> bool:
        return True

    def __missing__(self, url: str) -> HttpError:
        return HttpError("unreachable")


@dataclass
class Play:
    """A play, as far as it has come; `view` is of use after `run` has raised, too."""

    steps: Sequence[Step]
    chat: Chat | None = None
    refusal: str = ""
    _own: list[ChatMessageView] = field(default_factory=list)

    def run(self, plugins: Chosen, *, strategy: str, bot_name: str, language: str) -> None:
        """Play all steps, or those before a message that Telegram would refuse. Raises what a plugin raises."""
        if not plugins:
            return
        (first, config), *beside = plugins
        chat = self.chat = Chat(
            first,
            config,
            beside=beside,
            strategy=strategy,
            bot_name=bot_name,
            language=language,
            first_name=str(SAMPLE["first_name"]),
            username=str(SAMPLE["username"]),
        )
        chat.http.answers = _Away()
        try:
            self._take(chat, self.steps)
        except TelegramRefuses as refused:
            self.refusal = refused.description

    def _take(self, chat: Chat, steps: Iterable[Step]) -> None:
        for step in steps:
            time.sleep(0)  # the process may serve clicks as well, and a big menu takes it 15 ms
            chat.telegram.notices.clear()
            if step.seconds:
                chat.wait(seconds=step.seconds)
                continue
            if step.message_id:
                chat.tap_place(step.message_id, step.place)
                continue
            number, blocks = chat.telegram.next_id(), blocks_of(step.text, None)
            self._own.append({"message_id": number, "is_own": True, "blocks": blocks, "rows": []})
            chat.send(step.text)

    def view(self, failure: FailureView | None = None) -> ChatPictureView:
        """What stands in the chat."""
        shown = [_shown(message) for message in self.chat.messages] if self.chat else []
        has_notice = self.chat is not None and bool(self.steps) and self.steps[-1].message_id != 0
        return {
            "messages": sorted([*self._own, *shown], key=lambda each: each["message_id"]),
            "notice": self.chat.notice if self.chat and has_notice else "",
            "refusal": self.refusal,
            "failure": failure,
        }


def _shown(message: ShownMessage) -> ChatMessageView:
    source = str(message.params.get("text", message.params.get("caption", message.method)))
    return {
        "message_id": message.message_id,
        "is_own": False,
        "blocks": blocks_of(source, message.params.get("parse_mode")),
        "rows": _rows(message),
    }


def _rows(message: ShownMessage) -> list[list[ButtonView]]:
    markup = message.params.get("reply_markup") or {}
    rows: list[list[ButtonView]] = []
    place = 0
    for row in markup.get("inline_keyboard") or markup.get("keyboard") or ():
        rows.append([])
        for each in row:
            button = each if isinstance(each, dict) else {"text": each}
            rows[-1].append({"text": str(button["text"]), "place": place, "url": str(button.get("url", ""))})
            place += 1
    return rows
